"""`firkin bench report`: the page of a run."""

from __future__ import annotations

import os
import sys

from firkin.workbench.page.document import write_page
from firkin.workbench.page.markup import Markup
from firkin.workbench.report.page import result_page
from firkin.workbench.report.result import as_result, read_result

__all__ = ["report", "write", "write_result"]


def report(path: str, output: str) -> int:
    """Write the page of the result in a file to `output`, `-` for standard output; beside it if that is empty.

    Raises ConfigError, KernelError.
    """
    write(result_page(read_result(path)), output or f"{os.path.splitext(path)[0]}.html")
    return 0


def write_result(document: dict[str, object], output: str) -> None:
    """Write the page of a run that is not in a file yet. Raises KernelError."""
    write(result_page(as_result(document)), output)


def write(content: Markup, output: str) -> None:
    """Write a page, and say where it is. Raises KernelError."""
    if output == "-":
        sys.stdout.write(content)
        return
    write_page(output, content)
    sys.stderr.write(f"{output} written: open it in a browser\n")

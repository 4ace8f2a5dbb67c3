"""Settings of the machine that are changed for a while, and put back whatever becomes of who changed them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from firkin.errors import FirkinError
from firkin.workbench.loads import PROGRAM

__all__ = ["undone"]


@contextmanager
def undone(file: str, text: str) -> Iterator[None]:
    """`text` is written to `file` in the end: by a process that does it when this one dies, be it by SIGKILL.

    Raises FirkinError if it can not be written.
    """
    command = [PROGRAM, str(os.getpid()), "undo", file, text]
    # In a session of its own: Ctrl-C is not for it.
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise AssertionError("pipes were asked for")
        if process.stdout.readline() != b"ready\n":
            raise FirkinError(f"have {file} put back: {process.stderr.read().decode().strip()}")
        try:
            yield
        finally:
            process.stdin.close()
            complaint = process.stderr.read().decode().strip()
            if status := process.wait():
                raise FirkinError(f"put back {file}: {complaint or f'status {status}'}")

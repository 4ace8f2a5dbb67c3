"""Ways to run the command line: inside the test, with one more command, and as a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Protocol

import pytest

import firkin
from firkin.runtime.cli.commands import MODULES
from firkin.runtime.cli.options import Command, Option

if TYPE_CHECKING:
    from collections.abc import Callable

    from firkin.runtime.cli.commands import Invocation

PROGRAM = "import sys; sys.path.insert(0, {path!r}); {code}"
MAIN = "from firkin.runtime.cli.main import main; sys.exit(main(sys.argv[1:]))"


class Interpreter(Protocol):
    """Starts a bare interpreter that finds firkin, as the embedded one of an installation does."""

    def __call__(
        self, *arguments: str, code: str = MAIN, flags: tuple[str, ...] = (), stdout: int = subprocess.PIPE
    ) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture
def interpreter() -> Interpreter:
    """Run `code`, by default the command line, in `python -I -S`."""
    path = str(Path(firkin.__file__).parent.parent)

    def run(
        *arguments: str, code: str = MAIN, flags: tuple[str, ...] = (), stdout: int = subprocess.PIPE
    ) -> subprocess.CompletedProcess[str]:
        program = PROGRAM.format(path=path, code=code)
        argv = [sys.executable, "-I", "-S", *flags, "-c", program, *arguments]
        return subprocess.run(argv, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False, timeout=60)

    return run


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Invocation], int]], None]:
    """Add the command `probe` to the table, with a body of the test's own."""

    def add(body: Callable[[Invocation], int]) -> None:
        module = ModuleType("firkin_probe")
        command = Command("probe", "a command of the test", "[ARG...]", group="Tests", options=(Option("mark"),))
        module.__dict__.update(COMMAND=command, run=body)
        monkeypatch.setitem(sys.modules, "firkin_probe", module)
        monkeypatch.setitem(MODULES, "probe", "firkin_probe")

    return add

"""The processes behind a guest. None outlives the harness, not even where it is killed with SIGKILL."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["Child", "Children"]


class Child:
    """A running process: `pidfd` becomes readable when it ends, `log` holds what it wrote."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process
        self.pidfd = os.pidfd_open(process.pid)

    def end(self) -> None:
        """Kills and reaps it; harmless where it has ended."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Ends it, and lets go of its descriptor."""
        self.end()
        os.close(self.pidfd)

    def complaint(self) -> str:
        """The end of what it wrote."""
        return self.log.read_text(errors="replace")[-4000:].strip()


class Children:
    """Starts processes, and ends all of them when left; `logs` is the directory of what they write."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._started: list[Child] = []

    def __enter__(self) -> Children:
        return self

    def __exit__(self, *_: object) -> None:
        while self._started:
            self._started.pop().close()

    def __iter__(self) -> Iterator[Child]:
        return iter(self._started)

    def start(self, name: str, command: Sequence[str], *, pass_fds: Sequence[int] = ()) -> Child:
        """Starts `command` with no input, in a session of its own so that Ctrl-C reaches the harness alone."""
        log = self._logs / f"child{len(self._started)}.log"
        with log.open("wb") as output:
            process = self._popen(command, output, pass_fds)
        child = Child(name, process, log)
        self._started.append(child)
        return child

    @staticmethod
    def _popen(command: Sequence[str], output: IO[bytes], pass_fds: Sequence[int]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*_dying_with_parent(), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=pass_fds,
            start_new_session=True,
        )


def _dying_with_parent() -> list[str]:
    # prctl(2) after fork would be Python code in the child; util-linux has a program for it.
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []

"""A person at a terminal: a command with a pseudo-terminal as its controlling one, and what it shows."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import subprocess
import termios
import time
from types import TracebackType

from tests.support.waiting import SECONDS

__all__ = ["Terminal"]


class Terminal:
    """A command on a pseudo-terminal of `rows` and `columns`; `seen` is everything that it has written so far."""

    def __init__(self, argv: list[str], *, rows: int = 30, columns: int = 90) -> None:
        self.master, self.slave = os.openpty()
        self.resize(rows, columns)
        self.seen = b""
        self.settings = termios.tcgetattr(self.slave)
        slave = self.slave
        self.process = subprocess.Popen(
            argv,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)

    def resize(self, rows: int, columns: int) -> None:
        """Give the terminal another size, of which the kernel tells the command by a signal."""
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self.master, keys)

    def expect(self, text: bytes) -> None:
        """Read until `text` is in what was written."""
        self._read_while(lambda: text not in self.seen)

    def wait(self) -> int:
        """Read until the command ends; its exit status."""
        self._read_while(lambda: self.process.poll() is None)
        while select.select([self.master], [], [], 0)[0]:
            self.seen += os.read(self.master, 65536)
        return self.process.returncode

    def _read_while(self, goes_on: object) -> None:
        assert callable(goes_on)
        deadline = time.monotonic() + SECONDS
        while goes_on():
            assert time.monotonic() < deadline, f"still waiting after {self.seen!r}"
            if select.select([self.master], [], [], 0.05)[0]:
                self.seen += os.read(self.master, 65536)

"""The standard streams of a program, as `subprocess` has them: inherited, pipes, files, nothing."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from collections.abc import Callable
from typing import IO, TypeAlias

__all__ = ["Streams", "Target"]

Target: TypeAlias = "int | IO[bytes] | IO[str] | None"
_CHUNK = 1 << 16


class Streams:
    """Ends of three streams: `inside` are the program's, -1 for the caller's; `outside` are ours, -1 where no pipe is.

    Parameters: each is None, PIPE, DEVNULL, a descriptor or a file, and that of standard error may be STDOUT.
    """

    def __init__(self, stdin: Target, stdout: Target, stderr: Target) -> None:
        self._opened: list[int] = []
        self.outside = [-1, -1, -1]
        try:
            first, second = self._end(0, stdin), self._end(1, stdout)
            both = second if second >= 0 else 1
            self.inside = (first, second, both if stderr == subprocess.STDOUT else self._end(2, stderr))
        except BaseException:
            self.close()
            raise

    def _end(self, number: int, target: Target) -> int:
        if target is None:
            return -1
        if target == subprocess.PIPE:
            reading, writing = os.pipe2(os.O_CLOEXEC)
            inside, self.outside[number] = (reading, writing) if number == 0 else (writing, reading)
            self._opened.append(inside)
            return inside
        if target == subprocess.DEVNULL:
            self._opened.append(os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC))
            return self._opened[-1]
        return target if isinstance(target, int) else target.fileno()

    def release(self) -> None:
        """Close the program's ends, when it has them."""
        while self._opened:
            os.close(self._opened.pop())

    def close(self) -> None:
        """Close all that was opened here."""
        self.release()
        for number, fd in enumerate(self.outside):
            if fd >= 0:
                os.close(fd)
                self.outside[number] = -1

    def communicate(
        self, given: bytes, deadline: float | None, ended: Callable[[], int], found: tuple[bytearray, bytearray]
    ) -> bool:
        """Write what is given, read what comes until the streams end, and wait for the program; False at the deadline.

        Parameters: `deadline` is a time of time.monotonic(); `ended` gives a descriptor that is readable when the
        program has ended; `found` takes what it writes to standard output and error, also what came until the deadline.
        """
        rest = memoryview(given)
        with selectors.DefaultSelector() as selector:
            selector.register(ended(), selectors.EVENT_READ)
            for number, fd in enumerate(self.outside):
                if fd >= 0:
                    os.set_blocking(fd, False)
                    selector.register(fd, selectors.EVENT_READ if number else selectors.EVENT_WRITE)
            while selector.get_map():
                ready = selector.select(None if deadline is None else max(0.0, deadline - time.monotonic()))
                if not ready and deadline is not None and time.monotonic() >= deadline:
                    return False
                for key, _events in ready:
                    if key.fd == self.outside[0]:
                        rest = self._write(selector, rest)
                    elif key.fd in self.outside:
                        self._read(selector, key.fd, found)
                    else:
                        selector.unregister(key.fd)
        return True

    def _write(self, selector: selectors.BaseSelector, rest: memoryview) -> memoryview:
        try:
            rest = rest[os.write(self.outside[0], rest[:_CHUNK]) :] if rest else rest
        except BlockingIOError:
            return rest
        except BrokenPipeError:
            # As with subprocess: who does not read its input has not failed.
            rest = rest[:0]
        if not rest:
            self._drop(selector, self.outside[0])
        return rest

    def _read(self, selector: selectors.BaseSelector, fd: int, found: tuple[bytearray, bytearray]) -> None:
        data = os.read(fd, _CHUNK)
        found[self.outside.index(fd) - 1].extend(data)
        if not data:
            self._drop(selector, fd)

    def _drop(self, selector: selectors.BaseSelector, fd: int) -> None:
        selector.unregister(fd)
        self.outside[self.outside.index(fd)] = -1
        os.close(fd)

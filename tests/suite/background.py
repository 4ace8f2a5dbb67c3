"""A process beside another: its output waits until it is asked for, and then streams."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Background"]

_CHUNK = 65536


class Background:
    """Starts `command`; `close` terminates it. At its end `then` is called, in a thread, unless it was closed."""

    def __init__(self, command: Sequence[str], then: Callable[[], None] = lambda: None) -> None:
        self._start = time.monotonic()
        output, write_end = os.pipe()
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=write_end, stderr=write_end)
        os.close(write_end)
        self._held = bytearray()
        self._lock = threading.Lock()
        self._shown = False
        self._closed = False
        self._then = then
        self._end = self._start
        self._reader = threading.Thread(target=self._read, args=[output])
        self._reader.start()

    def close(self) -> None:
        """Ends the process, if it still runs; what it started is its own to end."""
        self._closed = True
        self._process.terminate()
        self._process.wait()
        self._reader.join()

    @property
    def seconds(self) -> float:
        """How long it ran, known once it was waited for."""
        return self._end - self._start

    def show(self) -> int:
        """Writes what it has written, then what it writes, until it ends; returns its status."""
        with self._lock:
            self._shown = True
            _write(bytes(self._held))
        self._reader.join()
        return self._process.wait()

    def _read(self, output: int) -> None:
        while data := os.read(output, _CHUNK):
            with self._lock:
                if self._shown:
                    _write(data)
                else:
                    self._held += data
        os.close(output)
        self._end = time.monotonic()
        if not self._closed:
            self._then()


def _write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()

"""An attacker who shares a volume with a container in the making."""

from __future__ import annotations

import ctypes
import os
import threading
from pathlib import Path
from types import TracebackType

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_LIBC = ctypes.CDLL(None, use_errno=True)


class Swapper:
    """Exchanges two names with renameat2(2) as fast as it can while the block runs; `count` is how often."""

    def __init__(self, first: Path, second: Path) -> None:
        self.count = 0
        self._names = (os.fsencode(first), os.fsencode(second))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._swap)
        self._error = 0

    def _swap(self) -> None:
        first, second = self._names
        while not self._stop.is_set():
            if _LIBC.renameat2(_AT_FDCWD, first, _AT_FDCWD, second, _RENAME_EXCHANGE):
                self._error = ctypes.get_errno()
                return
            self.count += 1

    def __enter__(self) -> Swapper:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        assert not self._error, os.strerror(self._error)

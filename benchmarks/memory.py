"""How much memory the processes have together that this one starts."""

from __future__ import annotations

import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["Peak", "children", "watched"]

_INTERVAL = 0.005  # seconds


class Peak:
    """The greatest sum that was seen of the resident sets of this process's descendants, in bytes.

    What processes share is counted for each of them; `spared` are pids of which nothing is counted.
    """

    def __init__(self, spared: frozenset[str]) -> None:
        self.bytes = 0
        self._spared = spared

    def look(self) -> None:
        """See how much it is now."""
        self.bytes = max(self.bytes, sum(self._below("self")))

    def _below(self, pid: str) -> Iterator[int]:
        for child in children(pid) - self._spared:
            yield _resident(child)
            yield from self._below(child)


def children(pid: str) -> frozenset[str]:
    """The pids of a process's children, none if it is gone."""
    found: set[str] = set()
    try:
        for task in Path("/proc", pid, "task").iterdir():
            found.update((task / "children").read_text().split())
    except (FileNotFoundError, ProcessLookupError):
        return frozenset()
    return frozenset(found)


def _resident(pid: str) -> int:
    try:
        return int(Path("/proc", pid, "statm").read_text().split()[1]) * resource.getpagesize()
    except (FileNotFoundError, ProcessLookupError):
        return 0


@contextmanager
def watched(spared: frozenset[str]) -> Iterator[Peak]:
    """Look every few milliseconds, until this is left. Parameters: `spared` as for `Peak`."""
    peak = Peak(spared)
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_INTERVAL):
            peak.look()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        ended.set()
        thread.join()

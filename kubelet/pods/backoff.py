"""Waiting longer and longer before the next try, and from the beginning after it went well for long."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

__all__ = ["Backoff", "duration_text"]


@dataclass(slots=True)
class _Entry:
    delay: float
    updated: float
    # The event that was asked about last, and when that was, by the clock that nobody sets.
    event: float | None = None
    asked: float = 0.0


class Backoff:
    """The delays of things by their keys: `first` seconds, then twice as long each time, `most` at the most.

    A thing whose event comes more than twice `most` after its delay was set begins anew (client-go, flowcontrol).
    `clock` gives seconds; events are times of the same clock. It may be set while a thing waits: what was waited for
    since it was first asked for counts by `steady`, which nobody sets.
    """

    def __init__(
        self, first: float, most: float, clock: Callable[[], float], steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._first = min(first, most)
        self._most = most
        self._clock = clock
        self._steady = steady
        self._entries: dict[Hashable, _Entry] = {}

    @property
    def reset_after(self) -> float:
        """Seconds after which a thing that went well begins anew."""
        return 2 * self._most

    def left(self, key: Hashable, event: float) -> float:
        """Seconds to wait still after something happened at `event`; 0 if the next try may be made.

        An event of the future, after the clock was set back, counts from when it was first asked about.
        """
        entry = self._entries.get(key)
        if entry is None or self._is_expired(entry, event):
            return 0.0
        if entry.event != event:
            entry.event, entry.asked = event, self._steady()
        waited = max(self._clock() - event, self._steady() - entry.asked)
        return max(0.0, entry.delay - waited)

    def delay(self, key: Hashable) -> float:
        """The delay that is in force, 0 if there is none."""
        entry = self._entries.get(key)
        return 0.0 if entry is None else entry.delay

    def since(self, key: Hashable) -> float:
        """When the delay was set, 0 if there is none."""
        entry = self._entries.get(key)
        return 0.0 if entry is None else entry.updated

    def next(self, key: Hashable, event: float) -> None:
        """A try is made after `event`: the delay before the one that follows is longer."""
        entry = self._entries.get(key)
        is_first = entry is None or self._is_expired(entry, event)
        delay = self._first if entry is None or is_first else min(2 * entry.delay, self._most)
        self._entries[key] = _Entry(delay, self._clock())

    def resume(self, key: Hashable, tries: int) -> None:
        """Take up the delay that there was after so many tries, where nothing is known of `key`."""
        if tries > 0 and key not in self._entries:
            delay = min(self._first * 2.0 ** min(tries - 1, 32), self._most)
            self._entries[key] = _Entry(delay, self._clock())

    def forget(self, belongs: Callable[[Hashable], bool]) -> None:
        """Forget all keys of which `belongs` is true."""
        for key in [key for key in self._entries if belongs(key)]:
            del self._entries[key]

    def _is_expired(self, entry: _Entry, event: float) -> bool:
        return event - entry.updated > self.reset_after


def duration_text(seconds: float) -> str:
    """A time as Go writes it: 10s, 1m20s, 5m0s."""
    whole = int(seconds)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"

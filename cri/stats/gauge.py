"""One pass over the cgroups of all containers that are asked for, and the rates since the pass before.

Nothing is read unless somebody asks. The descriptors stay open between passes over the same cgroups.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass

from firkin.cgroupfs.accounting.reader import Reader
from firkin.cgroupfs.accounting.sample import Sample
from firkin.cgroupfs.accounting.values import UNLIMITED
from firkin.errors import CgroupGoneError

__all__ = ["Gauge", "Reading"]

_FILES = (
    "cpu.stat",
    "memory.current",
    "memory.max",
    "memory.swap.current",
    "memory.swap.max",
    "memory.peak",
    "memory.events",
    "memory.stat",
    "io.stat",
    "cpu.pressure",
    "memory.pressure",
    "io.pressure",
    "pids.current",
    "pids.max",
)
_SHORTEST = 100_000_000
"""Nanoseconds between two passes below which a rate says nothing."""


@dataclass(frozen=True, slots=True)
class _Mark:
    id: int
    clock: int
    usage: int
    nano_cores: int | None


class Reading:
    """The numbers of one cgroup: `timestamp` in nanoseconds since the epoch, `nano_cores` None in the first pass."""

    __slots__ = ("_row", "_sample", "nano_cores", "timestamp")

    def __init__(self, sample: Sample, row: int, timestamp: int, nano_cores: int | None) -> None:
        self._sample = sample
        self._row = row
        self.timestamp = timestamp
        self.nano_cores = nano_cores

    def value(self, column: str) -> int | None:
        """A number such as `memory.stat anon`; None where the cgroup does not have it, or has no limit."""
        found = self._sample.value(self._row, column)
        return None if found == UNLIMITED else found


class Gauge:
    """Reads cgroups by their absolute paths. Close it."""

    def __init__(self) -> None:
        self._reader: Reader | None = None
        self._paths: tuple[str, ...] = ()
        self._marks: dict[str, _Mark] = {}

    def close(self) -> None:
        """Close all descriptors."""
        if self._reader is not None:
            self._reader.close()
        self._reader, self._paths = None, ()

    def read(self, paths: Iterable[str]) -> dict[str, Reading]:
        """The readings of those that are there, by path. They are valid until the next call. Raises CgroupError."""
        reader = self._reader_of(tuple(sorted(set(paths))))
        if reader is None:
            return {}
        sample = reader.read()
        now = time.time_ns()
        found = {}
        for row, named in enumerate(sample.rows):
            if not sample.is_gone(row):
                mark = self._mark(sample, row)
                found[named.name] = Reading(sample, row, now, mark.nano_cores)
        self._marks = {path: self._marks[path] for path in found}
        return found

    def _reader_of(self, paths: tuple[str, ...]) -> Reader | None:
        if paths != self._paths:
            self.close()
        while self._reader is None:
            there = [path for path in paths if os.path.isdir(path)]
            if not there:
                return None
            try:
                self._reader = Reader(*there, quantities=_FILES)
            except CgroupGoneError:
                # One was removed between the look and the opening.
                continue
            self._paths = paths
        return self._reader

    def _mark(self, sample: Sample, row: int) -> _Mark:
        named, clock = sample.rows[row], sample.clocks[row]
        usage = (sample.value(row, "cpu.stat usage_usec") or 0) * 1000
        before = self._marks.get(named.name)
        if before is not None and before.id == named.id:
            passed = clock - before.clock
            if passed < _SHORTEST:
                return before
            rate: int | None = max(0, usage - before.usage) * 1_000_000_000 // passed
        else:
            rate = None
        mark = self._marks[named.name] = _Mark(named.id, clock, usage, rate)
        return mark

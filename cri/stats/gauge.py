"""One pass over the cgroups of all containers that are asked for, and the rates since the pass before.

Nothing is read unless somebody asks. The descriptors stay open between passes over the same cgroups.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass

from firkin.cgroupfs.accounting.layout import hugepage_sizes
from firkin.cgroupfs.accounting.reader import Reader
from firkin.cgroupfs.accounting.records import DeviceIo
from firkin.cgroupfs.accounting.sample import Sample
from firkin.cgroupfs.accounting.values import UNLIMITED
from firkin.errors import CgroupGoneError

__all__ = ["PAGE_SIZES", "Gauge", "Reading"]

PAGE_SIZES = tuple(hugepage_sizes())
"""The machine's sizes of huge pages, as columns have them: `hugetlb.2MB.current`."""
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
_MORE = ("memory.low", *(f"hugetlb.{size}.current" for size in PAGE_SIZES))
"""What only metrics are made of."""
_SHORTEST = 100_000_000
"""Nanoseconds between two passes below which a rate says nothing."""
_KEPT = 600_000_000_000
"""Nanoseconds for which a cgroup is remembered that nobody asks for: no rate is over more than that."""


@dataclass(frozen=True, slots=True)
class _Mark:
    id: int
    clock: int
    usage: int
    nano_cores: int | None


class Reading:
    """The numbers of one cgroup: `timestamp` in nanoseconds since the epoch, `nano_cores` None in the first pass."""

    __slots__ = ("_reader", "_row", "_sample", "nano_cores", "timestamp")

    def __init__(self, reader: Reader, sample: Sample, row: int, timestamp: int, nano_cores: int | None) -> None:
        self._reader = reader
        self._sample = sample
        self._row = row
        self.timestamp = timestamp
        self.nano_cores = nano_cores

    def value(self, column: str) -> int | None:
        """A number such as `memory.stat anon`; None where the cgroup does not have it, or has no limit."""
        found = self._sample.value(self._row, column)
        return None if found == UNLIMITED else found

    def devices(self) -> list[DeviceIo]:
        """Input and output disk by disk, read now; none where nothing was done or is counted. Raises CgroupError."""
        if not (self.value("io.stat rios") or self.value("io.stat wios")):
            return []
        try:
            return self._reader.io_devices(self._row)
        except CgroupGoneError:
            return []


class Gauge:
    """Reads cgroups by their absolute paths. Close it."""

    def __init__(self) -> None:
        self._reader: Reader | None = None
        self._paths: frozenset[str] = frozenset()
        self._marks: dict[str, _Mark] = {}
        self._tidied = time.monotonic_ns()

    def close(self) -> None:
        """Close all descriptors."""
        if self._reader is not None:
            self._reader.close()
        self._reader, self._paths = None, frozenset()

    def read(self, paths: Iterable[str], *, for_metrics: bool = False) -> dict[str, Reading]:
        """The readings of those that are there, by path. They are valid until the next call.

        Parameters: `for_metrics` reads files, too, that nothing but metrics is made of. Raises CgroupError.
        """
        wanted = frozenset(path for path in paths if os.path.isdir(path))
        reader = self._reader_of(wanted)
        if reader is None:
            return {}
        rows = [number for number, named in enumerate(reader.rows) if named.name in wanted]
        sample = reader.read(rows, None if for_metrics else _FILES)
        now = time.time_ns()
        found = {}
        for row in rows:
            if sample.is_gone(row):
                # One of the same name may have come in its place, which is found in the next pass.
                self._paths = frozenset()
                continue
            mark = self._mark(sample, row)
            found[sample.rows[row].name] = Reading(reader, sample, row, now, mark.nano_cores)
        self._tidy()
        return found

    def _reader_of(self, paths: frozenset[str]) -> Reader | None:
        if not self._serves(paths):
            self.close()
        while self._reader is None and paths:
            try:
                self._reader, self._paths = Reader(*sorted(paths), quantities=(*_FILES, *_MORE)), paths
            except CgroupGoneError:
                # One was removed between the look and the opening.
                paths = frozenset(path for path in paths if os.path.isdir(path))
        return self._reader

    def _serves(self, paths: frozenset[str]) -> bool:
        # Who asks for some of them need not have them opened anew; but what is removed would stay in the kernel for as
        # long as it is open.
        return paths <= self._paths and all(os.path.isdir(path) for path in self._paths - paths)

    def _tidy(self) -> None:
        now = time.monotonic_ns()
        if now - self._tidied > _KEPT:
            self._tidied = now
            self._marks = {path: mark for path, mark in self._marks.items() if now - mark.clock < _KEPT}

    def _mark(self, sample: Sample, row: int) -> _Mark:
        named, clock = sample.rows[row], sample.clocks[row]
        usage = (sample.value(row, "cpu.stat usage_usec") or 0) * 1000
        before = self._marks.get(named.name)
        if before is not None and before.id == named.id and clock - before.clock < _KEPT:
            passed = clock - before.clock
            if passed < _SHORTEST:
                return before
            rate: int | None = max(0, usage - before.usage) * 1_000_000_000 // passed
        else:
            rate = None
        mark = self._marks[named.name] = _Mark(named.id, clock, usage, rate)
        return mark

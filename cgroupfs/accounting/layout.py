"""Which statistics files there are, what they hold, and which column of the matrix each number has.

Source: Documentation/admin-guide/cgroup-v2.rst, the "Interface Files" of each controller, and
Documentation/accounting/psi.rst.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from firkin.cgroupfs.accounting.memory_keys import MEMORY_STAT_KEYS
from firkin.errors import CgroupValueError

__all__ = ["LIMITS", "QUANTITIES", "STATISTICS", "Kind", "Layout", "StatFile", "build_layout", "hugepage_sizes"]


class Kind(enum.IntEnum):
    """The form of a file's text. The numbers are known to `_reader.pyx`."""

    SINGLE = 0
    """One number, or `max`."""
    FLAT = 1
    """A line for each key: `usage_usec 4711`."""
    PAIR = 2
    """Two numbers in one line: `max 100000`."""
    PRESSURE = 3
    """Two lines with four keys: `some avg10=0.12 avg60=0.00 avg300=0.00 total=99`."""
    DEVICES = 4
    """A line for each device: `8:0 rbytes=1 wbytes=0`. Its columns are the sums over all devices."""


@dataclass(frozen=True, slots=True)
class StatFile:
    """A statistics file: its name in the cgroup, its form, and its keys, each of which has a column."""

    name: str
    kind: Kind
    keys: tuple[str, ...] = ("",)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of its columns: `memory.current`, `cpu.stat usage_usec`, `cpu.pressure some total`."""
        return tuple(f"{self.name} {key}".rstrip() for key in self.keys)


_PRESSURE_KEYS = tuple(f"{who} {key}" for who in ("some", "full") for key in ("avg10", "avg60", "avg300", "total"))
_MEMORY_EVENTS = ("low", "high", "max", "oom", "oom_kill", "oom_group_kill", "sock_throttled")
_CPU_KEYS = ("usage_usec", "user_usec", "system_usec", "nice_usec", "core_sched.force_idle_usec", "nr_periods",
             "nr_throttled", "throttled_usec", "nr_bursts", "burst_usec")  # fmt: skip


def _single(*names: str) -> tuple[StatFile, ...]:
    return tuple(StatFile(name, Kind.SINGLE) for name in names)


# Those that are looked at most often stand first: their descriptors are the last to be given up.
_FILES = (
    StatFile("cpu.stat", Kind.FLAT, _CPU_KEYS),
    *_single("memory.current"),
    StatFile("io.stat", Kind.DEVICES, ("rbytes", "wbytes", "rios", "wios", "dbytes", "dios")),
    *_single("pids.current"),
    *(StatFile(f"{name}.pressure", Kind.PRESSURE, _PRESSURE_KEYS) for name in ("cpu", "memory", "io")),
    StatFile("memory.stat", Kind.FLAT, MEMORY_STAT_KEYS),
    StatFile("memory.events", Kind.FLAT, _MEMORY_EVENTS),
    *_single("memory.swap.current", "memory.peak", "pids.peak"),
    StatFile("irq.pressure", Kind.PRESSURE, _PRESSURE_KEYS[4:]),
    StatFile("cgroup.events", Kind.FLAT, ("populated", "frozen")),
    StatFile("cgroup.stat", Kind.FLAT, ("nr_descendants", "nr_dying_descendants")),
    StatFile("cgroup.stat.local", Kind.FLAT, ("frozen_usec",)),
    StatFile("cpu.stat.local", Kind.FLAT, ("throttled_usec",)),
    *_single("memory.swap.peak", "memory.zswap.current"),
    StatFile("memory.swap.events", Kind.FLAT, ("high", "max", "fail")),
    StatFile("pids.events", Kind.FLAT, ("max",)),
    StatFile("rdma.current", Kind.DEVICES, ("hca_handle", "hca_object")),
    StatFile("misc.current", Kind.FLAT, ("sev", "sev_es", "tdx")),
    StatFile("cpu.max", Kind.PAIR, ("quota", "period")),
    *_single("cpu.weight", "memory.max", "memory.high", "memory.low", "memory.min", "memory.swap.max", "pids.max"),
    StatFile("io.weight", Kind.FLAT, ("default",)),
)

LIMITS = "limits"
"""The quantity of what is configured, not counted: limits, protections and weights."""

QUANTITIES: dict[str, tuple[str, ...]] = {
    "cpu": ("cpu.stat", "cpu.stat.local"),
    "memory": ("memory.current", "memory.peak", "memory.swap.current", "memory.swap.peak", "memory.zswap.current",
               "memory.stat", "memory.events", "memory.swap.events"),
    "io": ("io.stat",),
    "pids": ("pids.current", "pids.peak", "pids.events"),
    "hugetlb": (),
    "rdma": ("rdma.current",),
    "misc": ("misc.current",),
    "pressure": ("cpu.pressure", "memory.pressure", "io.pressure", "irq.pressure"),
    "cgroup": ("cgroup.events", "cgroup.stat", "cgroup.stat.local"),
    LIMITS: ("cpu.max", "cpu.weight", "memory.max", "memory.high", "memory.low", "memory.min", "memory.swap.max",
             "pids.max", "io.weight"),
}  # fmt: skip
"""What can be selected, with the files of each. Those of `hugetlb` depend on the machine's page sizes."""

STATISTICS = tuple(name for name in QUANTITIES if name != LIMITS)
"""All that is counted: the selection where none is given."""


class Layout:
    """The files of a selection, and the columns of their numbers.

    `files` are in the order in which they are read, `columns` the names of all columns, and `first[i]` is the number
    of the first column of `files[i]`.
    """

    __slots__ = ("_index", "columns", "files", "first")

    def __init__(self, files: Sequence[StatFile]) -> None:
        self.files = tuple(files)
        self.columns = tuple(column for file in self.files for column in file.columns)
        self._index = {column: number for number, column in enumerate(self.columns)}
        self.first = tuple(self._index[file.columns[0]] for file in self.files)

    def column(self, name: str) -> int:
        """The number of a column, such as that of `cpu.stat usage_usec`; -1 if it is not in the selection."""
        return self._index.get(name, -1)

    def file(self, name: str) -> int:
        """The number of a file; -1 if it is not in the selection."""
        return next((number for number, file in enumerate(self.files) if file.name == name), -1)


def build_layout(quantities: Iterable[str] = STATISTICS, page_sizes: Sequence[str] | None = None) -> Layout:
    """The layout of a selection.

    Parameters: `quantities` are names of `QUANTITIES`, or of single files; `page_sizes` those of huge pages
    as cgroup v2 writes them (the machine's own). Raises CgroupValueError for a name that is neither.
    """
    sizes = hugepage_sizes() if page_sizes is None else page_sizes
    hugetlb = [file for size in sizes for file in _hugetlb(size)]
    known = {file.name: file for file in (*_FILES, *hugetlb)}
    groups = QUANTITIES | {"hugetlb": tuple(file.name for file in hugetlb)}
    chosen: set[str] = set()
    for quantity in quantities:
        if quantity not in groups and quantity not in known:
            hint = f"one of {', '.join(QUANTITIES)}, or a statistics file such as memory.current"
            raise CgroupValueError(f"account for {quantity!r}: no such quantity", value=quantity, hint=hint)
        chosen.update(groups.get(quantity, (quantity,)))
    return Layout([file for name, file in known.items() if name in chosen])


def _hugetlb(size: str) -> tuple[StatFile, ...]:
    current = _single(f"hugetlb.{size}.current", f"hugetlb.{size}.rsvd.current")
    return *current, StatFile(f"hugetlb.{size}.events", Kind.FLAT, ("max",))


def hugepage_sizes(directory: str = "/sys/kernel/mm/hugepages") -> list[str]:
    """The machine's sizes of huge pages, ascending, as cgroup v2 writes them: `2MB`, `1GB`; none without hugetlbfs."""
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    return [_format_size(size) for size in sorted(int(name.removeprefix("hugepages-")[:-2]) for name in names)]


def _format_size(kilobytes: int) -> str:
    for unit, size in (("GB", 1 << 20), ("MB", 1 << 10)):
        if kilobytes >= size:
            return f"{kilobytes // size}{unit}"
    return f"{kilobytes}KB"

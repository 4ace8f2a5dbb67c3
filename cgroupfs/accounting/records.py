"""One group's statistics as typed records. A field is None where the kernel, or the selection, does not have it.

Times are in microseconds, sizes in bytes, as in the kernel's files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from firkin.cgroupfs.accounting.layout import hugepage_sizes
from firkin.cgroupfs.accounting.memory_keys import MEMORY_STAT_KEYS

__all__ = [
    "CpuStats",
    "DeviceIo",
    "GroupStats",
    "HugetlbStats",
    "IoStats",
    "MemoryStats",
    "PidsStats",
    "Pressure",
    "RdmaStats",
    "Stall",
    "group_stats",
    "parse_io_devices",
]

_Value = Callable[[str], int | None]


@dataclass(frozen=True, slots=True)
class CpuStats:
    """cpu.stat. The last five are there where the cpu controller is enabled."""

    usage_usec: int | None
    user_usec: int | None
    system_usec: int | None
    nice_usec: int | None
    nr_periods: int | None
    nr_throttled: int | None
    throttled_usec: int | None
    nr_bursts: int | None
    burst_usec: int | None


@dataclass(frozen=True, slots=True)
class MemoryStats:
    """memory.current, memory.peak ... in bytes; `stat` and `events` are memory.stat and memory.events by key."""

    current: int | None
    peak: int | None
    swap_current: int | None
    swap_peak: int | None
    zswap_current: int | None
    stat: Mapping[str, int]
    events: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class IoStats:
    """io.stat, summed over all devices: bytes and operations, read, written and discarded."""

    rbytes: int
    wbytes: int
    rios: int
    wios: int
    dbytes: int
    dios: int


@dataclass(frozen=True, slots=True)
class DeviceIo(IoStats):
    """io.stat of one device, `MAJOR:MINOR`. Keys that the kernel left out are 0."""

    device: str


@dataclass(frozen=True, slots=True)
class PidsStats:
    """pids.current, pids.peak, and how often a fork failed because of the limit."""

    current: int | None
    peak: int | None
    limit_hits: int | None


@dataclass(frozen=True, slots=True)
class HugetlbStats:
    """Huge pages of one size: bytes in use, bytes reserved, and how often the limit was hit."""

    current: int | None
    reserved: int | None
    limit_hits: int | None


@dataclass(frozen=True, slots=True)
class RdmaStats:
    """rdma.current, summed over all devices."""

    hca_handle: int
    hca_object: int


@dataclass(frozen=True, slots=True)
class Stall:
    """A line of a pressure file: shares of time in percent, over 10, 60 and 300 s, and the total in microseconds."""

    avg10: float
    avg60: float
    avg300: float
    total_usec: int


@dataclass(frozen=True, slots=True)
class Pressure:
    """A pressure file: the time in which some, and in which all, tasks that were not idle waited for the resource."""

    some: Stall | None
    full: Stall | None


@dataclass(frozen=True, slots=True)
class GroupStats:
    """All statistics of one group, as of `clock_ns` (CLOCK_MONOTONIC).

    `hugetlb` is by page size (`2MB`), `misc` by resource, `pressure` by `cpu`, `memory`, `io` and `irq`; they have
    what the group has. Any other that the group, or the selection, does not have is None.
    """

    path: str
    id: int
    clock_ns: int
    cpu: CpuStats | None
    memory: MemoryStats | None
    io: IoStats | None
    pids: PidsStats | None
    rdma: RdmaStats | None
    hugetlb: Mapping[str, HugetlbStats]
    misc: Mapping[str, int]
    pressure: Mapping[str, Pressure]


def group_stats(path: str, id: int, clock_ns: int, value: _Value) -> GroupStats:
    """The record of a group.

    Parameters: `value` gives the number of a column by its name, None if there is none.
    """
    hugetlb = {size: _hugetlb(size, value) for size in hugepage_sizes()}
    pressure = {name: _pressure(f"{name}.pressure", value) for name in ("cpu", "memory", "io", "irq")}
    return GroupStats(
        path,
        id,
        clock_ns,
        cpu=_cpu(value),
        memory=_memory(value),
        io=_io(value),
        pids=_pids(value),
        rdma=_rdma(value),
        hugetlb={size: record for size, record in hugetlb.items() if record},
        misc=_keys("misc.current", ("sev", "sev_es", "tdx"), value),
        pressure={name: record for name, record in pressure.items() if record.some or record.full},
    )


def parse_io_devices(text: str) -> list[DeviceIo]:
    """The records of io.stat's text, in its order. Raises ValueError if it is none."""
    found = []
    for line in text.splitlines():
        device, *words = line.split()
        pairs = dict(word.split("=", 1) for word in words)
        rbytes, wbytes, rios, wios, dbytes, dios = (int(pairs.get(key, 0)) for key in IoStats.__slots__)
        found.append(DeviceIo(rbytes, wbytes, rios, wios, dbytes, dios, device))
    return found


def _keys(file: str, keys: tuple[str, ...], value: _Value) -> dict[str, int]:
    found = ((key, value(f"{file} {key}")) for key in keys)
    return {key: number for key, number in found if number is not None}


def _cpu(value: _Value) -> CpuStats | None:
    fields = [value(f"cpu.stat {key}") for key in CpuStats.__slots__]
    return None if fields[0] is None else CpuStats(*fields)


def _memory(value: _Value) -> MemoryStats | None:
    names = ("memory.current", "memory.peak", "memory.swap.current", "memory.swap.peak", "memory.zswap.current")
    fields = [value(name) for name in names]
    stat = _keys("memory.stat", MEMORY_STAT_KEYS, value)
    events = _keys("memory.events", ("low", "high", "max", "oom", "oom_kill", "oom_group_kill"), value)
    if not stat and not events and fields == [None] * len(names):
        return None
    current, peak, swap, swap_peak, zswap = fields
    return MemoryStats(current, peak, swap, swap_peak, zswap, stat, events)


def _io(value: _Value) -> IoStats | None:
    fields = [number for key in IoStats.__slots__ if (number := value(f"io.stat {key}")) is not None]
    return IoStats(*fields) if fields else None


def _pids(value: _Value) -> PidsStats | None:
    fields = value("pids.current"), value("pids.peak"), value("pids.events max")
    return PidsStats(*fields) if fields != (None, None, None) else None


def _rdma(value: _Value) -> RdmaStats | None:
    handles, objects = value("rdma.current hca_handle"), value("rdma.current hca_object")
    return None if handles is None or objects is None else RdmaStats(handles, objects)


def _hugetlb(size: str, value: _Value) -> HugetlbStats | None:
    file = f"hugetlb.{size}"
    fields = value(f"{file}.current"), value(f"{file}.rsvd.current"), value(f"{file}.events max")
    return HugetlbStats(*fields) if fields != (None, None, None) else None


def _pressure(file: str, value: _Value) -> Pressure:
    return Pressure(_stall(f"{file} some", value), _stall(f"{file} full", value))


def _stall(line: str, value: _Value) -> Stall | None:
    averages = [value(f"{line} avg{seconds}") for seconds in (10, 60, 300)]
    total = value(f"{line} total")
    if total is None or None in averages:
        return None
    avg10, avg60, avg300 = (average / 100 for average in averages if average is not None)
    return Stall(avg10, avg60, avg300, total)

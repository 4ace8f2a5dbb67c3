"""The metrics that are numbers of a cgroup.

The interface carries whole numbers only: times are in seconds, and what is shorter is lost there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from firkin.cri.stats.family import COUNTER, GAUGE, Family, Series
from firkin.cri.stats.gauge import PAGE_SIZES, Reading

__all__ = ["add_cgroup_metrics", "cgroup_families"]

_USEC = 1_000_000


class _Source(NamedTuple):
    family: Family
    read: Callable[[Reading], int | None]
    labels: tuple[str, ...] = ()


def _column(name: str, divisor: int = 1) -> Callable[[Reading], int | None]:
    def read(reading: Reading) -> int | None:
        value = reading.value(name)
        return None if value is None else value // divisor

    return read


def _working_set(reading: Reading) -> int | None:
    current = reading.value("memory.current")
    return None if current is None else max(0, current - (reading.value("memory.stat inactive_file") or 0))


def _limit(name: str, counted: str) -> Callable[[Reading], int | None]:
    # Without a limit the metric is 0, where there is the controller, which has the file `counted`.
    def read(reading: Reading) -> int | None:
        return None if reading.value(counted) is None else reading.value(name) or 0

    return read


def _counter(name: str, help: str, column: str, divisor: int = 1) -> _Source:
    return _Source(Family(name, help, COUNTER), _column(column, divisor))


def _gauge(name: str, help: str, read: Callable[[Reading], int | None]) -> _Source:
    return _Source(Family(name, help, GAUGE), read)


def _waited(what: str, resource: str, line: str, who: str) -> _Source:
    name = f"container_pressure_{resource}_{what}_seconds_total"
    return _counter(name, f"Time {who} waited for {resource}", f"{resource}.pressure {line} total", _USEC)


_CPU_USAGE = Family("container_cpu_usage_seconds_total", "Processor time", COUNTER, ("cpu",))
_FAULTS = Family("container_memory_failures_total", "Page faults", COUNTER, ("failure_type", "scope"))
_SOURCES = (
    _Source(_CPU_USAGE, _column("cpu.stat usage_usec", _USEC), ("total",)),
    _counter("container_cpu_user_seconds_total", "Processor time of programs", "cpu.stat user_usec", _USEC),
    _counter("container_cpu_system_seconds_total", "Processor time of the kernel", "cpu.stat system_usec", _USEC),
    _counter("container_cpu_cfs_periods_total", "Periods of cpu.max", "cpu.stat nr_periods"),
    _counter("container_cpu_cfs_throttled_periods_total", "Periods that were throttled", "cpu.stat nr_throttled"),
    _counter("container_cpu_cfs_throttled_seconds_total", "Time spent throttled", "cpu.stat throttled_usec", _USEC),
    _gauge("container_memory_usage_bytes", "Memory, caches and all", _column("memory.current")),
    _gauge("container_memory_working_set_bytes", "Memory but for what can be dropped at once", _working_set),
    _gauge("container_memory_rss", "Anonymous memory", _column("memory.stat anon")),
    _gauge("container_memory_cache", "Page cache", _column("memory.stat file")),
    _gauge("container_memory_mapped_file", "Mapped files", _column("memory.stat file_mapped")),
    _gauge("container_memory_kernel_usage", "Memory of the kernel", _column("memory.stat kernel")),
    _gauge("container_memory_swap", "Swap", _column("memory.swap.current")),
    _gauge("container_memory_total_active_file_bytes", "Page cache in use", _column("memory.stat active_file")),
    _gauge("container_memory_total_inactive_file_bytes", "Page cache not in use", _column("memory.stat inactive_file")),
    _gauge("container_spec_memory_limit_bytes", "Limit of memory, 0 for none", _limit("memory.max", "memory.current")),
    _gauge("container_spec_memory_swap_limit_bytes", "Limit of swap, 0 for none",
           _limit("memory.swap.max", "memory.current")),
    _gauge("container_spec_memory_reservation_limit_bytes", "Memory that is protected, 0 for none",
           _limit("memory.low", "memory.current")),
    _gauge("container_memory_max_usage_bytes", "Memory at its most", _column("memory.peak")),
    _counter("container_memory_failcnt", "How often the limit of memory was hit", "memory.events max"),
    # The kernel counts for a cgroup and all below it.
    *(_Source(_FAULTS, _column(f"memory.stat {kind}"), (kind, scope))
      for scope in ("container", "hierarchy") for kind in ("pgfault", "pgmajfault")),
    _counter("container_oom_events_total", "Processes killed for lack of memory", "memory.events oom_kill"),
    _gauge("container_threads", "Tasks, as all of them are threads to the kernel", _column("pids.current")),
    _gauge("container_threads_max", "Limit of tasks, 0 for none", _limit("pids.max", "pids.current")),
    _gauge("container_last_seen", "When this was read", lambda reading: reading.timestamp // 10**9),
    *(_waited("waiting", resource, "some", "some tasks") for resource in ("cpu", "memory", "io")),
    *(_waited("stalled", resource, "full", "all tasks") for resource in ("cpu", "memory", "io")),
)  # fmt: skip
_HUGETLB = Family("container_hugetlb_usage_bytes", "Huge pages", GAUGE, ("pagesize",))
_DEVICE_BYTES = Family(
    "container_blkio_device_usage_total", "Bytes read from and written to a disk", COUNTER,
    ("device", "major", "minor", "operation"),
)  # fmt: skip
_READS_BYTES = Family("container_fs_reads_bytes_total", "Bytes read from a disk", COUNTER, ("device",))
_READS = Family("container_fs_reads_total", "Reads of a disk", COUNTER, ("device",))
_WRITES_BYTES = Family("container_fs_writes_bytes_total", "Bytes written to a disk", COUNTER, ("device",))
_WRITES = Family("container_fs_writes_total", "Writes to a disk", COUNTER, ("device",))


def cgroup_families() -> Iterator[Family]:
    """All that `add_cgroup_metrics` may add; some more than once."""
    yield from (source.family for source in _SOURCES)
    yield from (_HUGETLB, _DEVICE_BYTES, _READS_BYTES, _READS, _WRITES_BYTES, _WRITES)


def add_cgroup_metrics(series: Series, reading: Reading, device_name: Callable[[str], str]) -> None:
    """Add what there are numbers for. `device_name` gives the name of the disk with the number `MAJOR:MINOR`."""
    for family, read, labels in _SOURCES:
        value = read(reading)
        if value is not None:
            series.add(family, value, *labels)
    for size in PAGE_SIZES:
        value = reading.value(f"hugetlb.{size}.current")
        if value is not None:
            series.add(_HUGETLB, value, size)
    for device in reading.devices():
        name = device_name(device.device)
        major, _, minor = device.device.partition(":")
        series.add(_DEVICE_BYTES, device.rbytes, name, major, minor, "Read")
        series.add(_DEVICE_BYTES, device.wbytes, name, major, minor, "Write")
        series.add(_READS_BYTES, device.rbytes, name)
        series.add(_READS, device.rios, name)
        series.add(_WRITES_BYTES, device.wbytes, name)
        series.add(_WRITES, device.wios, name)

"""Readings in CRI's terms. Times are in nanoseconds there, where the kernel counts microseconds."""

from __future__ import annotations

from collections.abc import Sequence

from firkin.cri.api.stats_pb2 import (
    ContainerStats,
    CpuUsage,
    IoUsage,
    MemoryUsage,
    ProcessUsage,
    PsiData,
    PsiStats,
    SwapUsage,
)
from firkin.cri.api.values_pb2 import UInt64Value
from firkin.cri.stats.gauge import Reading

__all__ = ["cpu_usage", "io_usage", "memory_usage", "process_usage", "sum_cpu", "sum_memory", "swap_usage"]


def cpu_usage(reading: Reading) -> CpuUsage:
    """Processor time."""
    usage = reading.value("cpu.stat usage_usec")
    return CpuUsage(
        timestamp=reading.timestamp,
        usage_core_nano_seconds=_number(None if usage is None else usage * 1000),
        usage_nano_cores=_number(reading.nano_cores),
        psi=_pressure(reading, "cpu.pressure"),
    )


def memory_usage(reading: Reading) -> MemoryUsage | None:
    """Memory; None where the controller is not here. What is in use is what can not be dropped at once."""
    current = reading.value("memory.current")
    if current is None:
        return None
    working = max(0, current - (reading.value("memory.stat inactive_file") or 0))
    limit = reading.value("memory.max")
    return MemoryUsage(
        timestamp=reading.timestamp,
        working_set_bytes=_number(working),
        available_bytes=_number(None if limit is None else max(0, limit - working)),
        usage_bytes=_number(current),
        rss_bytes=_number(reading.value("memory.stat anon")),
        page_faults=_number(reading.value("memory.stat pgfault")),
        major_page_faults=_number(reading.value("memory.stat pgmajfault")),
        psi=_pressure(reading, "memory.pressure"),
    )


def sum_cpu(members: Sequence[ContainerStats]) -> CpuUsage | None:
    """The processor time of several containers; None of none."""
    found = [one.cpu for one in members]
    if not found:
        return None
    rates = [one.usage_nano_cores.value for one in found if one.HasField("usage_nano_cores")]
    return CpuUsage(
        timestamp=max(one.timestamp for one in found),
        usage_core_nano_seconds=_number(sum(one.usage_core_nano_seconds.value for one in found)),
        usage_nano_cores=_number(sum(rates) if rates else None),
    )


def sum_memory(members: Sequence[ContainerStats]) -> MemoryUsage | None:
    """The memory of several containers, without what is about a limit; None where none is counted."""
    found = [one.memory for one in members if one.HasField("memory")]
    if not found:
        return None
    return MemoryUsage(
        timestamp=max(one.timestamp for one in found),
        working_set_bytes=_number(sum(one.working_set_bytes.value for one in found)),
        usage_bytes=_number(sum(one.usage_bytes.value for one in found)),
        rss_bytes=_number(sum(one.rss_bytes.value for one in found)),
        page_faults=_number(sum(one.page_faults.value for one in found)),
        major_page_faults=_number(sum(one.major_page_faults.value for one in found)),
    )


def swap_usage(reading: Reading) -> SwapUsage | None:
    """Swap; None where the controller does not count it."""
    current = reading.value("memory.swap.current")
    if current is None:
        return None
    limit = reading.value("memory.swap.max")
    available = None if limit is None else max(0, limit - current)
    return SwapUsage(
        timestamp=reading.timestamp, swap_available_bytes=_number(available), swap_usage_bytes=_number(current)
    )


def io_usage(reading: Reading) -> IoUsage | None:
    """Pressure on input and output; None where the kernel does not measure it."""
    found = _pressure(reading, "io.pressure")
    return None if found is None else IoUsage(timestamp=reading.timestamp, psi=found)


def process_usage(reading: Reading) -> ProcessUsage | None:
    """How many tasks there are; None where the controller is not here."""
    count = reading.value("pids.current")
    return None if count is None else ProcessUsage(timestamp=reading.timestamp, process_count=_number(count))


def _number(value: int | None) -> UInt64Value | None:
    return None if value is None else UInt64Value(value=value)


def _pressure(reading: Reading, file: str) -> PsiStats | None:
    some, full = _stall(reading, f"{file} some"), _stall(reading, f"{file} full")
    return None if some is None and full is None else PsiStats(Some=some, Full=full)


def _stall(reading: Reading, line: str) -> PsiData | None:
    total = reading.value(f"{line} total")
    if total is None:
        return None
    # The reader counts hundredths of a percent.
    averages = [(reading.value(f"{line} avg{seconds}") or 0) / 100 for seconds in (10, 60, 300)]
    return PsiData(Total=total * 1000, Avg10=averages[0], Avg60=averages[1], Avg300=averages[2])

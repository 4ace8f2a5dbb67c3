"""Statistics of CRI in the form of the summary."""

from __future__ import annotations

from datetime import UTC, datetime

from firkin.cri.api import stats_pb2 as cri
from firkin.cri.api.values_pb2 import UInt64Value
from firkin.kubelet.stats.summary import (
    ContainerUsage,
    CpuStats,
    FsStats,
    Interface,
    MemoryStats,
    NetworkStats,
    ProcessStats,
    PsiStats,
    PsiTimes,
    SwapStats,
)

__all__ = ["container_usage", "cpu_stats", "memory_stats", "network_stats", "process_stats"]


def cpu_stats(usage: cri.CpuUsage) -> CpuStats:
    """Processor time."""
    return CpuStats(
        time=_time(usage.timestamp),
        usage_nano_cores=_number(usage, "usage_nano_cores"),
        usage_core_nano_seconds=_number(usage, "usage_core_nano_seconds"),
        psi=_psi(usage),
    )


def memory_stats(usage: cri.MemoryUsage) -> MemoryStats:
    """Memory."""
    return MemoryStats(
        time=_time(usage.timestamp),
        available_bytes=_number(usage, "available_bytes"),
        usage_bytes=_number(usage, "usage_bytes"),
        working_set_bytes=_number(usage, "working_set_bytes"),
        rss_bytes=_number(usage, "rss_bytes"),
        page_faults=_number(usage, "page_faults"),
        major_page_faults=_number(usage, "major_page_faults"),
        psi=_psi(usage),
    )


def network_stats(usage: cri.NetworkUsage) -> NetworkStats:
    """Traffic."""
    default = usage.default_interface
    return NetworkStats(
        time=_time(usage.timestamp),
        name=default.name,
        rx_bytes=_number(default, "rx_bytes"),
        rx_errors=_number(default, "rx_errors"),
        tx_bytes=_number(default, "tx_bytes"),
        tx_errors=_number(default, "tx_errors"),
        interfaces=[_interface(one) for one in usage.interfaces],
    )


def process_stats(usage: cri.ProcessUsage) -> ProcessStats:
    """Processes."""
    return ProcessStats(process_count=_number(usage, "process_count"))


def container_usage(stats: cri.ContainerStats, started_at: datetime | None, logs: FsStats | None) -> ContainerUsage:
    """A container."""
    layer = stats.writable_layer
    rootfs = FsStats(
        time=_time(layer.timestamp),
        used_bytes=_number(layer, "used_bytes"),
        inodes_used=_number(layer, "inodes_used"),
    )
    swap = SwapStats(
        time=_time(stats.swap.timestamp),
        swap_available_bytes=_number(stats.swap, "swap_available_bytes"),
        swap_usage_bytes=_number(stats.swap, "swap_usage_bytes"),
    )
    return ContainerUsage(
        name=stats.attributes.metadata.name,
        start_time=started_at,
        cpu=cpu_stats(stats.cpu) if stats.HasField("cpu") else None,
        memory=memory_stats(stats.memory) if stats.HasField("memory") else None,
        rootfs=rootfs if stats.HasField("writable_layer") else None,
        logs=logs,
        swap=swap if stats.HasField("swap") else None,
    )


def _interface(usage: cri.NetworkInterfaceUsage) -> Interface:
    return Interface(
        name=usage.name,
        rx_bytes=_number(usage, "rx_bytes"),
        rx_errors=_number(usage, "rx_errors"),
        tx_bytes=_number(usage, "tx_bytes"),
        tx_errors=_number(usage, "tx_errors"),
    )


def _psi(usage: cri.CpuUsage | cri.MemoryUsage) -> PsiStats | None:
    return PsiStats(full=_times(usage.psi.Full), some=_times(usage.psi.Some)) if usage.HasField("psi") else None


def _times(data: cri.PsiData) -> PsiTimes:
    return PsiTimes(total=data.Total, avg10=data.Avg10, avg60=data.Avg60, avg300=data.Avg300)


def _number(message: object, field: str) -> int | None:
    # A wrapped number that is missing is not known, which is not zero.
    found = getattr(message, field)
    assert isinstance(found, UInt64Value)
    return found.value if message.HasField(field) else None  # type: ignore[attr-defined]


def _time(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds // 10**9, UTC)

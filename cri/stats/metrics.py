"""Metrics by the names that cAdvisor gave them, for /metrics/cadvisor of the kubelet.

The interface carries whole numbers only: times are in seconds, and what is shorter is lost there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from firkin.cri.api.stats_pb2 import Metric, MetricDescriptor, MetricType, NetworkInterfaceUsage
from firkin.cri.api.values_pb2 import UInt64Value
from firkin.cri.records.container import Container
from firkin.cri.stats.gauge import Reading

__all__ = ["LABELS", "container_metrics", "descriptors", "network_metrics"]

LABELS = ("id", "name", "image", "container", "pod", "namespace")
"""What every metric of a container or a pod is labelled with: its cgroup, its id, and its names."""

_COUNTER, _GAUGE = MetricType.COUNTER, MetricType.GAUGE


class _Source(NamedTuple):
    name: str
    help: str
    kind: MetricType
    read: Callable[[Reading], int | None]


class _Interface(NamedTuple):
    name: str
    help: str
    field: str


class _Fact(NamedTuple):
    name: str
    help: str
    read: Callable[[Container], int]


def _column(name: str, divisor: int = 1) -> Callable[[Reading], int | None]:
    def read(reading: Reading) -> int | None:
        value = reading.value(name)
        return None if value is None else value // divisor

    return read


def _working_set(reading: Reading) -> int | None:
    current = reading.value("memory.current")
    return None if current is None else max(0, current - (reading.value("memory.stat inactive_file") or 0))


def _limit(name: str) -> Callable[[Reading], int | None]:
    # Without a limit the metric is 0, where the memory controller is here at all.
    def read(reading: Reading) -> int | None:
        return None if reading.value("memory.current") is None else reading.value(name) or 0

    return read


def _tasks_limit(reading: Reading) -> int | None:
    return None if reading.value("pids.current") is None else reading.value("pids.max") or 0


_USEC = 1_000_000
_SOURCES = (
    _Source("container_cpu_usage_seconds_total", "Processor time", _COUNTER, _column("cpu.stat usage_usec", _USEC)),
    _Source("container_cpu_user_seconds_total", "... of programs", _COUNTER, _column("cpu.stat user_usec", _USEC)),
    _Source("container_cpu_system_seconds_total", "... of the kernel", _COUNTER,
            _column("cpu.stat system_usec", _USEC)),
    _Source("container_cpu_cfs_periods_total", "Periods of cpu.max", _COUNTER, _column("cpu.stat nr_periods")),
    _Source("container_cpu_cfs_throttled_periods_total", "... that were throttled", _COUNTER,
            _column("cpu.stat nr_throttled")),
    _Source("container_cpu_cfs_throttled_seconds_total", "Time spent throttled", _COUNTER,
            _column("cpu.stat throttled_usec", _USEC)),
    _Source("container_memory_usage_bytes", "Memory, caches and all", _GAUGE, _column("memory.current")),
    _Source("container_memory_working_set_bytes", "... but what can be dropped at once", _GAUGE, _working_set),
    _Source("container_memory_rss", "Anonymous memory", _GAUGE, _column("memory.stat anon")),
    _Source("container_memory_cache", "Page cache", _GAUGE, _column("memory.stat file")),
    _Source("container_memory_mapped_file", "Mapped files", _GAUGE, _column("memory.stat file_mapped")),
    _Source("container_memory_kernel_usage", "Memory of the kernel", _GAUGE, _column("memory.stat kernel")),
    _Source("container_memory_swap", "Swap", _GAUGE, _column("memory.swap.current")),
    _Source("container_memory_total_active_file_bytes", "Page cache in use", _GAUGE,
            _column("memory.stat active_file")),
    _Source("container_memory_total_inactive_file_bytes", "Page cache not in use", _GAUGE,
            _column("memory.stat inactive_file")),
    _Source("container_spec_memory_limit_bytes", "Limit of memory, 0 for none", _GAUGE, _limit("memory.max")),
    _Source("container_spec_memory_swap_limit_bytes", "Limit of swap, 0 for none", _GAUGE, _limit("memory.swap.max")),
    _Source("container_memory_max_usage_bytes", "Memory at its most", _GAUGE, _column("memory.peak")),
    _Source("container_memory_failcnt", "How often the limit of memory was hit", _COUNTER,
            _column("memory.events max")),
    _Source("container_memory_failures_total", "Page faults", _COUNTER, _column("memory.stat pgfault")),
    _Source("container_oom_events_total", "Processes killed for lack of memory", _COUNTER,
            _column("memory.events oom_kill")),
    _Source("container_fs_reads_bytes_total", "Bytes read from disks", _COUNTER, _column("io.stat rbytes")),
    _Source("container_fs_reads_total", "Reads of disks", _COUNTER, _column("io.stat rios")),
    _Source("container_fs_writes_bytes_total", "Bytes written to disks", _COUNTER, _column("io.stat wbytes")),
    _Source("container_fs_writes_total", "Writes to disks", _COUNTER, _column("io.stat wios")),
    _Source("container_processes", "Tasks", _GAUGE, _column("pids.current")),
    _Source("container_threads", "Tasks, as all of them are threads to the kernel", _GAUGE, _column("pids.current")),
    _Source("container_threads_max", "Limit of tasks, 0 for none", _GAUGE, _tasks_limit),
    _Source("container_last_seen", "When this was read", _GAUGE, lambda reading: reading.timestamp // 10**9),
    _Source("container_pressure_cpu_waiting_seconds_total", "Time some waited for a processor", _COUNTER,
            _column("cpu.pressure some total", _USEC)),
    _Source("container_pressure_cpu_stalled_seconds_total", "Time all waited for a processor", _COUNTER,
            _column("cpu.pressure full total", _USEC)),
    _Source("container_pressure_memory_waiting_seconds_total", "Time some waited for memory", _COUNTER,
            _column("memory.pressure some total", _USEC)),
    _Source("container_pressure_memory_stalled_seconds_total", "Time all waited for memory", _COUNTER,
            _column("memory.pressure full total", _USEC)),
    _Source("container_pressure_io_waiting_seconds_total", "Time some waited for input or output", _COUNTER,
            _column("io.pressure some total", _USEC)),
    _Source("container_pressure_io_stalled_seconds_total", "Time all waited for input or output", _COUNTER,
            _column("io.pressure full total", _USEC)),
)  # fmt: skip
_FACTS = (
    _Fact("container_start_time_seconds", "When it was started", lambda one: one.facts.started_at // 10**9),
    _Fact("container_spec_cpu_period", "Period of its quota in microseconds, 0 for the usual one",
          lambda one: one.config.linux.resources.cpu_period),
    _Fact("container_spec_cpu_shares", "Its cpu shares, 0 for the usual ones",
          lambda one: one.config.linux.resources.cpu_shares),
)  # fmt: skip
_INTERFACES = (
    _Interface("container_network_receive_bytes_total", "Bytes received", "rx_bytes"),
    _Interface("container_network_receive_errors_total", "Errors while receiving", "rx_errors"),
    _Interface("container_network_transmit_bytes_total", "Bytes sent", "tx_bytes"),
    _Interface("container_network_transmit_errors_total", "Errors while sending", "tx_errors"),
)


def descriptors() -> Iterator[MetricDescriptor]:
    """All metrics that there are."""
    for source in _SOURCES:
        yield MetricDescriptor(name=source.name, help=source.help, label_keys=LABELS)
    for fact in _FACTS:
        yield MetricDescriptor(name=fact.name, help=fact.help, label_keys=LABELS)
    for interface in _INTERFACES:
        yield MetricDescriptor(name=interface.name, help=interface.help, label_keys=(*LABELS, "interface"))


def container_metrics(container: Container, reading: Reading, labels: tuple[str, ...]) -> Iterator[Metric]:
    """Those of one container that there are numbers for; `labels` are the values of `LABELS`."""
    for fact in _FACTS:
        yield _metric(fact.name, _GAUGE, reading.timestamp, labels, fact.read(container))
    for source in _SOURCES:
        value = source.read(reading)
        if value is not None:
            yield _metric(source.name, source.kind, reading.timestamp, labels, value)


def network_metrics(usage: NetworkInterfaceUsage, timestamp: int, labels: tuple[str, ...]) -> Iterator[Metric]:
    """Those of one interface of a pod."""
    for interface in _INTERFACES:
        value = getattr(usage, interface.field).value
        yield _metric(interface.name, _COUNTER, timestamp, (*labels, usage.name), value)


def _metric(name: str, kind: MetricType, timestamp: int, labels: tuple[str, ...], value: int) -> Metric:
    return Metric(name=name, timestamp=timestamp, metric_type=kind, label_values=labels, value=UInt64Value(value=value))

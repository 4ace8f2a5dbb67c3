"""Metrics by the names and labels that cAdvisor gave them, for /metrics/cadvisor of the kubelet."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from firkin.cri.api.image_pb2 import FilesystemUsage
from firkin.cri.api.resources_pb2 import LinuxContainerResources
from firkin.cri.api.stats_pb2 import MetricDescriptor
from firkin.cri.records.container import Container
from firkin.cri.stats.cgroup_metrics import add_cgroup_metrics, cgroup_families
from firkin.cri.stats.family import COUNTER, GAUGE, LABELS, Family, Series
from firkin.cri.stats.gauge import Reading
from firkin.cri.stats.interfaces import Interface
from firkin.cri.stats.open_files import OpenFiles
from firkin.cri.stats.storage import FileSystemSize

__all__ = ["Observed", "add_container_metrics", "add_network_metrics", "descriptors"]


@dataclass(frozen=True, slots=True)
class Observed:
    """What is known of a running container besides the numbers of its cgroup, None for what is not.

    `written` is what it has written to `disk`; `open_files_limit` is the soft limit of its first process.
    """

    open_files: OpenFiles | None = None
    open_files_limit: int | None = None
    written: FilesystemUsage | None = None
    disk: FileSystemSize | None = None


class _Fact(NamedTuple):
    family: Family
    read: Callable[[LinuxContainerResources], int]


class _Traffic(NamedTuple):
    family: Family
    read: Callable[[Interface], int]


_STARTED = Family("container_start_time_seconds", "When it was started", GAUGE)
_QUOTA = Family("container_spec_cpu_quota", "Processor time in a period in microseconds", GAUGE)
_FACTS = (
    _Fact(Family("container_spec_cpu_period", "Period of its quota in microseconds, 0 for the usual one", GAUGE),
          lambda resources: resources.cpu_period),
    _Fact(Family("container_spec_cpu_shares", "Its cpu shares, 0 for the usual ones", GAUGE),
          lambda resources: resources.cpu_shares),
)  # fmt: skip
_PROCESSES = Family("container_processes", "Processes", GAUGE)
_DESCRIPTORS = Family("container_file_descriptors", "Open file descriptors", GAUGE)
_SOCKETS = Family("container_sockets", "Open sockets", GAUGE)
_SOFT_LIMITS = Family("container_ulimits_soft", "Soft limits of its first process", GAUGE, ("ulimit",))
_FS_USAGE = Family("container_fs_usage_bytes", "Bytes that it has written and not removed", GAUGE, ("device",))
_FS_LIMIT = Family("container_fs_limit_bytes", "Size of the file system that it writes to", GAUGE, ("device",))
_FS_INODES = Family("container_fs_inodes_total", "Inodes of the file system that it writes to", GAUGE, ("device",))
_FS_FREE = Family("container_fs_inodes_free", "Inodes of that file system that are not used", GAUGE, ("device",))


def _traffic(name: str, help: str, read: Callable[[Interface], int]) -> _Traffic:
    return _Traffic(Family(f"container_network_{name}_total", help, COUNTER, ("interface",)), read)


_INTERFACES = (
    _traffic("receive_bytes", "Bytes received", lambda one: one.received_bytes),
    _traffic("receive_packets", "Packets received", lambda one: one.received_packets),
    _traffic("receive_packets_dropped", "Packets dropped while receiving", lambda one: one.receive_drops),
    _traffic("receive_errors", "Errors while receiving", lambda one: one.receive_errors),
    _traffic("transmit_bytes", "Bytes sent", lambda one: one.sent_bytes),
    _traffic("transmit_packets", "Packets sent", lambda one: one.sent_packets),
    _traffic("transmit_packets_dropped", "Packets dropped while sending", lambda one: one.send_drops),
    _traffic("transmit_errors", "Errors while sending", lambda one: one.send_errors),
)


def descriptors() -> list[MetricDescriptor]:
    """All metrics that there are."""
    families = [
        *cgroup_families(), _STARTED, _QUOTA, *(fact.family for fact in _FACTS),
        _PROCESSES, _DESCRIPTORS, _SOCKETS, _SOFT_LIMITS, _FS_USAGE, _FS_LIMIT, _FS_INODES, _FS_FREE,
        *(one.family for one in _INTERFACES),
    ]  # fmt: skip
    return [
        MetricDescriptor(name=one.name, help=one.help, label_keys=(*LABELS, *one.labels))
        for one in {family.name: family for family in families}.values()
    ]


def add_container_metrics(
    series: Series, container: Container, reading: Reading, observed: Observed, device_name: Callable[[str], str]
) -> None:
    """Add those of one container that there are numbers for; `device_name` is as `add_cgroup_metrics` has it."""
    resources = container.config.linux.resources
    series.add(_STARTED, container.facts.started_at // 10**9)
    for family, read in _FACTS:
        series.add(family, read(resources))
    if resources.cpu_quota > 0:
        series.add(_QUOTA, resources.cpu_quota)
    add_cgroup_metrics(series, reading, device_name)
    _add_open_files(series, observed)
    _add_disk(series, observed)


def _add_open_files(series: Series, observed: Observed) -> None:
    if observed.open_files is not None:
        series.add(_PROCESSES, observed.open_files.processes)
        series.add(_DESCRIPTORS, observed.open_files.descriptors)
        series.add(_SOCKETS, observed.open_files.sockets)
    if observed.open_files_limit is not None:
        series.add(_SOFT_LIMITS, observed.open_files_limit, "max_open_files")


def _add_disk(series: Series, observed: Observed) -> None:
    disk = observed.disk
    if disk is None:
        return
    if observed.written is not None:
        series.add(_FS_USAGE, observed.written.used_bytes.value, disk.device)
    series.add(_FS_LIMIT, disk.bytes, disk.device)
    series.add(_FS_INODES, disk.inodes, disk.device)
    series.add(_FS_FREE, disk.free_inodes, disk.device)


def add_network_metrics(series: Series, interfaces: Iterable[Interface]) -> None:
    """Add those of the interfaces of a pod."""
    for interface in interfaces:
        for family, read in _INTERFACES:
            series.add(family, read(interface), interface.name)

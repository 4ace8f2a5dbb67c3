"""The summary of the kubelet as structures (k8s.io/kubelet/pkg/apis/stats/v1alpha1). What is None is not known."""

from __future__ import annotations

from datetime import datetime

import msgspec

from firkin.kubelet.api.struct import Object

__all__ = ["ContainerUsage", "CpuStats", "FsStats", "Interface", "MemoryStats", "NetworkStats", "NodeUsage", "PodRef",
           "PodUsage", "ProcessStats", "PsiStats", "PsiTimes", "RuntimeStats", "Summary", "SwapStats"]  # fmt: skip


class PsiTimes(Object, frozen=True, omit_defaults=False):
    """Pressure: nanoseconds in all, and percent of the last seconds."""

    total: int = 0
    avg10: float = 0.0
    avg60: float = 0.0
    avg300: float = 0.0


class PsiStats(Object, frozen=True, omit_defaults=False):
    """Pressure on some of the tasks and on all of them."""

    full: PsiTimes = PsiTimes()
    some: PsiTimes = PsiTimes()


class CpuStats(Object, frozen=True):
    """Processor time: now, in billionths of a processor, and in all, in nanoseconds."""

    time: datetime
    usage_nano_cores: int | None = None
    usage_core_nano_seconds: int | None = None
    psi: PsiStats | None = None


class MemoryStats(Object, frozen=True):
    """Memory in bytes."""

    time: datetime
    available_bytes: int | None = None
    usage_bytes: int | None = None
    working_set_bytes: int | None = None
    rss_bytes: int | None = None
    page_faults: int | None = None
    major_page_faults: int | None = None
    psi: PsiStats | None = None


class SwapStats(Object, frozen=True):
    """Swap in bytes."""

    time: datetime
    swap_available_bytes: int | None = None
    swap_usage_bytes: int | None = None


class FsStats(Object, frozen=True):
    """A file system, and what of it is used."""

    time: datetime
    available_bytes: int | None = None
    capacity_bytes: int | None = None
    used_bytes: int | None = None
    inodes_free: int | None = None
    inodes: int | None = None
    inodes_used: int | None = None


class Interface(Object, frozen=True, kw_only=True):
    """Traffic of one interface."""

    name: str
    rx_bytes: int | None = None
    rx_errors: int | None = None
    tx_bytes: int | None = None
    tx_errors: int | None = None


class NetworkStats(Interface, frozen=True, kw_only=True):
    """Traffic of the interface that leads outside, and of all."""

    time: datetime
    interfaces: list[Interface] = msgspec.field(default_factory=list)


class ProcessStats(Object, frozen=True):
    """How many processes there are."""

    process_count: int | None = msgspec.field(default=None, name="process_count")


class RuntimeStats(Object, frozen=True):
    """Where images are, and the writable layers of containers."""

    image_fs: FsStats | None = None
    container_fs: FsStats | None = None


class NodeUsage(Object, frozen=True):
    """The machine."""

    node_name: str
    start_time: datetime
    cpu: CpuStats | None = None
    memory: MemoryStats | None = None
    network: NetworkStats | None = None
    fs: FsStats | None = None
    runtime: RuntimeStats | None = None
    swap: SwapStats | None = None


class ContainerUsage(Object, frozen=True):
    """A container; `rootfs` is its writable layer."""

    name: str
    start_time: datetime | None = None
    cpu: CpuStats | None = None
    memory: MemoryStats | None = None
    rootfs: FsStats | None = None
    logs: FsStats | None = None
    swap: SwapStats | None = None


class PodRef(Object, frozen=True):
    """Which pod."""

    name: str
    namespace: str
    uid: str


class PodUsage(Object, frozen=True):
    """A pod: its own cgroup and network, and its containers."""

    pod_ref: PodRef
    start_time: datetime | None = None
    containers: list[ContainerUsage] = msgspec.field(default_factory=list)
    cpu: CpuStats | None = None
    memory: MemoryStats | None = None
    network: NetworkStats | None = None
    ephemeral_storage: FsStats | None = msgspec.field(default=None, name="ephemeral-storage")
    process_stats: ProcessStats | None = msgspec.field(default=None, name="process_stats")
    swap: SwapStats | None = None


class Summary(Object, frozen=True, omit_defaults=False):
    """All of it."""

    node: NodeUsage
    pods: list[PodUsage] = msgspec.field(default_factory=list)

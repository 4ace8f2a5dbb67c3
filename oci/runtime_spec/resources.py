"""Limits and weights of the container's cgroup (config-linux.md#control-groups); None means "leave as it is"."""

from __future__ import annotations

from firkin.oci.record import NOTHING, Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from firkin.oci.record import Int64, Uint16, Uint32, Uint64

__all__ = [
    "BlockIo",
    "Cpu",
    "DeviceRule",
    "HugepageLimit",
    "InterfacePriority",
    "Memory",
    "Network",
    "Pids",
    "Rdma",
    "Resources",
    "ThrottleDevice",
    "WeightDevice",
]


class DeviceRule(Record):
    """One rule for device access, later rules win; an unset `type` or number matches every device."""

    allow: bool
    type: str = ""
    major: Int64 | None = None
    minor: Int64 | None = None
    access: str = ""


class Memory(Record, kernel_tcp="kernelTCP", disable_oom_killer="disableOOMKiller"):
    """Limits in bytes, -1 for unlimited; `swap` is memory and swap together, `swappiness` goes from 0 to 100."""

    limit: Int64 | None = None
    reservation: Int64 | None = None
    swap: Int64 | None = None
    kernel: Int64 | None = None
    kernel_tcp: Int64 | None = None
    swappiness: Uint64 | None = None
    disable_oom_killer: bool | None = None
    use_hierarchy: bool | None = None
    check_before_update: bool | None = None


class Cpu(Record):
    """Shares of processor time, times in microseconds, and lists of processors and memory nodes like `0-3,7`."""

    shares: Uint64 | None = None
    quota: Int64 | None = None
    burst: Uint64 | None = None
    period: Uint64 | None = None
    realtime_runtime: Int64 | None = None
    realtime_period: Uint64 | None = None
    cpus: str = ""
    mems: str = ""
    idle: Int64 | None = None


class Pids(Record):
    """The greatest number of tasks, -1 for no limit; 0 is a limit."""

    limit: Int64 | None = None


class WeightDevice(Record):
    """The weight of the cgroup on one block device."""

    major: Int64
    minor: Int64
    weight: Uint16 | None = None
    leaf_weight: Uint16 | None = None


class ThrottleDevice(Record):
    """The limit on one block device, in bytes or operations per second by the list it stands in."""

    major: Int64
    minor: Int64
    rate: Uint64


class BlockIo(
    Record, throttle_read_iops_device="throttleReadIOPSDevice", throttle_write_iops_device="throttleWriteIOPSDevice"
):
    """Weights and limits of block devices."""

    weight: Uint16 | None = None
    leaf_weight: Uint16 | None = None
    weight_device: tuple[WeightDevice, ...] = ()
    throttle_read_bps_device: tuple[ThrottleDevice, ...] = ()
    throttle_write_bps_device: tuple[ThrottleDevice, ...] = ()
    throttle_read_iops_device: tuple[ThrottleDevice, ...] = ()
    throttle_write_iops_device: tuple[ThrottleDevice, ...] = ()


class HugepageLimit(Record):
    """The limit in bytes of one huge page size, written like 64KB, 2MB or 1GB."""

    page_size: str
    limit: Uint64


class InterfacePriority(Record):
    """The priority of traffic that leaves through one network interface."""

    name: str
    priority: Uint32


class Network(Record, class_id="classID"):
    """The class of the cgroup's packets (net_cls) and their priorities (net_prio)."""

    class_id: Uint32 | None = None
    priorities: tuple[InterfacePriority, ...] = ()


class Rdma(Record):
    """Limits of one RDMA device."""

    hca_handles: Uint32 | None = None
    hca_objects: Uint32 | None = None


class Resources(Record, block_io="blockIO"):
    """The `resources` object; also the whole document of an update. `unified` maps cgroup v2 files to contents."""

    devices: tuple[DeviceRule, ...] = ()
    memory: Memory | None = None
    cpu: Cpu | None = None
    pids: Pids | None = None
    block_io: BlockIo | None = None
    hugepage_limits: tuple[HugepageLimit, ...] = ()
    network: Network | None = None
    rdma: Mapping[str, Rdma] = NOTHING
    unified: Mapping[str, str] = NOTHING

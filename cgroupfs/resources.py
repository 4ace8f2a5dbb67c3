"""OCI resources as writes to cgroup v2 files: a pure function, exact conversions, an error for what can't be converted.

Source: config-linux.md "Control groups"; Documentation/admin-guide/cgroup-v2.rst.
"""

from __future__ import annotations

from math import ceil, log2

from firkin.errors import UnsupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from firkin.oci.runtime_spec import BlockIo, Cpu, Memory, Network, Resources

__all__ = ["Write", "cpu_weight", "io_weight", "writes"]

_PLACE = "linux.resources"


class Write:
    """One write: `value` to `file`, asked for at `path` in the document; `controller` has the file, "" for the core."""

    __slots__ = ("controller", "file", "path", "value")

    def __init__(self, file: str, value: object, path: str) -> None:
        prefix = file.partition(".")[0]
        self.file = file
        self.value = str(value)
        self.path = f"{_PLACE}.{path}"
        self.controller = "" if prefix == "cgroup" else prefix

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Write) and (self.file, self.value, self.path) == (other.file, other.value, other.path)

    def __hash__(self) -> int:
        return hash((self.file, self.value, self.path))

    def __repr__(self) -> str:
        return f"Write({self.file!r}, {self.value!r}, {self.path!r})"


def writes(
    resources: Resources, available: frozenset[str], missing: Callable[[], Mapping[str, str]] = dict
) -> tuple[Write, ...]:
    """The writes for `resources`, in the order in which they must be made, before a process is in the cgroup.

    Parameters: `available` are the controllers of the hierarchy; `missing` tells why others are not there.
    Raises UnsupportedError with the path of a limit that has no file in cgroup v2, or whose controller is missing.
    """
    found: list[Write] = []
    if resources.cpu:
        found += _cpu(resources.cpu)
    if resources.memory:
        found += _memory(resources.memory)
    if resources.block_io:
        found += _block_io(resources.block_io)
    if resources.pids and resources.pids.limit is not None:
        found.append(Write("pids.max", _pids(resources.pids.limit), "pids.limit"))
    for index, page in enumerate(resources.hugepage_limits):
        for kind in ("", ".rsvd"):
            found.append(Write(f"hugetlb.{page.page_size}{kind}.max", page.limit, f"hugepageLimits[{index}]"))
    found += _rdma(resources)
    if resources.network:
        _refuse_network(resources.network)
    found += _unified(resources.unified)
    for write in found:
        if write.controller and write.controller not in available and not _is_no_limit(write):
            why = missing().get(write.controller, "not available")
            raise UnsupportedError(write.path, f"the {write.controller} controller is {why}", hint=_hint(why))
    return tuple(write for write in found if not write.controller or write.controller in available)


def _is_no_limit(write: Write) -> bool:
    # Without its controller nothing is limited, which is what this asks for.
    return write.file.endswith(".max") and write.value.split()[:1] == ["max"]


def _hint(why: str) -> str:
    return "boot with cgroup_no_v1=all, or leave the limit out" if "v1" in why else ""


def cpu_weight(shares: int) -> int:
    """cpu.weight, 1 to 10000, for `cpu.shares`, 2 to 262144: 1024, the default of one, is 100, the default of the other."""
    if shares <= 2:
        return 1
    if shares >= 262144:
        return 10000
    logarithm = log2(shares)
    return ceil(10 ** ((logarithm * logarithm + 125 * logarithm) / 612 - 7 / 34))


def io_weight(weight: int) -> int:
    """io.weight, 1 to 10000, for the weight of a block device, 10 to 1000."""
    return 1 + (weight - 10) * 9999 // 990


def _cpu(cpu: Cpu) -> list[Write]:
    found: list[Write] = []
    # Before a process is in: memory that is there already would be moved.
    if cpu.cpus:
        found.append(Write("cpuset.cpus", cpu.cpus, "cpu.cpus"))
    if cpu.mems:
        found.append(Write("cpuset.mems", cpu.mems, "cpu.mems"))
    for name, value in (("realtimeRuntime", cpu.realtime_runtime), ("realtimePeriod", cpu.realtime_period)):
        if value:
            raise UnsupportedError(f"{_PLACE}.cpu.{name}", "cgroup v2 has no realtime limits")
    if cpu.shares:
        found.append(Write("cpu.weight", cpu_weight(cpu.shares), "cpu.shares"))
    # After the weight, which the kernel refuses for an idle cgroup.
    if cpu.idle is not None:
        found.append(Write("cpu.idle", cpu.idle, "cpu.idle"))
    if cpu.quota or cpu.period:
        quota = cpu.quota if cpu.quota and cpu.quota > 0 else "max"
        found.append(Write("cpu.max", f"{quota} {cpu.period or 100000}", "cpu.quota" if cpu.quota else "cpu.period"))
    if cpu.burst is not None:
        found.append(Write("cpu.max.burst", cpu.burst, "cpu.burst"))
    return found


def _limit(value: int) -> str:
    return "max" if value < 0 else str(value)


def _memory(memory: Memory) -> list[Write]:
    for name, value in (
        ("kernel", memory.kernel),
        ("kernelTCP", memory.kernel_tcp),
        ("swappiness", memory.swappiness),
        ("disableOOMKiller", memory.disable_oom_killer),
    ):
        if value and value != -1:
            raise UnsupportedError(f"{_PLACE}.memory.{name}", "cgroup v2 has no such setting")
    found: list[Write] = []
    swap = _swap(memory)
    if swap is not None:
        found.append(Write("memory.swap.max", swap, "memory.swap"))
    if memory.limit:
        found.append(Write("memory.max", _limit(memory.limit), "memory.limit"))
    if memory.reservation:
        found.append(Write("memory.low", _limit(memory.reservation), "memory.reservation"))
    return found


def _swap(memory: Memory) -> str | None:
    # The specification counts memory and swap together, the kernel swap alone.
    limit, swap = memory.limit or 0, memory.swap or 0
    if swap == 0:
        return "max" if limit == -1 else None
    if swap == -1 or limit == -1:
        return _limit(swap)
    if not limit:
        raise UnsupportedError(f"{_PLACE}.memory.swap", "means memory and swap together, and needs memory.limit")
    if swap < limit:
        raise UnsupportedError(f"{_PLACE}.memory.swap", f"{swap} is less than memory.limit, {limit}")
    return str(swap - limit)


def _pids(limit: int) -> str:
    # With 0 not even the first process could be born in the cgroup: 1 is what 0 means to it.
    return "max" if limit < 0 else str(max(limit, 1))


def _block_io(block_io: BlockIo) -> list[Write]:
    for name, value in (("leafWeight", block_io.leaf_weight), ("weightDevice", block_io.weight_device)):
        if value:
            raise UnsupportedError(f"{_PLACE}.blockIO.{name}", "cgroup v2 has no such setting")
    found: list[Write] = []
    if block_io.weight:
        found.append(Write("io.weight", io_weight(block_io.weight), "blockIO.weight"))
    for name, key, devices in (
        ("throttleReadBpsDevice", "rbps", block_io.throttle_read_bps_device),
        ("throttleWriteBpsDevice", "wbps", block_io.throttle_write_bps_device),
        ("throttleReadIOPSDevice", "riops", block_io.throttle_read_iops_device),
        ("throttleWriteIOPSDevice", "wiops", block_io.throttle_write_iops_device),
    ):
        for index, device in enumerate(devices):
            rate = device.rate or "max"
            found.append(Write("io.max", f"{device.major}:{device.minor} {key}={rate}", f"blockIO.{name}[{index}]"))
    return found


def _rdma(resources: Resources) -> list[Write]:
    found = []
    for device, limits in resources.rdma.items():
        words = [device]
        if limits.hca_handles is not None:
            words.append(f"hca_handle={limits.hca_handles}")
        if limits.hca_objects is not None:
            words.append(f"hca_object={limits.hca_objects}")
        found.append(Write("rdma.max", " ".join(words), f"rdma[{device}]"))
    return found


def _refuse_network(network: Network) -> None:
    for name, value in (("classID", network.class_id), ("priorities", network.priorities)):
        if value:
            raise UnsupportedError(f"{_PLACE}.network.{name}", "cgroup v2 has no such setting")


def _unified(unified: Mapping[str, str]) -> list[Write]:
    # Last, as it overrides; a file takes one key per write.
    return [
        Write(file, line, f"unified[{file}]") for file, value in unified.items() for line in value.splitlines() or [""]
    ]

"""Rules for resources, of a configuration or of an update (config-linux.md#control-groups)."""

from __future__ import annotations

from firkin.errors import ConfigError
from firkin.oci.annotation import subscript
from firkin.oci.checks import known, no_nul, one_line
from firkin.oci.json_text import dump

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from firkin.oci.runtime_spec.resources import BlockIo, Cpu, DeviceRule, Memory, Rdma, Resources

__all__ = ["check_resources"]

_MEMORY_LIMITS = (
    ("limit", "limit"),
    ("reservation", "reservation"),
    ("swap", "swap"),
    ("kernel", "kernel"),
    ("kernel_tcp", "kernelTCP"),
)
_BLOCK_DEVICES = (
    ("weight_device", "weightDevice"),
    ("throttle_read_bps_device", "throttleReadBpsDevice"),
    ("throttle_write_bps_device", "throttleWriteBpsDevice"),
    ("throttle_read_iops_device", "throttleReadIOPSDevice"),
    ("throttle_write_iops_device", "throttleWriteIOPSDevice"),
)


def check_resources(resources: Resources, prefix: str) -> None:
    """Check a resources record; `prefix` is its JSON path with a dot, or "" for the root. Raises ConfigError."""
    for index, rule in enumerate(resources.devices):
        _check_device_rule(rule, f"{prefix}devices[{index}]")
    if resources.memory:
        _check_memory(resources.memory, f"{prefix}memory")
    if resources.cpu:
        _check_cpu(resources.cpu, f"{prefix}cpu")
    if resources.block_io:
        _check_block_io(resources.block_io, f"{prefix}blockIO")
    for index, limit in enumerate(resources.hugepage_limits):
        _check_page_size(limit.page_size, f"{prefix}hugepageLimits[{index}].pageSize")
    _check_rdma(resources.rdma, f"{prefix}rdma")
    _check_unified(resources.unified, f"{prefix}unified")


def _check_device_rule(rule: DeviceRule, path: str) -> None:
    if rule.type:
        known(rule.type, ("a", "b", "c"), f"{path}.type", "device type")
    for name, number in (("major", rule.major), ("minor", rule.minor)):
        # -1 is how engines write "every number".
        if number is not None and number < -1:
            raise ConfigError(f"{path}.{name}", f"must be a device number or -1 for all, got {number}")
    if not set(rule.access) <= set("rwm"):
        raise ConfigError(f"{path}.access", f"must be made of r, w and m, got {dump(rule.access)}")


def _check_memory(memory: Memory, path: str) -> None:
    for name, key in _MEMORY_LIMITS:
        limit = getattr(memory, name)
        if limit is not None and limit < -1:
            raise ConfigError(f"{path}.{key}", f"must be a number of bytes or -1 for no limit, got {limit}")
    if memory.swappiness is not None and memory.swappiness > 100:
        raise ConfigError(f"{path}.swappiness", f"must be from 0 to 100, got {memory.swappiness}")


def _check_cpu(cpu: Cpu, path: str) -> None:
    if cpu.quota is not None and cpu.burst is not None and 0 < cpu.quota < cpu.burst:
        raise ConfigError(f"{path}.burst", f"{cpu.burst} is more than the quota {cpu.quota}")
    if cpu.idle not in (None, 0, 1):
        raise ConfigError(f"{path}.idle", f"must be 0 or 1, got {cpu.idle}")
    one_line(cpu.cpus, f"{path}.cpus")
    one_line(cpu.mems, f"{path}.mems")


def _check_block_io(block_io: BlockIo, path: str) -> None:
    for name, key in _BLOCK_DEVICES:
        for index, device in enumerate(getattr(block_io, name)):
            for number in ("major", "minor"):
                if getattr(device, number) < 0:
                    place = f"{path}.{key}[{index}].{number}"
                    raise ConfigError(place, f"must be 0 or more, got {getattr(device, number)}")
    for index, device in enumerate(block_io.weight_device):
        if device.weight is None and device.leaf_weight is None:
            raise ConfigError(f"{path}.weightDevice[{index}]", "must have a weight or a leafWeight")


def _check_page_size(size: str, path: str) -> None:
    # The pattern of schema/config-linux.json.
    number = size[:-2]
    if not (number.isascii() and number.isdigit() and number[0] != "0" and size[-2:] in ("KB", "MB", "GB")):
        raise ConfigError(path, f"must be a page size such as 64KB, 2MB or 1GB, got {dump(size)}")


def _check_rdma(rdma: Mapping[str, Rdma], path: str) -> None:
    for name, limits in rdma.items():
        place = path + subscript(name)
        # The kernel splits the line "DEVICE KEY=VALUE ..." at blanks.
        if len(name.split()) != 1 or "\0" in name:
            raise ConfigError(place, f"{dump(name)} is not a valid name of an RDMA device")
        if limits.hca_handles is None and limits.hca_objects is None:
            raise ConfigError(place, "must have hcaHandles or hcaObjects")


def _check_unified(unified: Mapping[str, str], path: str) -> None:
    for name, value in unified.items():
        place = path + subscript(name)
        if name in ("", ".", "..") or "/" in name or "\0" in name:
            raise ConfigError(place, f"{dump(name)} is not the name of a file in a cgroup")
        no_nul(value, place)

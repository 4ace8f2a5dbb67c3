"""Limits: from CRI's resources to those of the runtime specification."""

from __future__ import annotations

from typing import Any

from firkin.cri.api.resources_pb2 import LinuxContainerResources
from firkin.cri.spec.inputs import HostDevice
from firkin.oci.record import replace
from firkin.oci.runtime_spec import Cpu, DeviceRule, HugepageLimit, Memory, Resources

__all__ = ["limits_of", "resources_of"]


def limits_of(asked: LinuxContainerResources) -> Resources:
    """The limits in `asked`; 0 is "not said" in CRI. Also the document of an update."""
    found: dict[str, Any] = {}
    cpu: dict[str, Any] = {
        "shares": asked.cpu_shares,
        "quota": asked.cpu_quota,
        "period": asked.cpu_period,
        "cpus": asked.cpuset_cpus,
        "mems": asked.cpuset_mems,
    }
    memory: dict[str, Any] = {"limit": asked.memory_limit_in_bytes, "swap": asked.memory_swap_limit_in_bytes}
    if said := {name: value for name, value in cpu.items() if value}:
        found["cpu"] = Cpu(**said)
    if said := {name: value for name, value in memory.items() if value}:
        found["memory"] = Memory(**said)
    if asked.hugepage_limits:
        pages = [HugepageLimit(page_size=one.page_size, limit=one.limit) for one in asked.hugepage_limits]
        found["hugepage_limits"] = tuple(pages)
    if asked.unified:
        found["unified"] = dict(asked.unified)
    return Resources(**found)


def resources_of(
    asked: LinuxContainerResources, devices: list[tuple[HostDevice, str]], *, all_devices: bool
) -> Resources:
    """The limits, with rules for `devices` and what may be done with each; `all_devices` allows every device."""
    rules = [DeviceRule(allow=all_devices, access="rwm")]
    if not all_devices:
        rules += [
            DeviceRule(allow=True, type=device.kind, major=device.major, minor=device.minor, access=access)
            for device, access in devices
        ]
    return replace(limits_of(asked), devices=tuple(rules))

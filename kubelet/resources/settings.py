"""What the agent is told of resources: `[kubelet.resources]`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from firkin.kubelet.api.quantity import parse_quantity

__all__ = ["ResourceSettings", "resource_faults"]


@dataclass(frozen=True, slots=True)
class ResourceSettings:
    """`[kubelet.resources]`: what is set aside, and how limits are enforced.

    `kube_reserved` and `system_reserved` are lists such as "cpu=100m", "memory=256Mi": what pods can not have.
    `enforce_allocatable` limits all pods together to the rest. `max_pods` is how many there may be. `cgroup_root` is
    the cgroup that all is below, `cgroup_driver` is auto (what the runtime says), cgroupfs or systemd. `pod_pids` is
    the most processes of a pod, 0 for no limit. With `memory_qos` memory.high slows down who comes near to the limit,
    at `memory_throttling_percent` of the way from the request to it; `memory_reservation` is none or tiered, which
    protects what is requested. `swap_behavior` is NoSwap, or LimitedSwap: containers of Burstable pods have that part
    of the swap that they request of the memory.
    """

    kube_reserved: tuple[str, ...] = ()
    system_reserved: tuple[str, ...] = ()
    enforce_allocatable: bool = True
    max_pods: int = 110
    cgroup_root: str = ""
    cgroup_driver: str = "auto"
    cpu_quota: bool = True
    pod_pids: int = 0
    memory_qos: bool = False
    memory_throttling_percent: int = 90
    memory_reservation: str = "none"
    swap_behavior: str = "NoSwap"


_CHOICES = {
    "cgroup_driver": ("auto", "cgroupfs", "systemd"),
    "memory_reservation": ("none", "tiered"),
    "swap_behavior": ("NoSwap", "LimitedSwap"),
}
_RESERVABLE = ("cpu", "memory", "ephemeral-storage", "pid")


def resource_faults(settings: ResourceSettings) -> Iterator[str]:
    """What is wrong with the settings, a text each with its key."""
    for key, choices in _CHOICES.items():
        if getattr(settings, key) not in choices:
            yield f"kubelet.resources.{key}: {getattr(settings, key)!r} is none of {', '.join(choices)}"
    for key in ("kube_reserved", "system_reserved"):
        for item in getattr(settings, key):
            name, _, value = item.partition("=")
            try:
                is_wrong = name not in _RESERVABLE or parse_quantity(value) < 0
            except ValueError:
                is_wrong = True
            if is_wrong:
                yield f"kubelet.resources.{key}: {item!r} is not one of {', '.join(_RESERVABLE)}, such as cpu=100m"
    if settings.max_pods < 1:
        yield "kubelet.resources.max_pods: is less than 1"
    if settings.pod_pids < 0:
        yield "kubelet.resources.pod_pids: is less than 0"
    if not 0 < settings.memory_throttling_percent <= 100:
        yield "kubelet.resources.memory_throttling_percent: is not within 1 to 100"
    if ".." in settings.cgroup_root.split("/"):
        yield f"kubelet.resources.cgroup_root: {settings.cgroup_root!r} leads out of the hierarchy"

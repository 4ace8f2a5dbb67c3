"""Which pod goes first. Pure.

Source: "Pod selection for kubelet eviction" of the Kubernetes documentation: who uses more than was requested, then
who has the lower priority, then who uses more beyond the request. The class of service is not asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from firkin.kubelet.api.pod import Pod
from firkin.kubelet.resources.eviction.signals import DISK, RESOURCE_OF
from firkin.kubelet.resources.eviction.usage import PodUsage
from firkin.kubelet.resources.priority import priority_of
from firkin.kubelet.resources.totals import pod_requests

__all__ = ["rank"]

_Key = tuple[bool, bool, int, int]


def rank(
    pods: Iterable[Pod], usage: Mapping[str, PodUsage], signal: str, *, separate_images: bool = False
) -> list[Pod]:
    """The pods, the first to be evicted first.

    Parameters: `usage` is what they use, by uid; one that nothing is known of goes first. With `separate_images` the
    runtime's images and containers are on a file system of their own.
    """
    key = _keys(signal, separate_images=separate_images)
    return sorted(pods, key=lambda pod: key(pod, usage.get(pod.metadata.uid)))


def _keys(signal: str, *, separate_images: bool) -> Callable[[Pod, PodUsage | None], _Key]:
    if RESOURCE_OF[signal] == "pids":
        return lambda pod, used: (False, False, priority_of(pod), -used.processes if used else 0)
    if signal in DISK:
        return lambda pod, used: _by_disk(pod, used, signal, separate_images=separate_images)
    return _by_memory


def _by_memory(pod: Pod, used: PodUsage | None) -> _Key:
    return _by_excess(pod, used, used.memory if used else 0, int(pod_requests(pod).get("memory", 0)))


def _by_disk(pod: Pod, used: PodUsage | None, signal: str, *, separate_images: bool) -> _Key:
    root = not separate_images or not signal.startswith("nodefs.")
    local = not separate_images or signal.startswith("nodefs.")
    disk = used.disk(root=root, local=local) if used else None
    if RESOURCE_OF[signal] == "inodes":
        # Nobody can request inodes.
        return _by_excess(pod, used, disk.inodes if disk else 0, 0)
    return _by_excess(pod, used, disk.bytes if disk else 0, int(pod_requests(pod).get("ephemeral-storage", 0)))


def _by_excess(pod: Pod, used: PodUsage | None, amount: int, request: int) -> _Key:
    return used is not None, amount <= request, priority_of(pod), request - amount

"""Pods that write more than they may, whatever is left on the disk. Pure.

Source: "Local ephemeral storage" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections.abc import Iterator

from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.quantity import parse_quantity
from firkin.kubelet.resources.eviction.usage import PodUsage
from firkin.kubelet.resources.totals import pod_limits

__all__ = ["excess", "has_limits"]

_STORAGE = "ephemeral-storage"


def has_limits(pod: Pod) -> bool:
    """Whether what the pod writes is limited at all."""
    has_size = any(volume.empty_dir and volume.empty_dir.size_limit is not None for volume in pod.spec.volumes)
    return has_size or _STORAGE in pod_limits(pod)


def excess(pod: Pod, used: PodUsage, *, separate_images: bool = False) -> str:
    """Why the pod must go; "" if it stays within its limits."""
    return next(_reasons(pod, used, separate_images=separate_images), "")


def _reasons(pod: Pod, used: PodUsage, *, separate_images: bool) -> Iterator[str]:
    for volume in pod.spec.volumes:
        size = volume.empty_dir.size_limit if volume.empty_dir else None
        if size is not None and volume.name in used.volumes:
            limit = parse_quantity(size)
            if 0 < limit < used.volumes[volume.name].bytes:
                yield f'Usage of EmptyDir volume "{volume.name}" exceeds the limit "{size}". '
    total = pod_limits(pod).get(_STORAGE)
    if total is not None and used.disk(root=not separate_images).bytes > total:
        yield f"Pod ephemeral local storage usage exceeds the total limit of containers {_text(pod)}. "
    for container in pod.spec.containers:
        limit = parse_quantity(container.resources.limits.get(_STORAGE, 0))
        usage = used.containers.get(container.name)
        if usage and limit:
            written = usage.logs.bytes + (0 if separate_images else usage.root.bytes)
            if written > limit:
                said = container.resources.limits[_STORAGE]
                yield f'Container {container.name} exceeded its local ephemeral storage limit "{said}". '


def _text(pod: Pod) -> str:
    said = [one.resources.limits[_STORAGE] for one in pod.spec.containers if _STORAGE in one.resources.limits]
    return str(said[0]) if len(said) == 1 else str(pod_limits(pod)[_STORAGE])

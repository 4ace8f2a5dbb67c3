"""emptyDir: a directory of the pod's own, on disk or in memory."""

from __future__ import annotations

import os

from firkin.kubelet.api.quantity import whole
from firkin.kubelet.api.volume import EmptyDirVolumeSource, Volume
from firkin.kubelet.resources.totals import pod_limits
from firkin.kubelet.volumes.errors import VolumeError
from firkin.kubelet.volumes.mounting import mount_tmpfs
from firkin.kubelet.volumes.ownership import set_group
from firkin.kubelet.volumes.plugin import Request, Work

__all__ = ["EmptyDirs", "memory_size"]


class EmptyDirs:
    """Where the limit of a directory on disk is watched by eviction, that of a tmpfs is its size."""

    kind = "empty-dir"
    is_live = False

    def takes(self, volume: Volume) -> bool:
        """See VolumePlugin."""
        return volume.empty_dir is not None

    def path(self, request: Request) -> str:
        """The directory of the volume."""
        return request.places.volume(self.kind, request.volume.name)

    def prepare(self, request: Request) -> Work:
        """See VolumePlugin."""
        source = request.volume.empty_dir
        assert source
        if source.medium not in ("", "Memory"):
            raise VolumeError(f'unknown storage medium "{source.medium}"', hint="Memory, or none for a disk, is known")
        size = memory_size(request, source) if source.medium else None
        ready = request.places.ready(self.kind, request.volume.name)
        path, group, mode = self.path(request), request.group, 0o777 if source.mode is None else source.mode
        return lambda: _make(path, ready, size, mode, group)


def memory_size(request: Request, source: EmptyDirVolumeSource) -> int:
    """The size of a tmpfs in bytes: its limit, but no more than the pod, or else the node, has memory."""
    most = int(pod_limits(request.pod).get("memory", 0)) or whole(request.facts.allocatable.get("memory", 0))
    asked = whole(source.size_limit) if source.size_limit is not None else 0
    return min(asked, most) if asked and most else asked or most


def _make(path: str, ready: str, memory: int | None, mode: int, group: int | None) -> None:
    if os.path.exists(ready) and os.path.isdir(path) and (memory is None or os.path.ismount(path)):
        return
    os.makedirs(path, mode=0o750, exist_ok=True)
    if memory is not None and not os.path.ismount(path):
        mount_tmpfs(path, memory)
    os.chmod(path, mode)
    if group is not None:
        set_group(path, group)
    os.makedirs(os.path.dirname(ready), mode=0o750, exist_ok=True)
    with open(ready, "w"):
        pass

"""emptyDir: a directory of the pod's own, on disk, in memory or in huge pages."""

from __future__ import annotations

import os
from collections.abc import Callable

from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.quantity import whole
from firkin.kubelet.api.volume import EmptyDirVolumeSource, Volume
from firkin.kubelet.resources.totals import pod_limits
from firkin.kubelet.volumes.errors import VolumeError
from firkin.kubelet.volumes.mounting import mount_hugetlbfs, mount_tmpfs
from firkin.kubelet.volumes.ownership import set_group
from firkin.kubelet.volumes.plugin import Request, Work

__all__ = ["EmptyDirs", "memory_size", "page_size"]

_PAGES = "hugepages-"


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
        mount = _mounting(request, source)
        ready = request.places.ready(self.kind, request.volume.name)
        path, group, mode = self.path(request), request.group, 0o777 if source.mode is None else source.mode
        return lambda: _make(path, ready, mount, mode, group)


def _mounting(request: Request, source: EmptyDirVolumeSource) -> Callable[[str], None] | None:
    # What is mounted on the directory, if anything is.
    if not source.medium:
        return None
    if source.medium == "Memory":
        size = memory_size(request, source)
        return lambda path: mount_tmpfs(path, size)
    page = page_size(request.pod, source.medium)
    return lambda path: mount_hugetlbfs(path, page)


def page_size(pod: Pod, medium: str) -> int:
    """The size in bytes of the pages of a medium: HugePages-2Mi, or HugePages where all of the pod have one size.

    Raises VolumeError.
    """
    name, dash, size = medium.partition("-")
    if name != "HugePages" or (dash and not size):
        raise VolumeError(f'unknown storage medium "{medium}"', hint="Memory, HugePages and HugePages-2Mi are known")
    asked = {one.removeprefix(_PAGES) for one in pod_limits(pod) if one.startswith(_PAGES)}
    if not size:
        if len(asked) != 1:
            found = ", ".join(sorted(asked)) or "none"
            raise VolumeError(f"medium HugePages needs a pod with huge pages of one size: it has {found}")
        (size,) = asked
    elif size not in asked:
        raise VolumeError(f"medium {medium}: no container has a limit of {_PAGES}{size}")
    try:
        return whole(size)
    except ValueError as error:
        raise VolumeError(f"medium {medium}: {error}") from error


def memory_size(request: Request, source: EmptyDirVolumeSource) -> int:
    """The size of a tmpfs in bytes: its limit, but no more than the pod, or else the node, has memory."""
    most = int(pod_limits(request.pod).get("memory", 0)) or whole(request.facts.allocatable.get("memory", 0))
    asked = whole(source.size_limit) if source.size_limit is not None else 0
    return min(asked, most) if asked and most else asked or most


def _make(path: str, ready: str, mount: Callable[[str], None] | None, mode: int, group: int | None) -> None:
    if os.path.exists(ready) and os.path.isdir(path) and (mount is None or os.path.ismount(path)):
        return
    os.makedirs(path, mode=0o750, exist_ok=True)
    if mount is not None and not os.path.ismount(path):
        mount(path)
    os.chmod(path, mode)
    if group is not None:
        set_group(path, group)
    os.makedirs(os.path.dirname(ready), mode=0o750, exist_ok=True)
    with open(ready, "w"):
        pass

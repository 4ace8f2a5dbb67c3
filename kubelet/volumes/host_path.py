"""hostPath: a path of the machine.

Source: "hostPath volume types" of the Kubernetes documentation.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable

from firkin.kubelet.api.volume import Volume
from firkin.kubelet.volumes.errors import VolumeError
from firkin.kubelet.volumes.plugin import Request, Work

__all__ = ["HostPaths"]

_MODES: dict[str, tuple[str, Callable[[int], bool]]] = {
    "Directory": ("directory", stat.S_ISDIR),
    "DirectoryOrCreate": ("directory", stat.S_ISDIR),
    "File": ("file", stat.S_ISREG),
    "FileOrCreate": ("file", stat.S_ISREG),
    "Socket": ("socket file", stat.S_ISSOCK),
    "CharDevice": ("character device", stat.S_ISCHR),
    "BlockDevice": ("block device", stat.S_ISBLK),
}


class HostPaths:
    """The path itself is what containers have bound; nothing of it is ever removed."""

    kind = "host-path"
    is_live = False

    def takes(self, volume: Volume) -> bool:
        """See VolumePlugin."""
        return volume.host_path is not None

    def path(self, request: Request) -> str:
        """The path of the machine."""
        assert request.volume.host_path
        return request.volume.host_path.path

    def prepare(self, request: Request) -> Work:
        """See VolumePlugin."""
        source = request.volume.host_path
        assert source
        if not source.path.startswith("/"):
            raise VolumeError(f"hostPath {source.path!r} is not an absolute path")
        kind = source.type or ""
        if kind and kind not in _MODES:
            raise VolumeError(f"{kind} is an invalid volume type")
        return lambda: _check(source.path, kind)


def _check(path: str, kind: str) -> None:
    if not kind:
        # As it was before there were types, a directory is made where nothing is.
        if not os.path.lexists(path):
            os.makedirs(path, mode=0o755)
        return
    if kind == "DirectoryOrCreate" and not os.path.exists(path):
        os.makedirs(path, mode=0o755)
    elif kind == "FileOrCreate" and not os.path.exists(path):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644))
    what, is_it = _MODES[kind]
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        mode = 0
    if not is_it(mode):
        raise VolumeError(f"hostPath type check failed: {path} is not a {what}")

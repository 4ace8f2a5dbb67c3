"""Where the cgroups of pods and containers are, below the hierarchy's mount."""

from __future__ import annotations

from firkin.cgroupfs.systemd.names import slice_path, split_cgroups_path
from firkin.cri.spec.inputs import HostFacts
from firkin.errors import CgroupPathError

__all__ = ["container_place", "pod_place", "slice_of"]

_SLICE = "system.slice"
"""For pods that name none."""


def slice_of(parent: str) -> str:
    """The slice that a `cgroup_parent` names: written as a path with systemd, too, it is the last part of that."""
    return parent.rstrip("/").rpartition("/")[2] or _SLICE


def container_place(asked: str, id: str, host: HostFacts) -> str:
    """The cgroup that `linux.cgroupsPath` asks for, in the form of the cgroup driver. Raises CgroupPathError."""
    if not host.systemd:
        return asked
    slice_name, unit = split_cgroups_path(asked, id)
    return _joined(host.systemd_root, slice_path(slice_name), unit)


def pod_place(parent: str, host: HostFacts) -> str:
    """The cgroup of a pod, which is the `cgroup_parent` of its containers; "" for a pod without one of its own.

    The name of a slice says where it lies.
    """
    if not host.systemd or not parent.strip("/"):
        return parent.strip("/")
    try:
        return _joined(host.systemd_root, slice_path(slice_of(parent))).lstrip("/")
    except CgroupPathError:
        # Of a pod that was made with the other driver.
        return parent.strip("/")


def _joined(*parts: str) -> str:
    return "/" + "/".join(part for part in parts if part)

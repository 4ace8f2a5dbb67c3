"""Where the volumes of pods are: the layout of the kubelet.

ROOT/pods/UID/volumes/kubernetes.io~KIND/NAME              a volume
ROOT/pods/UID/plugins/kubernetes.io~KIND/NAME/ready        it is complete
ROOT/pods/UID/volume-subpaths/VOLUME/CONTAINER/INDEX       a part of one, bound for one mount of one container
"""

from __future__ import annotations

from dataclasses import dataclass

from firkin.kubelet.volumes.errors import VolumeError

__all__ = ["PodPlaces", "pods_directory"]


def pods_directory(root: str) -> str:
    """The directory of the directories of pods."""
    return f"{root}/pods"


@dataclass(frozen=True, slots=True)
class PodPlaces:
    """The directories of the pod `uid` below the agent's `root`. Raises VolumeError for a uid that is no file name."""

    root: str
    uid: str

    def __post_init__(self) -> None:
        _check(self.uid, "uid of the pod")

    @property
    def directory(self) -> str:
        """All of it."""
        return f"{pods_directory(self.root)}/{self.uid}"

    @property
    def subpaths(self) -> str:
        """The parts of volumes that are bound."""
        return f"{self.directory}/volume-subpaths"

    def volume(self, kind: str, name: str) -> str:
        """A volume, by the name of its plug-in and its own."""
        _check(name, "name of the volume")
        return f"{self.directory}/volumes/kubernetes.io~{kind}/{name}"

    def ready(self, kind: str, name: str) -> str:
        """The file that says that the volume is complete."""
        _check(name, "name of the volume")
        return f"{self.directory}/plugins/kubernetes.io~{kind}/{name}/ready"

    def subpath(self, volume: str, container: str, index: int) -> str:
        """A part of a volume, for the mount `index` of a container."""
        _check(volume, "name of the volume")
        _check(container, "name of the container")
        return f"{self.subpaths}/{volume}/{container}/{index}"


def _check(name: str, what: str) -> None:
    if not name or "/" in name or "\0" in name or name in (".", ".."):
        raise VolumeError(f"the {what}, {name!r}, can not be the name of a file", volume=name)

"""Taking the directory of a pod away, whatever a crash, a container or another agent left there."""

from __future__ import annotations

import os

from firkin.kubelet.volumes.errors import VolumeError
from firkin.kubelet.volumes.mounting import mounts_below, unmount
from firkin.kubelet.volumes.places import PodPlaces
from firkin.oci.snapshots.trees import remove_tree

__all__ = ["remove_pod"]

_ROUNDS = 10


def remove_pod(places: PodPlaces) -> None:
    """Unmount all that is mounted below the directory of a pod, and remove it; it may be gone already.

    Nothing is removed as long as something is mounted there: what is bound may be the host's.
    Raises VolumeError, KernelError, OSError.
    """
    _unmount_all(places.directory)
    # A bind mount that came meanwhile keeps its directory busy: these are removed one by one, never their contents.
    _remove_targets(places.subpaths)
    remove_tree(places.directory)


def _unmount_all(directory: str) -> None:
    for _ in range(_ROUNDS):
        mounted = mounts_below(directory)
        if not mounted:
            return
        for path in reversed(mounted):
            unmount(path)
    raise VolumeError(f"unmount below {directory}: {mounted[0]} is mounted again and again")


def _remove_targets(subpaths: str) -> None:
    for directory, directories, files in os.walk(subpaths, topdown=False):
        for name in files:
            os.unlink(f"{directory}/{name}")
        for name in directories:
            os.rmdir(f"{directory}/{name}")

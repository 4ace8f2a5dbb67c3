"""The cgroups that containers are below: one for each pod, in those of the classes of service.

ROOT/kubepods                              all pods: no more than is allocatable
ROOT/kubepods/burstable, besteffort        their share of the processors beside Guaranteed pods
ROOT/kubepods[/CLASS]/podUID               a pod: its share and its limits; the runtime makes the containers' in it
"""

from __future__ import annotations

import asyncio

from firkin.cgroupfs import Cgroup, find_hierarchy
from firkin.errors import CgroupError
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.resources.qos import GUARANTEED, qos_class

__all__ = ["PodCgroups"]


class PodCgroups:
    """The cgroups below `root`, a path in the hierarchy ("" for its root)."""

    def __init__(self, root: str = "") -> None:
        self._root = root.strip("/")
        self.controllers = find_hierarchy().controllers

    async def ensure(self, pod: Pod) -> str:
        """Make the cgroup of a pod, or bring its limits up to date; returns what CRI is told as `cgroup_parent`.

        Raises CgroupError.
        """
        path = self._path(pod)
        (await asyncio.to_thread(Cgroup.make, path)).close()
        return f"/{path}"

    async def remove(self, uid: str) -> None:
        """Kill what is left in the cgroup of a pod and remove it; it may be gone. Raises CgroupError."""
        for tier in ("", "burstable/", "besteffort/"):
            await asyncio.to_thread(_destroy, f"{self._top()}/{tier}pod{uid}")

    async def update_tiers(self, pods: list[Pod]) -> None:
        """Give the classes of service their shares, by the pods that are active. Raises CgroupError."""

    def _top(self) -> str:
        return f"{self._root}/kubepods".strip("/")

    def _path(self, pod: Pod) -> str:
        quality = qos_class(pod)
        tier = "" if quality == GUARANTEED else f"/{quality.lower()}"
        return f"{self._top()}{tier}/pod{pod.metadata.uid}"


def _destroy(path: str) -> None:
    try:
        Cgroup.destroy(path)
    except CgroupError as error:
        error.hint = error.hint or "processes of the pod can not be killed"
        raise

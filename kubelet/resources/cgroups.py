"""The cgroups that containers are below: one for each pod, in those of the classes of service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from firkin import log
from firkin.cgroupfs import find_hierarchy
from firkin.errors import CgroupError
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.resources.container import Limiting
from firkin.kubelet.resources.drivers import Driver, known_driver
from firkin.kubelet.resources.node import NodeResources, reserved
from firkin.kubelet.resources.settings import ResourceSettings
from firkin.kubelet.resources.tree import TIERS, TOP, pod_limits_files, pod_names, tier_files, widest

__all__ = ["PodCgroups"]

_log = log.to("resources")
_NEEDED = ("cpu", "memory", "pids")
_SECONDS = 60.0


class PodCgroups:
    """The cgroups of pods.

    Parameters: `capacity` and `allocatable` are the node's; `driver` is cgroupfs or systemd, as the runtime has it.
    Raises CgroupError if no cgroup v2 is mounted.
    """

    def __init__(
        self, settings: ResourceSettings, capacity: NodeResources, allocatable: NodeResources, driver: str = "cgroupfs"
    ) -> None:
        hierarchy = find_hierarchy()
        self._driver: Driver = known_driver(driver, settings.cgroup_root)
        self._reserved = reserved(settings)
        self.limiting = Limiting(capacity, allocatable, settings, hierarchy.controllers)
        """What limits of containers depend on."""
        self._warn(hierarchy.missing().items())

    def _warn(self, missing: Iterable[tuple[str, str]]) -> None:
        for name, why in missing:
            if name in _NEEDED and name not in self.limiting.controllers:
                _log.warning("limits of %s are not enforced: the controller is %s", name, why)

    async def ensure(self, pod: Pod, *others: Pod) -> str:
        """Make the cgroup of a pod, or bring its limits up to date; returns what CRI is told as `cgroup_parent`.

        Parameters: `others` are other states of the pod, in which it must not get less either.
        Raises CgroupError.
        """
        files = widest(*(pod_limits_files(one, self.limiting) for one in (pod, *others)))
        return await asyncio.to_thread(self._driver.ensure, pod_names(pod), files)

    async def remove(self, uid: str) -> None:
        """Kill what is left in the cgroup of a pod and remove it; it may be gone. Raises CgroupError."""
        for tier in TIERS:
            await asyncio.to_thread(self._driver.remove, (*tier, f"pod{uid}"))

    async def update_tiers(self, pods: Iterable[Pod]) -> None:
        """Make the cgroups above the pods, and give them their shares by the pods that are active.

        Raises CgroupError.
        """
        for names, files in tier_files(pods, self.limiting, self._reserved).items():
            await asyncio.to_thread(self._driver.ensure, names, files)

    def path(self, pod: Pod) -> str:
        """The path of the cgroup of a pod, which may not be there."""
        return self._driver.path(pod_names(pod))

    @property
    def top(self) -> str:
        """The path of the cgroup that all pods are in."""
        return self._driver.path((TOP,))

    async def keep_tiers(self, pods: Callable[[], Iterable[Pod]]) -> None:
        """Update the tiers each minute, for ever."""
        while True:
            try:
                await self.update_tiers(pods())
            except CgroupError as error:
                _log.warning("can not set the shares of pods: %s", error)
            await asyncio.sleep(_SECONDS)

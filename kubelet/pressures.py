"""What eviction sees of this node, and what it can do here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from firkin import log
from firkin.cri.api.stats_pb2 import ContainerStats
from firkin.errors import FirkinError
from firkin.kubelet.api.meta import Condition
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.logs.layout import pod_logs
from firkin.kubelet.pods.status import Verdict
from firkin.kubelet.pods.telling import WARNING, Recorder
from firkin.kubelet.resources.cgroups import PodCgroups
from firkin.kubelet.resources.eviction.measure import PodPaths, measure_pods
from firkin.kubelet.resources.eviction.observe import Places, observe
from firkin.kubelet.resources.eviction.signals import Observation
from firkin.kubelet.resources.eviction.text import REASON
from firkin.kubelet.resources.eviction.usage import PodUsage
from firkin.kubelet.resources.preemption import PREEMPTED, PREEMPTING
from firkin.kubelet.runtime.client import Runtime
from firkin.kubelet.volumes.manager import Volumes

__all__ = ["NodeHands", "NodeSenses"]

_LOG = log.to("eviction")
_DISRUPTED = "Pod was preempted by Kubelet to accommodate a critical pod."
_PATIENCE = 30.0  # seconds beyond the grace, until the next pod is looked for


class NodeSenses:
    """What is left of this node (`firkin.kubelet.resources.eviction.manager.Senses`).

    Parameters: `logs` is the directory of all logs.
    """

    def __init__(self, places: Places, runtime: Runtime, cgroups: PodCgroups, volumes: Volumes, logs: str) -> None:
        self._places = places
        self._runtime = runtime
        self._cgroups = cgroups
        self._volumes = volumes
        self._logs = logs
        self.separate_images = places.separate_images

    async def observe(self) -> Mapping[str, Observation]:
        """See Senses."""
        return await asyncio.to_thread(observe, self._places)

    async def usage(self, pods: Sequence[Pod], *, disk: bool) -> Mapping[str, PodUsage]:
        """See Senses. Without the runtime there is still what the kernel knows."""
        stats: list[ContainerStats] = []
        try:
            stats = await self._runtime.list_container_stats()
        except FirkinError as error:
            _LOG.warning("does not know what containers use: %s", error)
        return await measure_pods(pods, self._paths, stats, disk=disk)

    def _paths(self, pod: Pod) -> PodPaths:
        return PodPaths(
            cgroup=self._cgroups.path(pod),
            logs=pod_logs(self._logs, pod.metadata),
            volumes={name: path for name, (path, _) in self._volumes.empty_dirs(pod).items()},
        )


class Workers(Protocol):
    """What is wanted of the workers of pods (`firkin.kubelet.pods.workers.Workers`)."""

    def active(self) -> list[Pod]: ...
    def end(self, uid: str, verdict: Verdict, grace: int | None = None) -> bool: ...
    async def wait_over(self, uid: str) -> None: ...


class NodeHands:
    """What can be done on this node (`firkin.kubelet.resources.eviction.manager.Hands`).

    Parameters: `garbage` removes dead containers and unused images; `told` hears of the conditions of the node,
    `tell_node` of what happens to it, reason and message.
    """

    def __init__(
        self, workers: Workers, recorder: Recorder, *, separate_images: bool,
        garbage: Callable[[], Awaitable[object]], told: Callable[[frozenset[str]], None],
        tell_node: Callable[[str, str], None],
    ) -> None:  # fmt: skip
        self._workers = workers
        self._recorder = recorder
        self._separate_images = separate_images
        self._garbage = garbage
        self._told = told
        self._tell_node = tell_node

    def pods(self) -> Sequence[Pod]:
        """See Hands."""
        return self._workers.active()

    async def evict(self, pod: Pod, message: str, grace: int) -> bool:
        """See Hands."""
        return await self._end(pod, REASON, message, message, grace)

    async def preempt(self, pod: Pod) -> bool:
        """End a pod that has to make room; returns when it has ended, or could not be."""
        _LOG.warning("pod %s/%s makes room for a critical one", pod.metadata.namespace, pod.metadata.name)
        return await self._end(pod, PREEMPTING, PREEMPTED, _DISRUPTED, 0)

    async def _end(self, pod: Pod, reason: str, message: str, disruption: str, grace: int) -> bool:
        target = Condition(type="DisruptionTarget", status="True", reason="TerminationByKubelet", message=disruption)
        if not self._workers.end(pod.metadata.uid, Verdict(reason, message, (target,)), grace):
            return False
        self._recorder.record(pod, WARNING, reason, message)
        try:
            async with asyncio.timeout(grace + _PATIENCE):
                await self._workers.wait_over(pod.metadata.uid)
        except TimeoutError:
            _LOG.warning("pod %s/%s does not end", pod.metadata.namespace, pod.metadata.name)
        return True

    async def free_disk(self, signal: str) -> bool:
        """See Hands."""
        if self._separate_images and signal.startswith("nodefs."):
            # Nothing of it is there.
            return False
        await self._garbage()
        return True

    def told(self, conditions: frozenset[str]) -> None:
        """See Hands."""
        self._told(conditions)

    def reclaiming(self, resource: str) -> None:
        """See Hands."""
        self._tell_node("EvictionThresholdMet", f"Attempting to reclaim {resource}")

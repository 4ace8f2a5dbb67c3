"""Looks at what is left, and evicts one pod after the other until it is enough."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from firkin import log
from firkin.errors import FirkinError
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.resources.admission import Refusal
from firkin.kubelet.resources.eviction.admission import admit_under_pressure
from firkin.kubelet.resources.eviction.decide import Decision, State, step
from firkin.kubelet.resources.eviction.pressure import wake_on_pressure
from firkin.kubelet.resources.eviction.rank import rank
from firkin.kubelet.resources.eviction.settings import EvictionSettings
from firkin.kubelet.resources.eviction.signals import DISK, RESOURCE_OF, Observation
from firkin.kubelet.resources.eviction.storage import excess, has_limits
from firkin.kubelet.resources.eviction.text import eviction_message
from firkin.kubelet.resources.eviction.thresholds import Threshold, met
from firkin.kubelet.resources.eviction.usage import PodUsage
from firkin.kubelet.resources.priority import is_critical

__all__ = ["Eviction", "Hands", "Senses"]

_LOG = log.to("eviction")
_QUICKLY = 1  # second of grace at hard thresholds


class Senses(Protocol):
    """What is seen of the node. Raises FirkinError or OSError when that fails."""

    @property
    def separate_images(self) -> bool:
        """Whether images and containers are on a file system of their own."""

    async def observe(self) -> Mapping[str, Observation]:
        """What is left, by signal."""

    async def usage(self, pods: Sequence[Pod], *, disk: bool) -> Mapping[str, PodUsage]:
        """What the pods use, by uid; with `disk` their files, too."""


class Hands(Protocol):
    """What can be done about it."""

    def pods(self) -> Sequence[Pod]:
        """The pods that are active."""

    async def evict(self, pod: Pod, message: str, grace: int) -> bool:
        """End a pod as evicted, `grace` seconds after it is asked to; returns when it has ended, or could not be."""

    async def free_disk(self, signal: str) -> bool:
        """Remove dead containers and unused images where that helps; False if nothing of the kind can help."""

    def told(self, conditions: frozenset[str]) -> None:
        """The node has these conditions from now on."""

    def reclaiming(self, resource: str) -> None:
        """The node begins to take something back."""


class Eviction:
    """Keeps the node from running out of what `thresholds` are about; `run` it, once.

    Parameters: `clock` is monotonic, in seconds; `group` is the cgroup whose pressure wakes, "." for the machine's.
    """

    def __init__(
        self, settings: EvictionSettings, thresholds: Sequence[Threshold], senses: Senses, hands: Hands, *,
        clock: Callable[[], float], group: str = ".",
    ) -> None:  # fmt: skip
        self._settings = settings
        self._thresholds = thresholds
        self._senses = senses
        self._hands = hands
        self._clock = clock
        self._group = group
        self._state = State()
        self._measured = float("-inf")
        self.conditions: frozenset[str] = frozenset()
        """The conditions of the node: MemoryPressure, DiskPressure, PIDPressure."""

    def refuse(self, pod: Pod) -> Refusal | None:
        """Why a pod is not let in now; None if it is."""
        return admit_under_pressure(pod, self.conditions)

    async def run(self) -> None:
        """Watch until cancelled. A failure to look is told of and tried again."""
        wake = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(wake_on_pressure(self._group, self._settings.triggers, wake))
            while True:
                # After a pod is gone the next may have to go at once.
                if not await self._look():
                    await _either(wake, self._settings.interval_seconds)

    async def _look(self) -> bool:
        try:
            return await self.synchronize()
        except (FirkinError, OSError) as error:
            _LOG.warning("can not see what is left of the node: %s", error)
            return False

    async def synchronize(self) -> bool:
        """Look once, and do what is to be done; returns whether a pod was evicted. Raises FirkinError, OSError."""
        seen = await self._senses.observe()
        self._state, decision = step(
            self._state, self._thresholds, seen, self._clock(), self._settings.transition_seconds
        )
        if decision.conditions != self.conditions:
            self.conditions = decision.conditions
            self._hands.told(decision.conditions)
        if await self._end_those_that_write_too_much():
            return True
        return bool(decision.first) and await self._reclaim(decision, seen)

    async def _end_those_that_write_too_much(self) -> bool:
        limited = [pod for pod in self._hands.pods() if has_limits(pod)]
        if not limited or self._clock() - self._measured < self._settings.disk_seconds:
            return False
        self._measured = self._clock()
        usage = await self._senses.usage(limited, disk=True)
        is_any = False
        for pod in limited:
            used = usage.get(pod.metadata.uid)
            message = excess(pod, used, separate_images=self._senses.separate_images) if used else ""
            if message:
                is_any |= await self._evict(pod, message, _QUICKLY)
        return is_any

    async def _reclaim(self, decision: Decision, seen: Mapping[str, Observation]) -> bool:
        threshold = decision.thresholds[0]
        self._hands.reclaiming(RESOURCE_OF[threshold.signal])
        if threshold.signal in DISK and await self._hands.free_disk(threshold.signal):
            seen = await self._senses.observe()
            if not met(self._thresholds, seen, with_reclaim=True):
                return False
        return await self._evict_one(decision.thresholds, seen)

    async def _evict_one(self, thresholds: Sequence[Threshold], seen: Mapping[str, Observation]) -> bool:
        signal, pods = thresholds[0].signal, self._hands.pods()
        usage = await self._senses.usage(pods, disk=signal in DISK)
        grace = _QUICKLY if thresholds[0].is_hard else self._settings.max_pod_grace_seconds
        for pod in rank(pods, usage, signal, separate_images=self._senses.separate_images):
            message = eviction_message(pod, usage.get(pod.metadata.uid), thresholds, seen)
            if await self._evict(pod, message, grace):
                return True
        _LOG.warning("no pod can be evicted, although the node runs out of %s", RESOURCE_OF[signal])
        return False

    async def _evict(self, pod: Pod, message: str, grace: int) -> bool:
        if is_critical(pod):
            return False
        _LOG.warning("evicts pod %s/%s: %s", pod.metadata.namespace, pod.metadata.name, message.rstrip())
        return await self._hands.evict(pod, message, grace)


async def _either(wake: asyncio.Event, seconds: float) -> None:
    # Until something happens, or the time is over.
    try:
        async with asyncio.timeout(seconds):
            await wake.wait()
    except TimeoutError:
        pass
    wake.clear()

"""What is left of containers and sandboxes that nobody needs any more: which they are, and taking them away."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from firkin import log
from firkin.errors import FirkinError
from firkin.kubelet.pods.observed import Listed, Observer
from firkin.kubelet.pods.preparation import Preparation
from firkin.kubelet.runtime.client import Runtime
from firkin.kubelet.runtime.failure import CallError

__all__ = ["Collector", "Garbage", "find_garbage", "orphaned_logs"]

_LOG = log.to("garbage")
_KEPT = 1
_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Garbage:
    """The ids of what is to be removed."""

    containers: tuple[str, ...] = ()
    sandboxes: tuple[str, ...] = ()


def find_garbage(there: Mapping[str, Iterable[Listed]], wanted: Callable[[str], bool]) -> Garbage:
    """What can go of the pods that are `there`, by uid: of those that are `wanted`.

    A container keeps the last one that has ended, whose log and whose end people ask for, and nothing of those before
    (the kubelet's MaxPerPodContainer). A sandbox that is not in use goes when it is not the newest, and empty. Pods
    that are not wanted have a worker that removes all of theirs.
    """
    containers: list[str] = []
    sandboxes: list[str] = []
    for uid, items in there.items():
        if not wanted(uid):
            continue
        newest_first = sorted(items, key=lambda one: one.age)
        kept = _dead_containers(newest_first, containers)
        old = [one for one in newest_first if one.is_sandbox][1:]
        used = {one.sandbox_id for one in kept}
        sandboxes += [one.id for one in old if not one.is_up and one.id not in used]
    return Garbage(tuple(containers), tuple(sandboxes))


def _dead_containers(newest_first: list[Listed], garbage: list[str]) -> list[Listed]:
    # Those that stay; the others are added to `garbage`.
    seen: dict[str, int] = {}
    kept = []
    for one in newest_first:
        if one.is_sandbox:
            continue
        if not one.is_up:
            seen[one.name] = seen.get(one.name, 0) + 1
        if one.is_up or seen[one.name] <= _KEPT:
            kept.append(one)
        else:
            garbage.append(one.id)
    return kept


def orphaned_logs(logs: str, uids: set[str]) -> list[str]:
    """The directories of logs, NAMESPACE_NAME_UID below `logs`, of pods that are not among `uids`."""
    try:
        names = os.listdir(logs)
    except FileNotFoundError:
        return []
    return [os.path.join(logs, name) for name in names if name.count("_") == 2 and name.rpartition("_")[2] not in uids]


class Collector:
    """Collects garbage each minute, after everything that is wanted is known; `run` it.

    Parameters: `known` are the uids of all pods that are wanted or have a worker, `is_complete` says that no more will
    come to be wanted than that.
    """

    def __init__(
        self,
        runtime: Runtime,
        observer: Observer,
        preparation: Preparation,
        logs: str,
        known: Callable[[], set[str]],
        is_complete: Callable[[], bool],
    ) -> None:
        self._runtime = runtime
        self._observer = observer
        self._preparation = preparation
        self._logs = logs
        self._known = known
        self._is_complete = is_complete

    async def run(self) -> None:
        """Collect until cancelled."""
        while True:
            if self._is_complete():
                await self.collect()
            await asyncio.sleep(_SECONDS)

    async def collect(self) -> None:
        """Collect once. What can not be removed now is tried again the next time."""
        try:
            there = {uid: listing.items for uid, listing in (await self._observer.list()).items()}
            garbage = find_garbage(there, self._known().__contains__)
            for id in garbage.containers:
                await self._runtime.remove_container(id)
            for id in garbage.sandboxes:
                await self._runtime.remove_pod_sandbox(id)
        except CallError as error:
            _LOG.warning("what has ended stays for now: %s", error)
            return
        # Those of which the runtime has something are ended first, by their workers.
        known = self._known() | there.keys()
        for uid in self._preparation.on_disk() - known:
            await self._clean_up(uid)
        for directory in await asyncio.to_thread(orphaned_logs, self._logs, known):
            _LOG.info("removes %s: its pod is gone", directory)
            await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)

    async def _clean_up(self, uid: str) -> None:
        _LOG.info("cleans up after pod %s, which is gone", uid)
        try:
            await self._preparation.clean_up(uid)
        except FirkinError as error:
            _LOG.warning("what is left of pod %s stays for now: %s", uid, error)

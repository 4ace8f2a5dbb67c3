"""The workers of all pods: one for each pod that is wanted, and for each that the runtime has and nobody wants."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from firkin import log
from firkin.kubelet.api.config import ConfigMap, Secret
from firkin.kubelet.api.meta import ObjectMeta
from firkin.kubelet.api.pod import Pod, PodSpec
from firkin.kubelet.objects.changes import DELETED, Change, Subscription
from firkin.kubelet.pods.observed import Listing
from firkin.kubelet.pods.phase import is_terminal
from firkin.kubelet.pods.services import Services
from firkin.kubelet.pods.status import Verdict
from firkin.kubelet.pods.worker import Stage, Worker

__all__ = ["Workers"]

_LOG = log.to("pods")


class Workers:
    """Starts a worker for each pod in `services.objects`, and tells it of changes; `run` it, once."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._group = asyncio.TaskGroup()
        self._workers: dict[str, Worker] = {}

    async def run(self) -> None:
        """Follow what is wanted until cancelled."""
        objects = self._services.objects
        with objects.subscribe(Pod) as pods, objects.subscribe(ConfigMap, Secret) as configuration:
            async with self._group:
                self._group.create_task(self._follow_pods(pods))
                self._group.create_task(self._follow_configuration(configuration))

    def poke(self, uid: str) -> None:
        """Something has changed in the runtime, or is known now, of this pod."""
        if worker := self._workers.get(uid):
            worker.poke()

    def poke_all(self) -> None:
        """Anything may have changed."""
        for worker in self._workers.values():
            worker.poke()

    def end(self, uid: str, verdict: Verdict, grace: int | None = None) -> bool:
        """End a pod for a reason of the node's; False if there is none. `grace` seconds, None for its own."""
        worker = self._workers.get(uid)
        if worker is None or worker.stage != Stage.SYNC:
            return False
        worker.end(verdict, grace)
        return True

    async def wait_over(self, uid: str) -> None:
        """Wait until nothing of a pod runs any more, nor will."""
        if worker := self._workers.get(uid):
            await worker.over.wait()

    def uids(self) -> set[str]:
        """The pods that have a worker."""
        return set(self._workers)

    def active(self, other_than: Pod | None = None) -> list[Pod]:
        """The pods that run or are about to: let in, and not at their end."""
        return [
            worker.pod
            for uid, worker in self._workers.items()
            if worker.stage < Stage.TERMINATED
            and worker.is_admitted
            and not (is_terminal(worker.pod.status.phase) and worker.stage == Stage.SYNC)
            and (other_than is None or uid != other_than.metadata.uid)
        ]

    def adopt(self, there: Mapping[str, Listing]) -> None:
        """Have those pods of the runtime ended that nobody wants; call it when all that is wanted is known."""
        for uid, listing in there.items():
            if uid not in self._workers and self._services.objects.by_uid(Pod, uid) is None:
                _LOG.warning("pod %s/%s (%s) is not wanted: ends it", listing.namespace, listing.name, uid)
                metadata = ObjectMeta(
                    name=listing.name, namespace=listing.namespace, uid=uid, deletion_grace_period_seconds=1
                )
                self._begin(Pod(metadata=metadata, spec=PodSpec())).remove(Pod(metadata=metadata, spec=PodSpec()))

    async def _follow_pods(self, changes: Subscription[Pod]) -> None:
        async for change in changes:
            self._changed(change)

    def _changed(self, change: Change[Pod]) -> None:
        pod = change.object
        worker = self._workers.get(pod.metadata.uid)
        if change.type == DELETED:
            if worker is not None:
                worker.remove(pod)
        elif worker is not None:
            worker.update(pod)
        else:
            self._begin(pod)

    async def _follow_configuration(self, changes: Subscription[Any]) -> None:
        async for change in changes:
            namespace = change.object.metadata.namespace
            for worker in self._workers.values():
                # What it waited for may be there now.
                if worker.is_failing and worker.pod.metadata.namespace == namespace:
                    worker.poke()

    def _freed(self) -> None:
        for worker in self._workers.values():
            if worker.is_short:
                worker.poke()

    def _begin(self, pod: Pod) -> Worker:
        worker = self._workers[pod.metadata.uid] = Worker(self._services, pod, self.active, self._freed)
        name = f"pod {pod.metadata.namespace}/{pod.metadata.name}"
        task = self._group.create_task(worker.run(), name=name)
        task.add_done_callback(lambda _: self._workers.pop(pod.metadata.uid, None))
        return worker

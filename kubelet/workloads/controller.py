"""Carries out what the workloads decide, whenever one of them or of its pods has changed, or its time has come."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import msgspec

from firkin import log
from firkin.errors import AlreadyExistsError, FirkinError
from firkin.kubelet.api.meta import Resource
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.pod_status import PodStatus
from firkin.kubelet.api.workload import CronJob, DaemonSet, Deployment, Job, ReplicaSet
from firkin.kubelet.objects.defaults import complete, complete_job
from firkin.kubelet.objects.store import Objects
from firkin.kubelet.resources.qos import qos_class
from firkin.kubelet.workloads.cron_job import decide_cron_job
from firkin.kubelet.workloads.daemon_set import decide_daemon_set
from firkin.kubelet.workloads.decision import Decision
from firkin.kubelet.workloads.deployment import decide_deployment
from firkin.kubelet.workloads.job import COUNTED, decide_job
from firkin.kubelet.workloads.pods import owned
from firkin.kubelet.workloads.replica_set import decide_replica_set

__all__ = ["Workloads"]

_LOG = log.to("workloads")
_AGAIN = timedelta(seconds=5)
_FOREGROUND = "foregroundDeletion"
_OWNERS: dict[str, type[Resource]] = {
    "Deployment": Deployment, "ReplicaSet": ReplicaSet, "DaemonSet": DaemonSet, "Job": Job, "CronJob": CronJob,
}  # fmt: skip
_DEPENDENTS: tuple[type[Resource], ...] = (Pod, ReplicaSet, Job)
_replace = msgspec.structs.replace

Key = tuple[type[Resource], str, str]


class Recording(Protocol):
    """Who is told of what is done, as `firkin.kubelet.events.recorder.Recorder`."""

    def record(self, about: Resource, type_: str, reason: str, message: str, /) -> object:
        """Tell of something that happened to a workload."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Workloads:
    """The workloads among `objects`, on the node named `node` with `labels`; `clock` gives the time, with its zone."""

    def __init__(
        self,
        objects: Objects,
        recorder: Recording,
        node: str,
        labels: Mapping[str, str],
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._objects = objects
        self._recorder = recorder
        self._node = node
        self._labels = labels
        self._clock = clock
        self._due: dict[Key, datetime] = {}

    async def run(self) -> None:
        """Work until cancelled."""
        kinds: tuple[type[Resource], ...] = (Pod, *_OWNERS.values())
        with self._objects.subscribe(*kinds) as changes:
            while True:
                # All that has changed until now is looked at once.
                waiting = [change.object for change in changes.take()]
                keys = dict.fromkeys([*(key for item in waiting for key in self._concerned(item)), *self._come()])
                for key in keys:
                    self.work(key)
                if not keys:
                    await self._sleep(changes.wait())

    def work(self, key: Key) -> None:
        """Look at one workload, and do what is to be done. What fails is logged, and tried again."""
        self._due.pop(key, None)
        item = self._objects.get(*key)
        if item is None:
            return
        try:
            self._work(item, key)
        except FirkinError as error:
            _LOG.warning("%s %s/%s: %s", item.kind, item.metadata.namespace, item.metadata.name, error)
            self._due[key] = self._clock() + _AGAIN

    def _work(self, item: Resource, key: Key) -> None:
        if self._is_orphan(item):
            self._delete(item)
        elif item.metadata.deletion_timestamp is not None:
            self._end(item)
        elif not isinstance(item, Pod):
            self._carry_out(item, self._decide(item), key)

    def _decide(self, item: Resource) -> Decision:
        now = self._clock()
        pods = owned(self._objects.list(Pod, item.metadata.namespace), item.metadata.uid)
        if isinstance(item, Deployment):
            return self._decide_deployment(item, now)
        if isinstance(item, ReplicaSet):
            return decide_replica_set(item, pods, now)
        if isinstance(item, DaemonSet):
            return decide_daemon_set(item, pods, now, self._labels)
        if isinstance(item, Job):
            return decide_job(item, pods, now)
        assert isinstance(item, CronJob)
        jobs = [job for job in self._objects.list(Job, item.metadata.namespace) if _is_of(job, item)]
        return decide_cron_job(item, jobs, now)

    def _decide_deployment(self, item: Deployment, now: datetime) -> Decision:
        namespace = item.metadata.namespace
        sets = [one for one in self._objects.list(ReplicaSet, namespace) if _is_of(one, item)]
        there = self._objects.list(Pod, namespace)
        pods = [pod for one in sets for pod in owned(there, one.metadata.uid)]
        sets = [one for one in sets if one.metadata.deletion_timestamp is None]
        return decide_deployment(item, sets, pods, now)

    def _carry_out(self, item: Resource, decision: Decision, key: Key) -> None:
        if decision.again is not None:
            self._due[key] = decision.again
        where = (item.metadata.namespace, item.metadata.name)
        if decision.remove:
            self._objects.delete(type(item), *where)
            return
        # A Job of a CronJob is made before it is written that its time has come: it would not be made again.
        for one in decision.create:
            self._create(one)
        for one in decision.update:
            self._objects.replace(one)
        self._objects.set_status(type(item), *where, decision.status, uid=item.metadata.uid)
        for pod in decision.mark:
            self._objects.change(Pod, pod.metadata.namespace, pod.metadata.name, _counted)
        for gone in decision.delete:
            self._delete(gone)
        for note in decision.notes:
            self._recorder.record(item, *note)

    def _create(self, item: Resource) -> None:
        item = complete(item, node=self._node)
        if isinstance(item, Pod):
            item = _replace(item, status=PodStatus(phase="Pending", qos_class=qos_class(item)))
        elif isinstance(item, Job):
            uid = str(uuid.uuid4())
            item = complete_job(_replace(item, metadata=_replace(item.metadata, uid=uid)), uid)
        try:
            self._objects.create(item)
        except AlreadyExistsError:
            # Another one has the name: the next has another name, or it is the one that was to be made.
            _LOG.info("%s %s/%s is there already", item.kind, item.metadata.namespace, item.metadata.name)

    def _delete(self, item: Resource) -> None:
        self._objects.delete(type(item), item.metadata.namespace, item.metadata.name)

    def _end(self, item: Resource) -> None:
        # Of an object that waits for what belongs to it.
        if isinstance(item, Pod) or _FOREGROUND not in item.metadata.finalizers:
            return
        dependents = [one for one in self._dependents(item.metadata.namespace) if _is_of(one, item)]
        for one in dependents:
            if not isinstance(one, Pod):
                # It waits for its own pods in turn.
                self._objects.change(type(one), one.metadata.namespace, one.metadata.name, _held)
            self._delete(one)
        if not any(self._objects.by_uid(type(one), one.metadata.uid) for one in dependents):
            self._objects.change(type(item), item.metadata.namespace, item.metadata.name, _released)

    def _dependents(self, namespace: str) -> Iterator[Resource]:
        for kind in _DEPENDENTS:
            yield from self._objects.list(kind, namespace)

    def _is_orphan(self, item: Resource) -> bool:
        for owner in item.metadata.owner_references:
            kind = _OWNERS.get(owner.kind)
            if kind is not None and owner.controller and self._objects.by_uid(kind, owner.uid) is None:
                return item.metadata.deletion_timestamp is None
        return False

    def _concerned(self, item: Resource) -> Iterator[Key]:
        namespace = item.metadata.namespace
        yield (type(item), namespace, item.metadata.name)
        for owner in item.metadata.owner_references:
            if owner.kind in _OWNERS:
                yield (_OWNERS[owner.kind], namespace, owner.name)
            if owner.kind == "ReplicaSet" and (replicas := self._objects.get(ReplicaSet, namespace, owner.name)):
                # Its Deployment waits for the last of the old pods.
                yield from ((Deployment, namespace, one.name) for one in replicas.metadata.owner_references)
        if type(item) in _OWNERS.values() and self._objects.by_uid(type(item), item.metadata.uid) is None:
            for one in self._dependents(namespace):
                if _is_of(one, item):
                    yield (type(one), namespace, one.metadata.name)

    def _come(self) -> list[Key]:
        now = self._clock()
        keys = [key for key, when in self._due.items() if when <= now]
        for key in keys:
            del self._due[key]
        return keys

    async def _sleep(self, change: Awaitable[None]) -> None:
        # A clock that jumps is noticed within a minute.
        seconds = 60.0
        if self._due:
            seconds = min(max((min(self._due.values()) - self._clock()).total_seconds(), 0.0), seconds)
        try:
            async with asyncio.timeout(seconds):
                await change
        except TimeoutError:
            pass


def _is_of(item: Resource, owner: Resource) -> bool:
    return any(one.uid == owner.metadata.uid for one in item.metadata.owner_references)


def _counted(pod: Pod) -> Pod:
    annotations = {**pod.metadata.annotations, COUNTED: "true"}
    return _replace(pod, metadata=_replace(pod.metadata, annotations=annotations))


def _held(item: Any) -> Any:
    finalizers = dict.fromkeys((*item.metadata.finalizers, _FOREGROUND))
    return _replace(item, metadata=_replace(item.metadata, finalizers=list(finalizers)))


def _released(item: Any) -> Any:
    finalizers = [one for one in item.metadata.finalizers if one != _FOREGROUND]
    return _replace(item, metadata=_replace(item.metadata, finalizers=finalizers))

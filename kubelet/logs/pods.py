"""The logs of the pods as they are reported: which are written now, and the links to them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from firkin import log
from firkin.errors import KernelError
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.pod_status import ContainerStatus
from firkin.kubelet.logs.layout import container_log, link_log, link_name, prune_links
from firkin.kubelet.logs.rotation import RunningLog
from firkin.kubelet.objects.changes import DELETED
from firkin.kubelet.objects.store import Objects

__all__ = ["LogLinks", "running_logs"]

_LOG = log.to("logs")


def running_logs(objects: Objects, root: str) -> Iterator[RunningLog]:
    """The logs of all containers that run."""
    for pod in objects.list(Pod):
        for status in _statuses(pod):
            if status.state.running is not None:
                yield RunningLog(_id(status), container_log(root, pod.metadata, status.name, status.restart_count))


class LogLinks:
    """Keeps a link to the log of each container in the directory `links`."""

    def __init__(self, objects: Objects, root: str, links: str) -> None:
        self._objects = objects
        self._root = root
        self._links = links
        self._linked: dict[str, set[str]] = {}

    async def run(self) -> None:
        """Make links as containers start, and remove those of logs that are gone, until cancelled."""
        with self._objects.subscribe(Pod) as changes:
            await self._prune()
            async for change in changes:
                if change.type == DELETED:
                    if self._linked.pop(change.object.metadata.uid, None) is not None:
                        await self._prune()
                else:
                    self._link(change.object)

    def _link(self, pod: Pod) -> None:
        meta = pod.metadata
        known = self._linked.setdefault(meta.uid, set())
        for status in _statuses(pod):
            container_id = _id(status)
            if not container_id or container_id in known or status.state.waiting is not None:
                continue
            known.add(container_id)
            path = container_log(self._root, meta, status.name, status.restart_count)
            try:
                link_log(self._links, link_name(meta, status.name, container_id), path)
            except KernelError as error:
                _LOG.warning("%s", error)

    async def _prune(self) -> None:
        try:
            await asyncio.to_thread(prune_links, self._links)
        except KernelError as error:
            _LOG.warning("%s", error)


def _statuses(pod: Pod) -> tuple[ContainerStatus, ...]:
    status = pod.status
    return (*status.container_statuses, *status.init_container_statuses, *status.ephemeral_container_statuses)


def _id(status: ContainerStatus) -> str:
    return status.container_id.rpartition("//")[2]

"""Logs of containers for clients: which one, what of it, and until when it is followed."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import Protocol

from firkin.cri.api.container_pb2 import ContainerStatusResponse
from firkin.errors import FirkinError, NotFoundError, UsageError
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.http.message import Answer, Request, Response
from firkin.kubelet.logs.options import log_options
from firkin.kubelet.logs.reader import read_log
from firkin.kubelet.objects.changes import DELETED
from firkin.kubelet.objects.store import Objects
from firkin.kubelet.server.failure import RequestError
from firkin.kubelet.server.resolve import container_name, logged_container

__all__ = ["ContainerLogs", "LogRuntime"]


class LogRuntime(Protocol):
    """What is wanted of the runtime (`firkin.kubelet.runtime.client.Runtime`)."""

    async def container_status(self, container_id: str, *, verbose: bool = False) -> ContainerStatusResponse: ...


class ContainerLogs:
    """Answers requests for logs."""

    def __init__(self, objects: Objects, runtime: LogRuntime) -> None:
        self._objects = objects
        self._runtime = runtime

    async def answer(self, request: Request, pod: Pod) -> Answer:
        """The log that the query asks for. Raises RequestError."""
        query = {name: values[0] for name, values in request.query.items()}
        try:
            options = log_options(query, time.time())
        except UsageError as error:
            raise RequestError(400, str(error)) from error
        name = container_name(pod, query.get("container", ""))
        container_id = logged_container(pod, name, previous=options.previous)
        try:
            path = (await self._runtime.container_status(container_id)).status.log_path
        except NotFoundError:
            path = ""
        except FirkinError as error:
            raise RequestError(500, str(error)) from error
        if not os.path.exists(path):
            # As the kubelet says it, in the place of the log.
            return Response(200, f"unable to retrieve container logs for {container_id}".encode(), "text/plain")
        ended = partial(self._ended, pod, name, container_id) if options.follow else None
        return Response(200, read_log(path, options, ended), "text/plain")

    async def _ended(self, pod: Pod, name: str, container_id: str) -> None:
        # Returns when this container runs no more.
        with self._objects.subscribe_since(self._objects.version, Pod) as changes:
            now = self._objects.by_uid(Pod, pod.metadata.uid)
            if now is None or not _runs(now, name, container_id):
                return
            async for change in changes:
                if change.object.metadata.uid != pod.metadata.uid:
                    continue
                if change.type == DELETED or not _runs(change.object, name, container_id):
                    return


def _runs(pod: Pod, name: str, container_id: str) -> bool:
    status = pod.status
    every = (*status.container_statuses, *status.init_container_statuses, *status.ephemeral_container_statuses)
    return any(
        one.name == name and one.state.running is not None and one.container_id.endswith(container_id) for one in every
    )

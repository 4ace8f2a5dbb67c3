"""Checkpoints of containers: POST /checkpoint/NAMESPACE/POD/CONTAINER, which answers with the archive's path."""

from __future__ import annotations

import os
import time
from typing import Protocol

import msgspec

from firkin.errors import FirkinError, NotFoundError
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.http.message import Request, Response
from firkin.kubelet.server.failure import RequestError
from firkin.kubelet.server.resolve import container_name, running_container

__all__ = ["CheckpointRuntime", "Checkpoints"]

_LONGEST = 1 << 31


class CheckpointRuntime(Protocol):
    """What is wanted of the runtime (`firkin.kubelet.runtime.client.Runtime`)."""

    async def checkpoint_container(self, container_id: str, location: str, timeout: int = 0) -> None: ...


class Checkpoints:
    """Has the runtime write archives below `directory`, which is made when the first one is asked for."""

    def __init__(self, directory: str, runtime: CheckpointRuntime) -> None:
        self._directory = directory
        self._runtime = runtime

    async def answer(self, request: Request, pod: Pod, container: str) -> Response:
        """Write the checkpoint of a container of the pod. Raises RequestError in the words of the kubelet."""
        timeout = _seconds(request.parameter("timeout"))
        try:
            name = container_name(pod, container)
        except RequestError:
            raise RequestError(404, f"container {container} does not exist") from None
        container_id = running_container(pod, name)
        location = f"{self._directory}/{_file_name(pod, name)}"
        what = f"checkpointing of {pod.metadata.namespace}/{pod.metadata.name}/{name} failed"
        try:
            # Archives hold the memory of processes.
            os.makedirs(self._directory, 0o700, exist_ok=True)
            await self._runtime.checkpoint_container(container_id, location, timeout)
        except NotFoundError as error:
            raise RequestError(404, f"{what} ({error})") from error
        except (FirkinError, OSError) as error:
            raise RequestError(500, f"{what} ({error})") from error
        return Response(200, msgspec.json.encode({"items": [location]}) + b"\n")


def _seconds(text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdecimal() and int(text) < _LONGEST):
        raise RequestError(400, f"timeout={text}: is no number of seconds")
    return int(text)


def _file_name(pod: Pod, container: str) -> str:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return f"checkpoint-{pod.metadata.name}_{pod.metadata.namespace}-{container}-{now}.tar"

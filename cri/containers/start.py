"""StartContainer: the plan of the container is run, by a monitor that stays with it."""

from __future__ import annotations

import os
import time

from firkin.cri import faults
from firkin.cri.api.container_pb2 import StartContainerRequest, StartContainerResponse
from firkin.cri.api.events_pb2 import ContainerEventType
from firkin.cri.containers.exits import Exits
from firkin.cri.node import Node
from firkin.cri.records.container import Container
from firkin.cri.streaming.descriptors import readable
from firkin.errors import FirkinError, StateError
from firkin.runtime.monitor.launch import Order, Started

__all__ = ["start_container"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FAILED = 128
"""The exit code of a container that could not be started, as clients know it."""


async def start_container(node: Node, exits: Exits, request: StartContainerRequest) -> StartContainerResponse:
    """Start a container. Raises StateError unless it was created and nothing else, and what the plan failed with."""
    container = node.containers.get(request.container_id)
    sandbox = node.sandboxes.get(container.facts.sandbox)
    async with container.lock:
        if container.facts.started_at or container.facts.finished_at:
            raise StateError(f"container {container.id}: was started already")
        if not sandbox.facts.is_ready:
            raise StateError(f"pod sandbox {sandbox.id}: is not ready")
        try:
            started = await _launch(node, container)
        except FirkinError as error:
            failure = node.handler_of(container).explain(container.id, error)
            _note_failure(container, failure)
            if failure is error:
                raise
            raise failure from error
        os.close(started.pidfd)
        container.update(started_at=started.started_ns, process=(started.pid, started.start_time))
        # Its plan is not written anew from now on.
        container.prepared = None
        exits.watch(container, started.monitor_pidfd)
    node.tell(ContainerEventType.CONTAINER_STARTED_EVENT, container.id, sandbox)
    return StartContainerResponse()


def _note_failure(container: Container, error: FirkinError) -> None:
    container.update(finished_at=time.time_ns(), exit_code=_FAILED, reason="StartError", message=str(error))
    container.stopped.set()


async def _launch(node: Node, container: Container) -> Started:
    directory = node.places.container(container.id)
    with open(f"{directory}/plan", "rb") as file:
        plan = file.read()
    config = container.config
    order = Order(
        log=container.facts.log_path,
        terminal=config.tty,
        stdin=config.stdin,
        stdin_once=config.stdin_once,
        max_line=node.config.max_log_line,
    )
    if order.log:
        os.makedirs(os.path.dirname(order.log), 0o755, exist_ok=True)
    fd = os.open(directory, _DIRECTORY)
    try:
        async with node.handler_of(container).placed(container.id, plan) as ready:
            pending = node.launcher.start(ready, fd, order)
            faults.reach("launched")
            await readable(pending.fileno())
            faults.reach("answered")
            return pending.finish()
    finally:
        os.close(fd)

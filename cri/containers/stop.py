"""StopContainer and RemoveContainer: ask, wait, kill; then take away what is left."""

from __future__ import annotations

import asyncio
import os
import signal
import time

from firkin import log
from firkin.cgroupfs.hierarchy import known_hierarchy
from firkin.cgroupfs.tree import Cgroup
from firkin.cri import faults
from firkin.cri.api.container_pb2 import (
    RemoveContainerRequest,
    RemoveContainerResponse,
    StopContainerRequest,
    StopContainerResponse,
)
from firkin.cri.api.events_pb2 import ContainerEventType
from firkin.cri.node import Node
from firkin.cri.records.container import Container
from firkin.errors import CgroupGoneError, DeadlineError
from firkin.oci.snapshots.trees import remove_tree
from firkin.runtime.store import open_process

__all__ = ["kill", "remove", "remove_container", "stop_container"]

_LOGGER = log.to("containers")
_SETTLED = 60
"""Seconds until a container that was killed must be gone: a process that waits for a disk ends when that answers."""


async def stop_container(node: Node, request: StopContainerRequest) -> StopContainerResponse:
    """Stop a container, which may be gone or stopped already. A second call with less patience cuts a first one short.

    Raises DeadlineError if it does not end even though it was killed.
    """
    container = node.containers.find(request.container_id)
    if container is not None and _runs(container):
        await _stop(container, request.timeout)
    return StopContainerResponse()


def _runs(container: Container) -> bool:
    return bool(container.facts.started_at) and not container.stopped.is_set()


async def _stop(container: Container, seconds: int) -> None:
    if seconds > 0:
        if not container.is_stopping:
            # Once: some programs take a second signal for impatience.
            container.is_stopping = True
            _send(container, container.facts.stop_signal)
            faults.reach("signalled")
        try:
            async with asyncio.timeout(seconds):
                await container.stopped.wait()
                return
        except TimeoutError:
            _LOGGER.info("container %s: did not end within %d s", container.id, seconds)
    await kill(container)


async def kill(container: Container) -> None:
    """Kill a container and wait for its end. Raises DeadlineError."""
    if not _runs(container):
        return
    _send(container, signal.SIGKILL)
    try:
        async with asyncio.timeout(_SETTLED):
            await container.stopped.wait()
    except TimeoutError:
        raise DeadlineError(f"container {container.id}: does not end though it was killed") from None


def _send(container: Container, number: int) -> None:
    pidfd = open_process(*container.facts.process)
    if pidfd < 0:
        return
    try:
        signal.pidfd_send_signal(pidfd, number)
    except ProcessLookupError:
        return
    except PermissionError:
        _LOGGER.warning("container %s: signal %d: its AppArmor profile lets nobody send it", container.id, number)
        if number == signal.SIGKILL:
            _kill_cgroup(container)
    finally:
        os.close(pidfd)


def _kill_cgroup(container: Container) -> None:
    # For this nobody's leave is asked.
    try:
        with Cgroup(f"{known_hierarchy().mount}/{container.facts.cgroup.strip('/')}") as cgroup:
            cgroup.kill()
    except CgroupGoneError:
        return


async def remove_container(node: Node, request: RemoveContainerRequest) -> RemoveContainerResponse:
    """Remove a container, which may be gone already; one that runs is killed. Its log stays.

    Raises DeadlineError, FirkinError; what is left then is removed by the next call.
    """
    container = node.containers.find(request.container_id)
    if container is not None:
        await remove(node, container)
    return RemoveContainerResponse()


async def remove(node: Node, container: Container) -> None:
    """Remove one container. Raises as `remove_container`."""
    async with container.lock:
        if node.containers.find(container.id) is None:
            return
        await kill(container)
        if not container.facts.finished_at:
            # It can not be started any more, should what follows fail.
            container.update(finished_at=time.time_ns(), exit_code=128, reason="Removed")
        faults.reach("settled")
        await asyncio.to_thread(_remove_files, node, container)
        container.forget()
        node.containers.discard(container)
    sandbox = node.sandboxes.find(container.facts.sandbox)
    node.tell(ContainerEventType.CONTAINER_DELETED_EVENT, container.id, sandbox)


def _remove_files(node: Node, container: Container) -> None:
    node.handler_of(container).remove(container.id)
    faults.reach("runtime-record")
    if container.facts.snapshot:
        remove_tree(container.facts.snapshot)
        faults.reach("snapshot")
    remove_tree(node.places.container(container.id))
    faults.reach("container-directory")

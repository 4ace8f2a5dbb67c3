"""The ends of containers: their monitors are watched, and what these have recorded becomes the state EXITED.

Nobody else writes that state of a container that ran.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from typing import Any

from firkin import log
from firkin.cri import faults
from firkin.cri.api.events_pb2 import ContainerEventType
from firkin.cri.node import Node
from firkin.cri.records.container import Container
from firkin.errors import FirkinError
from firkin.runtime.monitor.record import Status, read_end
from firkin.runtime.monitor.recovery import settle

__all__ = ["Exits"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LOGGER = log.to("exits")


class Exits:
    """Watches the monitors of the containers of `node`."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._watched: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: set[asyncio.Task[None]] = set()

    def watch(self, container: Container, monitor: int) -> None:
        """Wait for the end of a monitor by its pidfd, which is this object's from now on."""
        self._watched.add(monitor)
        asyncio.get_running_loop().add_reader(monitor, self._ended, container, monitor)

    def wait_for(self, monitor: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run what waits for the answer of a monitor, until that has come or this is closed."""
        task = asyncio.create_task(monitor)
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)
        return task

    def settle(self, container: Container) -> asyncio.Task[None]:
        """Write down the end of a container whose monitor is gone."""
        with log.bound(call="exit"):
            task = asyncio.create_task(self._write(container))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Watch no more; what is being written down is finished."""
        for monitor in tuple(self._watched):
            self._forget(monitor)
        for task in self._waiting:
            task.cancel()
        if tasks := self._waiting | self._tasks:
            await asyncio.wait(tasks)

    def _ended(self, container: Container, monitor: int) -> None:
        self._reap(monitor)
        self._forget(monitor)
        self.settle(container)

    def _forget(self, monitor: int) -> None:
        asyncio.get_running_loop().remove_reader(monitor)
        self._watched.discard(monitor)
        os.close(monitor)

    @staticmethod
    def _reap(monitor: int) -> None:
        try:
            os.waitid(os.P_PIDFD, monitor, os.WEXITED | os.WNOHANG)
        except ChildProcessError:
            # It was started by an earlier server, and is another's child.
            return

    async def _write(self, container: Container) -> None:
        try:
            end = await asyncio.to_thread(self._end_of, container)
        except (FirkinError, OSError) as error:
            _LOGGER.error("container %s: its end can not be told: %s", container.id, error)
            container.update(is_lost=True)
            container.stopped.set()
            return
        faults.reach("told")
        if not container.facts.finished_at:
            if end.oom_kills > 0:
                self._node.meters.oom.add()
            container.update(
                started_at=container.facts.started_at or end.started_ns,
                finished_at=end.exited_ns,
                exit_code=end.exit_code,
                reason=_reason(end),
                message=_message(end),
            )
        container.stopped.set()
        sandbox = self._node.sandboxes.find(container.facts.sandbox)
        self._node.tell(ContainerEventType.CONTAINER_STOPPED_EVENT, container.id, sandbox)
        _LOGGER.info("container %s: ended with %d, %s", container.id, end.exit_code, container.facts.reason)

    def _end_of(self, container: Container) -> Status:
        fd = os.open(self._node.places.container(container.id), _DIRECTORY)
        try:
            end = read_end(fd) or settle(fd, self._node.places.runtime, container.id)
        finally:
            os.close(fd)
        self._give_back(container)
        return end

    def _give_back(self, container: Container) -> None:
        try:
            self._node.handler_of(container).end(container.id)
        except FirkinError as error:
            # RemoveContainer tries again, and says why it can not.
            _LOGGER.warning("container %s: give back what it held: %s", container.id, error)


def _reason(end: Status) -> str:
    if end.abandoned:
        return "ContainerStatusUnknown"
    if end.oom_kills > 0:
        return "OOMKilled"
    return "Error" if end.exit_code else "Completed"


def _message(end: Status) -> str:
    if end.abandoned:
        return "its monitor was killed"
    if end.lost_records:
        return f"{end.lost_records} lines of the log could not be written"
    return ""

"""GetContainerEvents: what happens to containers, to all who listen, from the moment when they began to.

A listener that does not keep up loses the oldest events: the kubelet lists everything now and then, and one slow client
must not hold up, or fill, the server.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator

from firkin import log
from firkin.cri.api.container_pb2 import ContainerStatus
from firkin.cri.api.events_pb2 import ContainerEventResponse, ContainerEventType
from firkin.cri.api.sandbox_pb2 import PodSandboxStatus

__all__ = ["Events"]

_MOST = 4096
_LOGGER = log.to("events")


class _Listener:
    def __init__(self) -> None:
        self.events: deque[ContainerEventResponse] = deque(maxlen=_MOST)
        self.arrived = asyncio.Event()
        self.lost = 0

    def add(self, event: ContainerEventResponse) -> None:
        self.lost += len(self.events) == _MOST
        self.events.append(event)
        self.arrived.set()


class Events:
    """The source of events, for one event loop."""

    def __init__(self) -> None:
        self._listeners: set[_Listener] = set()

    @property
    def is_heard(self) -> bool:
        """Whether anybody listens: else nothing needs to be put together."""
        return bool(self._listeners)

    def publish(
        self, kind: ContainerEventType, id: str, sandbox: PodSandboxStatus | None, containers: list[ContainerStatus]
    ) -> None:
        """Tell all listeners that `kind` happened to the container or sandbox `id`, whose pod is now as given."""
        event = ContainerEventResponse(
            container_id=id,
            container_event_type=kind,
            created_at=time.time_ns(),
            pod_sandbox_status=sandbox,
            containers_statuses=containers,
        )
        for listener in self._listeners:
            listener.add(event)

    async def listen(self) -> AsyncIterator[ContainerEventResponse]:
        """The events from now on, until the listener goes away."""
        listener = _Listener()
        self._listeners.add(listener)
        try:
            while True:
                await listener.arrived.wait()
                listener.arrived.clear()
                while listener.events:
                    yield listener.events.popleft()
                if listener.lost:
                    _LOGGER.warning("a listener was too slow: %d events are lost for it", listener.lost)
                    listener.lost = 0
        finally:
            self._listeners.discard(listener)

"""What the streaming server moves bytes for: programs in containers, containers themselves, ports of pods."""

from __future__ import annotations

import asyncio
import os

from firkin.cri import faults
from firkin.cri.execution.attachment import Attachment, ask_to_attach
from firkin.cri.execution.launch import Wish
from firkin.cri.node import Node
from firkin.cri.records.container import Container
from firkin.cri.streaming.dialer import connect_in
from firkin.cri.streaming.request import AttachRequest, ExecRequest
from firkin.cri.streaming.session import Connection, Session
from firkin.errors import StateError

__all__ = ["Streams", "running"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PATIENCE = 10.0
"""Seconds that a port has to answer."""


def running(node: Node, id: str) -> Container:
    """The container with this id. Raises NotFoundError, StateError if it does not run."""
    container = node.containers.get(id)
    if not container.facts.started_at or container.facts.finished_at:
        raise StateError(f"container {container.id}: does not run")
    return container


class Streams:
    """The seam of firkin.cri.streaming to this server."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def exec(self, request: ExecRequest) -> Session:
        """Start a program in a container. Raises NotFoundError, StateError, FirkinError."""
        container = running(self._node, request.container)
        wanted = request.wanted
        wish = Wish(
            request.command, stdin=wanted.stdin, stdout=wanted.stdout, stderr=wanted.stderr, terminal=wanted.tty
        )
        program = await self._node.handler_of(container).launch(container.id, wish)
        faults.reach("launched", call="stream")
        return program.session

    async def attach(self, request: AttachRequest) -> Session:
        """Take part in the streams of a container. Raises NotFoundError, StateError, KernelError."""
        container = running(self._node, request.container)
        fd = os.open(self._node.places.container(container.id), _DIRECTORY)
        try:
            client, done = await asyncio.to_thread(ask_to_attach, fd, request.wanted)
        finally:
            os.close(fd)
        faults.reach("attached", call="stream")
        return Attachment(client, request.wanted, done)

    async def connect(self, sandbox: str, port: int) -> Connection:
        """Connect to a port of a pod. Raises NotFoundError, StateError, FirkinError if nothing answers."""
        found = self._node.sandboxes.get(sandbox)
        if not found.facts.is_ready:
            raise StateError(f"pod sandbox {found.id}: is not ready")
        return await connect_in(found.facts.namespaces.get("network", "/proc/self/ns/net"), port, _PATIENCE)

"""What a connection, its server and its driver want of each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from firkin.cri.streaming.command import Core
    from firkin.cri.streaming.events import Event
    from firkin.cri.streaming.head import Request
    from firkin.cri.streaming.wire import Wire

__all__ = ["Driver", "Served", "Server"]


class Driver(Protocol):
    """What happens on a connection, between the core and the runtime."""

    def deliver(self, event: Event) -> None:
        """The peer did something."""

    async def run(self) -> None:
        """Returns when all is said. Cancelled when the peer is gone."""


@dataclass(frozen=True)
class Served:
    """What a request leads to: the head of the answer, the core behind it, and what makes the driver."""

    head: bytes
    core: Core
    driver: Callable[[Wire], Driver]


class Server(Protocol):
    """What a connection wants of its server."""

    def opened(self, wire: Wire) -> None:
        """The connection stands, with TLS where that is spoken."""

    def serve(self, wire: Wire, request: Request) -> Served:
        """What `request` leads to. Raises RefusedError."""

    def closed(self, wire: Wire) -> None:
        """The connection is over, and so is everything that it gave rise to."""

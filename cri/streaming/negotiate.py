"""From a request to a transport and a protocol, or to the answer that refuses it.

The order of the checks and the codes are those that clients know from Kubernetes: 400 for a request that asks for no
upgrade or no protocol, 403 for one that asks for none of those that there are.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from websockets.datastructures import Headers
from websockets.http11 import Request as Handshake
from websockets.server import ServerProtocol

from firkin.cri.streaming.websocket import SILENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from firkin.cri.streaming.head import Request

__all__ = ["COMMAND", "FORWARD", "Accepted", "Offer", "RefusedError", "Transport", "answer", "negotiate"]

_VERSIONS = "x-stream-protocol-version"
_CHANNELS = ("channel.k8s.io", "base64.channel.k8s.io", "v4.channel.k8s.io", "v4.base64.channel.k8s.io")
_TUNNEL = "SPDY/3.1+portforward.k8s.io"


class Transport(enum.Enum):
    """What a connection is upgraded to."""

    SPDY = "SPDY/3.1"
    WEBSOCKET = "websocket"
    TUNNEL = "SPDY/3.1 in websocket"


@dataclass(frozen=True)
class Offer:
    """The protocols for one purpose. A client of WebSocket that names none gets `channel.k8s.io`."""

    spdy: tuple[str, ...]
    websocket: tuple[str, ...]


COMMAND = Offer(
    spdy=("v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io"),
    websocket=(*_CHANNELS, "v5.channel.k8s.io"),
)
"""What exec and attach can be spoken in. Version 5 is of WebSocket only: SPDY could always end a stream."""
FORWARD = Offer(spdy=("portforward.k8s.io",), websocket=(*_CHANNELS[2:], _TUNNEL))
"""What port-forwarding can be spoken in."""


@dataclass(frozen=True)
class Accepted:
    """What the connection is upgraded to, and the head of the answer that says so."""

    transport: Transport
    protocol: str
    head: bytes


class RefusedError(Exception):
    """The request gets an answer that ends the connection: `response` has the bytes."""

    def __init__(self, status: int, reason: str, fields: Sequence[tuple[str, str]] = ()) -> None:
        self.response = answer(status, reason, fields)
        super().__init__(reason)


def answer(status: int, reason: str, fields: Sequence[tuple[str, str]] = ()) -> bytes:
    """A whole response with `reason` as its text, behind which the connection is closed."""
    body = (reason + "\n").encode()
    told = ("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body))), ("Connection", "close")
    return _head(status, [*fields, *told]) + body


def negotiate(request: Request, offer: Offer) -> Accepted:
    """The first of the client's protocols that is offered. Raises RefusedError."""
    if request.wants("websocket"):
        return _websocket(request, offer.websocket)
    asked = request.tokens(_VERSIONS)
    if not asked:
        raise RefusedError(400, "unable to upgrade: X-Stream-Protocol-Version names no protocol")
    protocol = next((name for name in asked if name in offer.spdy), None)
    if protocol is None:
        accepted = [("X-Accepted-Stream-Protocol-Versions", name) for name in offer.spdy]
        raise RefusedError(403, f"unable to upgrade: none of {', '.join(asked)[:200]} is spoken here", accepted)
    if not request.wants("spdy/3.1"):
        raise RefusedError(400, "unable to upgrade: neither SPDY/3.1 nor websocket is asked for")
    fields = ("Connection", "Upgrade"), ("Upgrade", "SPDY/3.1"), ("X-Stream-Protocol-Version", protocol)
    return Accepted(Transport.SPDY, protocol, _head(101, fields))


def _websocket(request: Request, offered: Sequence[str]) -> Accepted:
    if request.method != "GET":
        raise RefusedError(405, "websocket begins with GET", [("Allow", "GET")])
    asked = request.tokens("sec-websocket-protocol")
    protocol = next((name for name in asked if name in offered), None) if asked else _CHANNELS[0]
    if protocol is None:
        raise RefusedError(403, f"none of {', '.join(asked)[:200]} is spoken here, but {', '.join(offered)} are")
    # The name of the tunnel is no token (RFC 9110), which the library would find fault with.
    fields = Headers((name, value) for name, value in request.fields if name != "sec-websocket-protocol")
    response = ServerProtocol(logger=SILENT).accept(Handshake(request.target, fields))
    if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
        raise RefusedError(response.status_code, (response.body or b"").decode().strip())
    if asked:
        response.headers["Sec-WebSocket-Protocol"] = protocol
    transport = Transport.TUNNEL if protocol == _TUNNEL else Transport.WEBSOCKET
    return Accepted(transport, protocol, response.serialize())


def _head(status: int, fields: Sequence[tuple[str, str]]) -> bytes:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in fields), "", ""]
    return "\r\n".join(lines).encode("latin-1", "replace")

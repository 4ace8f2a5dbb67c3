"""Clients of port-forwarding for tests, on each transport."""

from __future__ import annotations

import asyncio
import base64
from collections import defaultdict
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.uri import parse_uri

from firkin.cri.streaming.spdy import session as spdy
from tests.support.stream_clients import SpdyWire, open_websocket

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FORWARDS", "ForwardClient", "open_forward"]

FORWARDS = ("spdy", "tunnel", "v4.channel.k8s.io", "v4.base64.channel.k8s.io")
"""What port-forwarding can be spoken in. The last two have one connection for each port, and no end."""


class _Tunnel(SpdyWire):
    """The same in messages of WebSocket, whose handshake the library can not do: the protocol's name is no token."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(reader, writer)
        self._websocket = ClientProtocol(parse_uri("ws://h/"), state=OPEN)

    @classmethod
    async def open(cls, url: str) -> Self:
        """Ask `url` for the tunnel."""
        parts = urlsplit(url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        fields = (
            "Host: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io\r\n"
        )
        writer.write(f"GET {parts.path} HTTP/1.1\r\n{fields}\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        assert head.startswith("HTTP/1.1 101 ") and "Protocol: SPDY/3.1+portforward.k8s.io\r\n" in head, head
        return cls(reader, writer)

    async def flush(self) -> None:
        for data in self.session.take_output():
            # A frame need not be a message: here each is two.
            self._websocket.send_binary(data[:5])
            self._websocket.send_binary(data[5:])
        self._writer.writelines(self._websocket.data_to_send())
        await self._writer.drain()

    async def _read(self) -> bytes:
        received = b""
        while not received and (data := await super()._read()):
            self._websocket.receive_data(data)
            frames = [event for event in self._websocket.events_received() if isinstance(event, Frame)]
            received = b"".join(frame.data for frame in frames if frame.opcode is Opcode.BINARY)
        return received


class ForwardClient:
    """What the clients of port-forwarding have in common; a connection is a number."""

    def __init__(self) -> None:
        self.received: defaultdict[int, bytes] = defaultdict(bytes)
        self.errors: defaultdict[int, bytes] = defaultdict(bytes)
        self.ended: set[int] = set()
        self.closed: set[int] = set()
        self.is_over = False

    async def open(self, port: int) -> int:
        """Ask for a connection to `port`, which is the next one of those in the request where that has some."""
        raise NotImplementedError

    async def send(self, connection: int, data: bytes) -> None:
        """Send bytes."""
        raise NotImplementedError

    async def end(self, connection: int) -> None:
        """Say that no more comes on a connection, where there are words for it."""
        raise NotImplementedError

    async def reset(self, connection: int) -> None:
        """Give a connection up, where there are words for it."""
        raise NotImplementedError

    async def receive(self) -> None:
        """Take in what comes next."""
        raise NotImplementedError

    async def close(self) -> None:
        """Go, whatever is going on."""
        raise NotImplementedError

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Take in what comes until something is so. Raises AssertionError if the end comes first."""
        while not is_so():
            assert not self.is_over, (self.received, self.errors)
            await self.receive()


class _SpdyForward(ForwardClient):
    def __init__(self, wire: SpdyWire) -> None:
        super().__init__()
        self._wire = wire
        self._made = 0
        # The streams for data and for errors, by the connection, and the connections by them.
        self._data: dict[int, int] = {}
        self._error: dict[int, int] = {}

    async def open(self, port: int) -> int:
        connection, self._made = self._made, self._made + 1
        fields = {"port": str(port), "requestid": str(connection)}
        error = self._wire.session.open(fields | {"streamtype": "error"})
        self._wire.session.end(error)
        self._error[error] = connection
        data = self._wire.session.open(fields | {"streamtype": "data"})
        self._data[data] = connection
        await self._wire.flush()
        return connection

    async def send(self, connection: int, data: bytes) -> None:
        self._wire.session.send(self._stream(connection), data)
        await self._wire.flush()

    async def end(self, connection: int) -> None:
        self._wire.session.end(self._stream(connection))
        await self._wire.flush()

    async def reset(self, connection: int) -> None:
        self._wire.session.reset(self._stream(connection))
        await self._wire.flush()

    async def receive(self) -> None:
        events = await self._wire.receive()
        self.is_over = events is None
        for event in events or ():
            match event:
                case spdy.Received(stream, data) if stream in self._data:
                    self.received[self._data[stream]] += data
                case spdy.Received(stream, data):
                    self.errors[self._error[stream]] += data
                case spdy.Ended(stream) | spdy.StreamReset(stream) if stream in self._data:
                    self.ended.add(self._data[stream])
                case spdy.Ended(stream) | spdy.StreamReset(stream):
                    self.closed.add(self._error[stream])

    async def close(self) -> None:
        await self._wire.close()

    def _stream(self, connection: int) -> int:
        return next(stream for stream, found in self._data.items() if found == connection)


class _ChannelForward(ForwardClient):
    def __init__(self, connection: ClientConnection, *, is_base64: bool) -> None:
        super().__init__()
        self._connection = connection
        self._is_base64 = is_base64
        self._made = 0
        self.ports: dict[int, int] = {}

    async def open(self, port: int) -> int:
        connection, self._made = self._made, self._made + 1
        return connection

    async def send(self, connection: int, data: bytes) -> None:
        if self._is_base64:
            await self._connection.send(chr(ord("0") + 2 * connection) + base64.b64encode(data).decode())
        else:
            await self._connection.send(bytes([2 * connection]) + data)

    async def receive(self) -> None:
        try:
            message = await self._connection.recv()
        except ConnectionClosed:
            self.is_over = True
            return
        raw = message.encode() if isinstance(message, str) else message
        channel, data = raw[0], raw[1:]
        if self._is_base64:
            channel, data = channel - ord("0"), base64.b64decode(data)
        if channel not in self.ports:
            self.ports[channel] = int.from_bytes(data, "little")
        else:
            (self.errors if channel % 2 else self.received)[channel // 2] += data

    async def close(self) -> None:
        self._connection.transport.abort()


async def open_forward(url: str, transport: str) -> ForwardClient:
    """Begin the port-forwarding that `url` stands for, by one of FORWARDS."""
    if transport == "spdy":
        return _SpdyForward(await SpdyWire.connect(url, "portforward.k8s.io"))
    if transport == "tunnel":
        return _SpdyForward(await _Tunnel.open(url))
    return _ChannelForward(await open_websocket(url, transport), is_base64="base64" in transport)

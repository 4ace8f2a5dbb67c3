"""Clients of the streaming server for tests: of remote commands and of port-forwarding, on each transport.

That of WebSocket is the library's own. That of SPDY is firkin's session in the role of a client; what it can not show,
kubectl does in tests/integration/cri.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections import defaultdict
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from firkin.cri.streaming.events import Stream
from firkin.cri.streaming.limits import Limits
from firkin.cri.streaming.spdy import session as spdy

if TYPE_CHECKING:
    from collections.abc import Callable

    from firkin.cri.streaming.command import Wanted

__all__ = [
    "FORWARDS", "PROTOCOLS", "CommandClient", "ForwardClient", "SpdyWire", "exit_code", "open_command", "open_forward",
    "open_websocket",
]  # fmt: skip

PROTOCOLS = (
    "spdy channel.k8s.io", "spdy v2.channel.k8s.io", "spdy v3.channel.k8s.io", "spdy v4.channel.k8s.io",
    "websocket ", "websocket channel.k8s.io", "websocket base64.channel.k8s.io", "websocket v4.channel.k8s.io",
    "websocket v4.base64.channel.k8s.io", "websocket v5.channel.k8s.io",
)  # fmt: skip
"""What a remote command can be spoken in, the transport before the protocol."""

FORWARDS = ("spdy", "tunnel", "v4.channel.k8s.io", "v4.base64.channel.k8s.io")
"""What port-forwarding can be spoken in. The last two have one connection for each port, and no end."""


class SpdyWire:
    """A session of SPDY over a socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.session = spdy.Session(Limits(), client=True)

    @classmethod
    async def connect(cls, url: str, protocol: str) -> Self:
        """Ask `url` for an upgrade. Raises AssertionError with the answer where it is another one."""
        parts = urlsplit(url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        fields = f"Host: h\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: {protocol}\r\n"
        writer.write(f"POST {parts.path} HTTP/1.1\r\n{fields}\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        assert head.startswith("HTTP/1.1 101 ") and f"X-Stream-Protocol-Version: {protocol}\r\n" in head, head
        return cls(reader, writer)

    async def flush(self) -> None:
        """Send what the session has to say."""
        self._writer.writelines(self.session.take_output())
        await self._writer.drain()

    async def receive(self) -> list[spdy.Event] | None:
        """What comes next; None at the end."""
        while data := await self._read():
            events = self.session.receive(data)
            await self.flush()
            if events:
                return events
        return None

    async def close(self) -> None:
        """Close the socket."""
        self._writer.close()

    async def _read(self) -> bytes:
        return await self._reader.read(1 << 16)


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


class CommandClient:
    """What the clients of remote commands have in common: what came on each stream, and whether all has."""

    def __init__(self, version: int) -> None:
        self.version = version
        self.received = dict.fromkeys((Stream.STDOUT, Stream.STDERR, Stream.ERROR), b"")
        self.is_over = False

    async def receive(self) -> bool:
        """Take in what comes next; False at the end."""
        raise NotImplementedError

    async def send(self, stream: Stream, data: bytes) -> None:
        """Send bytes."""
        raise NotImplementedError

    async def end_input(self) -> None:
        """Say that no more comes on standard input; not every protocol has words for it."""
        raise NotImplementedError

    async def close(self) -> None:
        """Go, whatever is going on."""
        raise NotImplementedError

    async def resize(self, width: int, height: int) -> None:
        """The terminal has another size now."""
        await self.send(Stream.RESIZE, json.dumps({"Width": width, "Height": height}).encode() + b"\n")

    async def finish(self) -> None:
        """Take in all that comes, and go."""
        while await self.receive():
            pass
        await self.close()

    async def wait_for(self, text: bytes, stream: Stream = Stream.STDOUT) -> None:
        """Take in what comes until `text` is in it. Raises AssertionError if the end comes first."""
        while text not in self.received[stream]:
            assert await self.receive(), self.received


class _Spdy(CommandClient):
    def __init__(self, wire: SpdyWire, protocol: str) -> None:
        super().__init__(_version(protocol))
        self.wire = wire
        self.streams: dict[int, Stream] = {}
        self.ended: set[Stream] = set()

    async def open(self, stream: Stream) -> None:
        self.streams[self.wire.session.open({"streamtype": stream.name.lower()})] = stream
        await self.wire.flush()

    async def receive(self) -> bool:
        events = None if self.is_over else await self.wire.receive()
        for event in events or ():
            match event:
                case spdy.Received(number, data):
                    self.received[self.streams[number]] += data
                case spdy.Ended(number):
                    self.ended.add(self.streams[number])
                case spdy.Left():
                    self.is_over = True
        return events is not None and not self.is_over

    async def send(self, stream: Stream, data: bytes) -> None:
        self.wire.session.send(self._number(stream), data)
        await self.wire.flush()

    async def end_input(self) -> None:
        self.wire.session.end(self._number(Stream.STDIN))
        await self.wire.flush()

    async def close(self) -> None:
        await self.wire.close()

    def _number(self, stream: Stream) -> int:
        return next(number for number, found in self.streams.items() if found is stream)


class _Websocket(CommandClient):
    def __init__(self, connection: ClientConnection, protocol: str) -> None:
        super().__init__(_version(protocol))
        self.connection = connection
        self.is_base64 = "base64" in protocol
        self.has_begun = False

    async def receive(self) -> bool:
        try:
            message = await self.connection.recv()
        except ConnectionClosed:
            self.is_over = True
            return False
        assert isinstance(message, str) is self.is_base64
        raw = message.encode() if isinstance(message, str) else message
        channel, data = raw[0], raw[1:]
        if self.is_base64:
            channel, data = channel - ord("0"), base64.b64decode(data)
        assert self.has_begun or data == b""
        self.has_begun = True
        self.received[Stream(channel)] += data
        return True

    async def send(self, stream: Stream, data: bytes) -> None:
        if self.is_base64:
            await self.connection.send(str(int(stream)) + base64.b64encode(data).decode())
        else:
            await self.connection.send(bytes([stream]) + data)

    async def end_input(self) -> None:
        await self.connection.send(bytes([255, Stream.STDIN]))

    async def close(self) -> None:
        self.connection.transport.abort()


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


async def open_websocket(url: str, protocol: str) -> ClientConnection:
    """A connection to `url`, with `protocol` in words of its own or, where it is empty, in none."""
    offered = [Subprotocol(protocol)] if protocol else None
    address = "ws" + url.removeprefix("http")
    connection = await connect(
        address, subprotocols=offered, max_size=None, compression=None, ping_interval=None, proxy=None
    )
    assert connection.subprotocol == (protocol or None)
    return connection


async def open_command(url: str, protocol: str, wanted: Wanted) -> CommandClient:
    """Begin the remote command that `url` stands for, by one of PROTOCOLS."""
    transport, _, name = protocol.partition(" ")
    if transport == "websocket":
        return _Websocket(await open_websocket(url, name), name)
    client = _Spdy(await SpdyWire.connect(url, name), name)
    for stream in [Stream.ERROR, *sorted(wanted.streams())]:
        await client.open(stream)
    if wanted.tty and client.version >= 3:
        await client.open(Stream.RESIZE)
    return client


async def open_forward(url: str, transport: str) -> ForwardClient:
    """Begin the port-forwarding that `url` stands for, by one of FORWARDS."""
    if transport == "spdy":
        return _SpdyForward(await SpdyWire.connect(url, "portforward.k8s.io"))
    if transport == "tunnel":
        return _SpdyForward(await _Tunnel.open(url))
    return _ChannelForward(await open_websocket(url, transport), is_base64="base64" in transport)


def exit_code(client: CommandClient) -> int | None:
    """What the stream for errors says, whatever the version is; None for a failure that is not the command's."""
    text = client.received[Stream.ERROR].decode()
    if client.version < 4:
        said, _, code = text.rpartition(" ")
        return 0 if not text else int(code) if said == "command terminated with exit code" else None
    status = json.loads(text)
    if status["status"] == "Success":
        return 0
    causes = status.get("details", {}).get("causes", [])
    return next((int(cause["message"]) for cause in causes if cause["reason"] == "ExitCode"), None)


def _version(protocol: str) -> int:
    return int(protocol[1]) if protocol.startswith("v") else 1

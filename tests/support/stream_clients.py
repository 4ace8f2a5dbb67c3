"""Clients of the streaming server for tests: of remote commands and of port-forwarding, on each transport.

That of WebSocket is the library's own. That of SPDY is firkin's session in the role of a client; what it can not show,
kubectl does in tests/integration/cri.
"""

from __future__ import annotations

import asyncio
import base64
import json
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from firkin.cri.streaming.events import Stream
from firkin.cri.streaming.limits import Limits
from firkin.cri.streaming.spdy import session as spdy

if TYPE_CHECKING:
    from firkin.cri.streaming.command import Wanted

__all__ = ["PROTOCOLS", "CommandClient", "SpdyWire", "exit_code", "open_command", "open_websocket"]

PROTOCOLS = (
    "spdy channel.k8s.io", "spdy v2.channel.k8s.io", "spdy v3.channel.k8s.io", "spdy v4.channel.k8s.io",
    "websocket ", "websocket channel.k8s.io", "websocket base64.channel.k8s.io", "websocket v4.channel.k8s.io",
    "websocket v4.base64.channel.k8s.io", "websocket v5.channel.k8s.io",
)  # fmt: skip
"""What a remote command can be spoken in, the transport before the protocol."""


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

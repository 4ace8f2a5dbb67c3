"""Connections to another socket than gRPC's, until their clients have come to that.

Bytes are copied both ways. When a client has opened its first stream it is asked to open no more and to connect anew
(GOAWAY), as gRPC's clients do by themselves; the streams that it has opened by then go on to their end, and with the
last one the connection goes. Not before: gRPC's C core takes a connection for usable for ever that is given up while it
is made.
Source: RFC 9113, section 3.4 "HTTP/2 Connection Preface", 4.1 "Frame Format", 4.3 "Field Section Compression and
Decompression", 6.8 "GOAWAY".
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from firkin import log

__all__ = ["Farewell", "Relays"]

_PREFACE = len(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
_HEADER = 9
_HEADERS, _SETTINGS, _PUSH_PROMISE, _GOAWAY, _CONTINUATION = 1, 4, 5, 7, 9
_END_HEADERS = 4
_LAST_STREAM = (1 << 31) - 1
_NO_ERROR = 0
_CHUNK = 1 << 16
_FAREWELL = b"".join(
    number.to_bytes(size, "big")
    for number, size in ((8, 3), (_GOAWAY, 1), (0, 1), (0, 4), (_LAST_STREAM, 4), (_NO_ERROR, 4))
)

_LOGGER = log.to("relay")


class _Frames:
    # Where the frames of one direction begin and end; `kind` and `flags` are of the last that has begun.
    def __init__(self, before: int = 0) -> None:
        self.kind = -1
        self.flags = 0
        self._left = before
        self._header = bytearray()

    def step(self, data: bytes, at: int) -> int:
        # On to the end of a header or of what it announces, or of the data: where that is.
        if self._left:
            end = min(at + self._left, len(data))
            self._left -= end - at
            return end
        end = min(at + _HEADER - len(self._header), len(data))
        self._header += data[at:end]
        if len(self._header) == _HEADER:
            self._left = int.from_bytes(self._header[:3], "big")
            self.kind, self.flags = self._header[3:5]
            self._header.clear()
        return end

    @property
    def may_be_parted(self) -> bool:
        # Whether another frame may come here: not into a frame, nor between those of one field section.
        is_open = self.kind in (_HEADERS, _PUSH_PROMISE, _CONTINUATION) and not self.flags & _END_HEADERS
        return self.kind >= 0 and not self._left and not self._header and not is_open


class Farewell:
    """Both sides of one connection; says when its client is to be asked to leave.

    The number of the last stream is the highest there is: none is cut off, and the server may still say a lower one.
    """

    def __init__(self) -> None:
        self._client = _Frames(_PREFACE)
        self._server = _Frames()
        self._is_over = False

    def from_client(self, data: bytes) -> bytes:
        """What the client gets to hear at once when it has said `data`, which goes to the server as it is."""
        at = 0
        while at < len(data) and not self._is_over and self._client.kind != _HEADERS:
            at = self._client.step(data, at)
        return self._say()

    def from_server(self, data: bytes) -> bytes:
        """What the client gets when the server has said `data`."""
        at = 0
        while at < len(data) and not self._is_over:
            is_first = self._server.kind < 0
            at = self._server.step(data, at)
            if is_first and self._server.kind not in (-1, _SETTINGS):
                # No HTTP/2, so nobody would understand.
                self._is_over = True
            elif said := self._say():
                return data[:at] + said + data[at:]
        return data

    def _say(self) -> bytes:
        if self._is_over or self._client.kind != _HEADERS or not self._server.may_be_parted:
            return b""
        self._is_over = True
        return _FAREWELL


class Relays:
    """The connections that are relayed to the unix socket at `path`. Close it."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def add(self, client: socket.socket) -> None:
        """Relay one more connection, which is this object's from now on."""
        task = asyncio.create_task(self._relay(client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Cut those that are left."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _relay(self, client: socket.socket) -> None:
        _LOGGER.debug("a client of the service manager's socket is relayed")
        try:
            client.setblocking(False)
            from_client, to_client = await asyncio.open_connection(sock=client)
        except OSError as error:
            client.close()
            _LOGGER.debug("a client is gone: %s", error)
            return
        try:
            from_server, to_server = await asyncio.open_unix_connection(self._path)
            try:
                farewell = Farewell()

                def to_both(data: bytes) -> bytes:
                    to_client.write(farewell.from_client(data))
                    return data

                async with asyncio.TaskGroup() as both:
                    both.create_task(_copy(from_client, to_server, to_both))
                    both.create_task(_copy(from_server, to_client, farewell.from_server))
            finally:
                to_server.close()
        except* OSError as errors:
            _LOGGER.debug("a connection ends: %s", errors.exceptions[0])
        finally:
            to_client.close()
            _LOGGER.debug("a client is relayed no more")


async def _copy(source: asyncio.StreamReader, to: asyncio.StreamWriter, edit: Callable[[bytes], bytes]) -> None:
    while data := await source.read(_CHUNK):
        to.write(edit(data))
        await to.drain()
    to.write_eof()

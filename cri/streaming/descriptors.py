"""Sources and sinks over pipes, pseudo-terminals and sockets: descriptors that an event loop can wait for."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DescriptorSink", "DescriptorSource", "SocketConnection", "readable", "settle"]

_CHUNK = 64 << 10
_SOCKET_CHUNK = 32 << 10


class DescriptorSource:
    """Reads the descriptor `fd`, which it makes non-blocking and closes.

    Whoever holds the other end of a pipe keeps it from ending. Once the process whose output this is has ended
    (`writer_ended`), what others write is read on until nothing comes for `silence` seconds.
    """

    def __init__(self, fd: int, silence: float) -> None:
        os.set_blocking(fd, False)
        self._fd = fd
        self._silence = silence
        self._writer_has_ended = False
        self._waiter: asyncio.Future[None] | None = None

    async def read(self) -> bytes:
        """The next bytes as soon as there are some, b"" at the end. Raises OSError."""
        while True:
            try:
                return os.read(self._fd, _CHUNK)
            except BlockingIOError:
                if not await self._readable():
                    return b""
            except OSError as error:
                # So a pseudo-terminal says that nobody has its other end any more.
                if error.errno == errno.EIO:
                    return b""
                raise

    def writer_ended(self) -> None:
        """The process whose output this is has ended."""
        self._writer_has_ended = True
        settle(self._waiter)

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self._fd)

    async def _readable(self) -> bool:
        if self._writer_has_ended:
            return await self._readable_within(self._silence)
        await self._readable_within(None)
        return True

    async def _readable_within(self, seconds: float | None) -> bool:
        loop = asyncio.get_running_loop()
        waiter = self._waiter = loop.create_future()
        loop.add_reader(self._fd, settle, waiter)
        try:
            async with asyncio.timeout(seconds):
                await waiter
        except TimeoutError:
            return False
        finally:
            self._waiter = None
            loop.remove_reader(self._fd)
        return True


class DescriptorSink:
    """Writes to the descriptor `fd`, which it makes non-blocking; `end` is called when no more comes."""

    def __init__(self, fd: int, end: Callable[[], None]) -> None:
        os.set_blocking(fd, False)
        self._fd = fd
        self._end = end

    async def write(self, data: bytes) -> None:
        """Returns when all of `data` is taken. Raises OSError; BrokenPipeError says that nothing is read any more."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._fd, rest) :]
            except BlockingIOError:
                await self._writable()

    async def close(self) -> None:
        """Say that no more comes."""
        self._end()

    async def _writable(self) -> None:
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        loop.add_writer(self._fd, settle, waiter)
        try:
            await waiter
        finally:
            loop.remove_writer(self._fd)


class SocketConnection:
    """A connection over a stream socket, which it makes non-blocking and closes."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._loop = asyncio.get_running_loop()

    async def read(self) -> bytes:
        """The next bytes as soon as there are some, b"" at the end. Raises OSError."""
        return await self._loop.sock_recv(self._socket, _SOCKET_CHUNK)

    async def write(self, data: bytes) -> None:
        """Returns when the kernel has all of `data`. Raises OSError."""
        await self._loop.sock_sendall(self._socket, data)

    async def close(self) -> None:
        """Say that no more comes; reading goes on."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            # The other end may have broken the connection, which who reads is told.
            if error.errno != errno.ENOTCONN:
                raise

    def abort(self) -> None:
        """Close the socket."""
        self._socket.close()


def settle(waiter: asyncio.Future[None] | None) -> None:
    """Wake who waits for it, if somebody still does."""
    if waiter is not None and not waiter.done():
        waiter.set_result(None)


async def readable(fd: int) -> None:
    """Wait until a descriptor that nobody else waits for is readable, or has come to its end."""
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()
    loop.add_reader(fd, settle, waiter)
    try:
        await waiter
    finally:
        loop.remove_reader(fd)

"""A session with a container that runs, through its monitor."""

from __future__ import annotations

import asyncio
from collections import deque

from firkin.cri.streaming.command import Wanted
from firkin.cri.streaming.descriptors import settle
from firkin.errors import StateError
from firkin.runtime.monitor.client import STDERR, STDIN, STDOUT, Client, Done, End, Output
from firkin.runtime.monitor.record import Status

__all__ = ["Attachment", "ask_to_attach"]

_HIGH = 1 << 20
"""Bytes that wait to be taken from which on nothing more is read: the monitor holds the container up then."""


class _Stream:
    # What came of one stream, and who waits for it.
    def __init__(self, attachment: Attachment) -> None:
        self._attachment = attachment
        self._waiting: deque[bytes] = deque()
        self._changed = asyncio.Event()
        self._is_over = False
        self.size = 0

    def put(self, data: bytes) -> None:
        self._waiting.append(data)
        self.size += len(data)
        self._changed.set()

    def end(self) -> None:
        self._is_over = True
        self._changed.set()

    async def read(self) -> bytes:
        """The next bytes as soon as there are some, b"" at the end."""
        while not self._waiting and not self._is_over:
            self._changed.clear()
            await self._changed.wait()
        if not self._waiting:
            return b""
        data = self._waiting.popleft()
        self.size -= len(data)
        self._attachment.taken()
        return data


class _Input:
    def __init__(self, attachment: Attachment) -> None:
        self._attachment = attachment

    async def write(self, data: bytes) -> None:
        """Returns when the monitor has all of `data`. Raises BrokenPipeError once it is gone."""
        await self._attachment.send(data)

    async def close(self) -> None:
        """Say that no more comes."""
        await self._attachment.close_input()


class Attachment:
    """The streams of a container, of those that are wanted the ones that it has."""

    def __init__(self, client: Client, wanted: Wanted, done: Done) -> None:
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._status: asyncio.Future[Status | None] = self._loop.create_future()
        self._is_reading = False
        self._is_over = False
        self.stdin = _Input(self) if wanted.stdin and done.has_stdin else None
        self.stdout = _Stream(self) if wanted.stdout or done.has_terminal else None
        self.stderr = _Stream(self) if wanted.stderr and not done.has_terminal else None
        self.taken()

    def taken(self) -> None:
        """Somebody took output: go on reading, if there is room now."""
        room = sum(stream.size for stream in (self.stdout, self.stderr) if stream) < _HIGH
        if room and not self._is_reading and not self._is_over:
            self._loop.add_reader(self._client, self._receive)
            self._is_reading = True
        elif not room:
            self._pause()

    def _pause(self) -> None:
        if self._is_reading:
            self._loop.remove_reader(self._client)
            self._is_reading = False

    def _receive(self) -> None:
        event = self._client.receive()
        if isinstance(event, Output):
            stream = self.stdout if event.stream == STDOUT else self.stderr
            if stream is not None:
                stream.put(event.data)
                self.taken()
        elif isinstance(event, End):
            self._end(event.status)

    def _end(self, status: Status | None) -> None:
        self._is_over = True
        self._pause()
        for stream in (self.stdout, self.stderr):
            if stream is not None:
                stream.end()
        if not self._status.done():
            self._status.set_result(status)

    async def send(self, data: bytes) -> None:
        """Send input. Raises BrokenPipeError once the container is gone."""
        rest = memoryview(data)
        try:
            while rest := rest[self._client.send_stdin(rest) :]:
                await self._writable()
        except StateError as error:
            raise BrokenPipeError(str(error)) from None

    async def close_input(self) -> None:
        """End the input, for a container whose input ends with its first client."""
        try:
            while not self._client.close_stdin():
                await self._writable()
        except StateError:
            # With the container its input has ended.
            return

    async def _writable(self) -> None:
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_writer(self._client, settle, waiter)
        try:
            await waiter
        finally:
            self._loop.remove_writer(self._client)

    def resize(self, width: int, height: int) -> None:
        """The client's terminal has this size now."""
        try:
            self._client.ask_resize(height, width)
        except StateError:
            # It is told of the end by its streams.
            return

    async def wait(self) -> int:
        """The exit code of the container. Raises StateError if the monitor has dropped this client."""
        status = await asyncio.shield(self._status)
        if status is None:
            raise StateError("attach: the container's monitor has ended the connection")
        return status.exit_code

    async def close(self) -> None:
        """Leave; the container goes on."""
        self._is_over = True
        self._pause()
        self._client.close()


def ask_to_attach(directory: int, wanted: Wanted) -> tuple[Client, Done]:
    """Attach to the container of a directory, and wait for the answer. Raises StateError, KernelError."""
    client = Client(directory)
    try:
        streams = STDIN * wanted.stdin | STDOUT * (wanted.stdout or wanted.tty) | STDERR * wanted.stderr
        return client, client.attach(streams)
    except BaseException:
        client.close()
        raise

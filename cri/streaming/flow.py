"""Who is too fast waits: input that is held for slow takers, and output that the peer has not read."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Gate", "Held", "Inbox"]

_CHUNK = 64 << 10


class Gate:
    """Open or shut; tasks wait at it until it is open."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._event.set()

    def shut(self) -> None:
        """Let nobody pass from now on."""
        self._event.clear()

    def open(self) -> None:
        """Let everybody pass."""
        self._event.set()

    async def passed(self) -> None:
        """Returns when the gate is open; of many who wait, those behind one that shuts it again go on waiting."""
        while not self._event.is_set():
            await self._event.wait()


class Held:
    """How many bytes of input are held, on all streams of a connection, and what follows from it.

    `pause` is called when there are more than `high`, and `resume` when there are no more than `low` again.
    """

    def __init__(self, low: int, high: int, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        self._low, self._high = low, high
        self._pause, self._resume = pause, resume
        self._bytes = 0
        self._is_paused = False

    def add(self, count: int) -> None:
        """So many bytes more are held."""
        self._bytes += count
        if self._bytes > self._high and not self._is_paused:
            self._is_paused = True
            self._pause()

    def remove(self, count: int) -> None:
        """So many bytes were taken, or thrown away."""
        self._bytes -= count
        if self._bytes <= self._low and self._is_paused:
            self._is_paused = False
            self._resume()


class Inbox:
    """The input of one stream, from the peer to whoever takes it."""

    def __init__(self, held: Held) -> None:
        self._held = held
        # One buffer: as objects of their own, what small frames bring would take a multiple of what is counted.
        self._buffer = bytearray()
        self._taken = 0
        self._has_ended = False
        self._is_closed = False
        self._news = asyncio.Event()

    def put(self, data: bytes) -> None:
        """More input; it is thrown away where nobody will take it any more."""
        if not self._is_closed:
            self._held.add(len(data))
            self._buffer += data
            self._news.set()

    def end(self) -> None:
        """There will be no more input."""
        self._has_ended = True
        self._news.set()

    async def take(self) -> bytes:
        """Some of the input, b"" at the end. What was taken before counts as held until then, and no longer."""
        self._credit()
        while not self._buffer and not self._has_ended:
            self._news.clear()
            await self._news.wait()
        chunk = bytes(self._buffer[:_CHUNK])
        del self._buffer[:_CHUNK]
        self._taken = len(chunk)
        return chunk

    def close(self) -> None:
        """Nobody takes input any more."""
        self._is_closed = True
        self._credit()
        self._held.remove(len(self._buffer))
        self._buffer.clear()

    def _credit(self) -> None:
        taken, self._taken = self._taken, 0
        self._held.remove(taken)

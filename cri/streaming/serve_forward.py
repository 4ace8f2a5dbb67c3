"""Port-forwarding: bytes between the client's connections and those to ports of a sandbox."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from firkin.cri.streaming.events import Event, Input, InputEnd, Opened, Pending, Reset
from firkin.cri.streaming.flow import Inbox
from firkin.errors import FirkinError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from firkin.cri.streaming.forward import ForwardCore
    from firkin.cri.streaming.limits import Limits
    from firkin.cri.streaming.session import Connection
    from firkin.cri.streaming.wire import Wire

__all__ = ["ForwardDriver"]

_LOG = logging.getLogger(__name__)


class ForwardDriver:
    """Drives the connections of one client. `connect` gives a connection to a port."""

    def __init__(
        self, wire: Wire, core: ForwardCore, limits: Limits, connect: Callable[[int], Awaitable[Connection]]
    ) -> None:
        self._wire = wire
        self._core = core
        self._limits = limits
        self._connect = connect
        self._inboxes: dict[int, Inbox] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._all_ended = asyncio.Event()

    def deliver(self, event: Event) -> None:
        """The client did something."""
        match event:
            case Pending(stream):
                later = asyncio.get_running_loop().call_later
                self._timers[stream] = later(self._limits.wait_streams, self._expire, stream)
            case Opened(stream, port):
                self._open(stream, port)
            case Input(stream, data) if stream in self._inboxes:
                self._inboxes[stream].put(data)
            case InputEnd(stream) if stream in self._inboxes:
                self._inboxes[stream].end()
            case Reset(stream) if stream in self._tasks:
                self._tasks[stream].cancel()

    async def run(self) -> None:
        """Returns when all connections have ended and no more can come. Cancelled when the client is gone."""
        try:
            await self._all_ended.wait()
        finally:
            for timer in self._timers.values():
                timer.cancel()
            tasks = list(self._tasks.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _open(self, stream: int, port: int) -> None:
        if (timer := self._timers.pop(stream, None)) is not None:
            timer.cancel()
        self._inboxes[stream] = Inbox(self._wire.held)
        self._tasks[stream] = asyncio.create_task(self._forward(stream, port))

    def _expire(self, stream: int) -> None:
        del self._timers[stream]
        self._core.expire(stream)
        self._wire.flush()

    async def _forward(self, stream: int, port: int) -> None:
        failure = ""
        try:
            connection = await self._connect(port)
            try:
                await self._converse(stream, connection)
            finally:
                connection.abort()
        except (FirkinError, OSError) as error:
            failure = f"error forwarding port {port}: {error}"
        except Exception:
            _LOG.exception("streaming to %s: port %d", self._wire.peer, port)
            failure = f"error forwarding port {port}: internal error of firkin, of which its log tells more"
        finally:
            self._forget(stream, failure)

    def _forget(self, stream: int, failure: str) -> None:
        self._inboxes.pop(stream).close()
        del self._tasks[stream]
        if failure:
            self._core.fail(stream, failure)
        else:
            self._core.close(stream)
        self._wire.flush()
        if not self._core.has_ends and not self._tasks:
            self._all_ended.set()

    async def _converse(self, stream: int, connection: Connection) -> None:
        outward = asyncio.create_task(self._pump(stream, connection))
        inward = asyncio.create_task(self._feed(stream, connection))
        both = {outward, inward} if self._core.has_ends else {outward}
        try:
            done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            outward.cancel()
            inward.cancel()
            await asyncio.gather(outward, inward, return_exceptions=True)

    async def _pump(self, stream: int, connection: Connection) -> None:
        while True:
            await self._wire.writable.passed()
            data = await connection.read()
            if not data:
                break
            # Other connections may have filled the socket meanwhile.
            await self._wire.writable.passed()
            self._core.send(stream, data)
            self._wire.flush()
        self._core.end(stream)
        self._wire.flush()

    async def _feed(self, stream: int, connection: Connection) -> None:
        inbox = self._inboxes[stream]
        try:
            while data := await inbox.take():
                await connection.write(data)
            await connection.close()
        except (BrokenPipeError, ConnectionResetError):
            # Who listens there may have answered without reading everything; what it said is still to be read.
            inbox.close()

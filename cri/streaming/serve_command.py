"""Exec and attach: bytes between the client's streams and those of the session."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from firkin.cri.streaming.events import Event, Input, InputEnd, Ready, Resize, Stream
from firkin.cri.streaming.flow import Inbox
from firkin.cri.streaming.status import Status
from firkin.errors import FirkinError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from firkin.cri.streaming.command import CommandCore
    from firkin.cri.streaming.limits import Limits
    from firkin.cri.streaming.session import Session, Sink, Source
    from firkin.cri.streaming.wire import Wire

__all__ = ["CommandDriver"]

_LOG = logging.getLogger(__name__)


class CommandDriver:
    """Drives one remote command: waits for the client's streams, opens the session, and says how it ended.

    Parameters: `open_session` gives the session; `tells_code` says whether the exit code is the client's to know, as
    it is of exec, or ends the streams in good order, as the end of a container does for who is attached to it.
    """

    def __init__(
        self,
        wire: Wire,
        core: CommandCore,
        limits: Limits,
        open_session: Callable[[], Awaitable[Session]],
        *,
        tells_code: bool,
    ) -> None:
        self._wire = wire
        self._core = core
        self._limits = limits
        self._open_session = open_session
        self._tells_code = tells_code
        self._ready = asyncio.Event()
        self._inbox = Inbox(wire.held)
        self._size: Resize | None = None
        self._session: Session | None = None

    def deliver(self, event: Event) -> None:
        """The client did something."""
        match event:
            case Ready():
                self._ready.set()
            case Input(_, data):
                self._inbox.put(data)
            case InputEnd():
                self._inbox.end()
            case Resize():
                self._resize(event)

    async def run(self) -> None:
        """Returns when all is said. Cancelled when the client is gone."""
        try:
            async with asyncio.timeout(self._limits.wait_streams):
                await self._ready.wait()
        except TimeoutError:
            _LOG.warning("streaming to %s: the client did not open its streams in time", self._wire.peer)
            self._core.leave("streams were not opened in time")
            return
        try:
            self._core.finish(await self._outcome())
        finally:
            self._inbox.close()

    async def _outcome(self) -> Status:
        try:
            session = await self._opened()
            try:
                return await self._converse(session)
            finally:
                self._session = None
                await session.close()
        except (FirkinError, OSError) as error:
            return Status.failed(f"error executing command in container: {error}")
        except Exception:
            # A client that is told nothing takes the command to have succeeded.
            _LOG.exception("streaming to %s", self._wire.peer)
            return Status.failed("internal error of firkin, of which its log tells more")

    async def _opened(self) -> Session:
        opening = asyncio.ensure_future(self._open_session())
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            # Of a process that is being started nobody would know any more: it is started, and let go.
            _LOG.debug("streaming to %s: the client left before the command was begun", self._wire.peer)
            await asyncio.wait([opening])
            if opening.exception() is None:
                await opening.result().close()
            raise

    async def _converse(self, session: Session) -> Status:
        self._session = session
        if self._size is not None:
            self._resize(self._size)
        outputs = (Stream.STDOUT, session.stdout), (Stream.STDERR, session.stderr)
        pumps = [asyncio.create_task(self._pump(stream, source)) for stream, source in outputs if source is not None]
        feed = asyncio.create_task(self._feed(session.stdin))
        end = asyncio.create_task(session.wait())
        try:
            done, _ = await asyncio.wait([end, *pumps], return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
            code = end.result()
        finally:
            await _end(*pumps, feed, end)
        return Status.exited(code if self._tells_code else 0)

    async def _pump(self, stream: Stream, source: Source) -> None:
        while True:
            await self._wire.writable.passed()
            data = await source.read()
            if not data:
                break
            # Other streams may have filled the socket meanwhile.
            await self._wire.writable.passed()
            self._core.send(stream, data)
            self._wire.flush()
        self._core.end(stream)
        self._wire.flush()

    async def _feed(self, sink: Sink | None) -> None:
        try:
            while sink is not None and (data := await self._inbox.take()):
                await sink.write(data)
            if sink is not None:
                await sink.close()
                return
        except OSError as error:
            # A command need not read all that it is offered. What it thinks of that, it says itself.
            _LOG.debug("streaming to %s: standard input: %s", self._wire.peer, error)
            self._core.end(Stream.STDIN)
            self._wire.flush()
        self._inbox.close()

    def _resize(self, size: Resize) -> None:
        self._size = size
        if self._session is not None:
            self._session.resize(*size)


async def _end(*tasks: asyncio.Task[None] | asyncio.Task[int]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

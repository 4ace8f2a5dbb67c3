"""The shell around a core: one object owns the socket, feeds what comes, flushes what goes, and delivers events.

A connection goes through stages, and never back:

    HEAD ──upgraded──► SERVING ──driver is done──► LINGERING ──peer is done──► CLOSED
      └──refused──────────────────────────────────────┘
"""

from __future__ import annotations

import asyncio
import enum
import logging
import socket
from typing import TYPE_CHECKING

from firkin.cri.streaming.events import Gone
from firkin.cri.streaming.flow import Gate, Held
from firkin.cri.streaming.hangup import HangupWatch
from firkin.cri.streaming.head import HeadError, HeadReader
from firkin.cri.streaming.negotiate import RefusedError, answer
from firkin.cri.streaming.peer_error import PeerError
from firkin.cri.streaming.serving import Driver, Served, Server

if TYPE_CHECKING:
    from firkin.cri.streaming.command import Core
    from firkin.cri.streaming.events import Event
    from firkin.cri.streaming.limits import Limits

__all__ = ["Wire"]

_LOG = logging.getLogger(__name__)
# Seconds of silence before a peer's kernel is asked for it, between two questions, and how many are asked.
_KEEP_ALIVE = {socket.TCP_KEEPIDLE: 30, socket.TCP_KEEPINTVL: 10, socket.TCP_KEEPCNT: 3}


class _Stage(enum.Enum):
    HEAD = enum.auto()
    SERVING = enum.auto()
    LINGERING = enum.auto()
    CLOSED = enum.auto()


class Wire(asyncio.Protocol):
    """One connection to a server, which says what requests lead to, and is told of the beginning and the end."""

    def __init__(self, limits: Limits, server: Server) -> None:
        self._limits = limits
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._stage = _Stage.HEAD
        self._reader: HeadReader | None = HeadReader(limits)
        self._core: Core | None = None
        self._driver: Driver | None = None
        self._task: asyncio.Task[None] | None = None
        self._watch: HangupWatch | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._active = self._loop.time()
        self.held = Held(limits.held_low, limits.held_high, self._pause, self._resume)
        self.writable = Gate()

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        _keep_alive(transport.get_extra_info("socket"))
        transport.set_write_buffer_limits(self._limits.unsent_high, self._limits.unsent_low)
        self._set_timer(self._limits.wait_head, "no request came")
        self._server.opened(self)

    def data_received(self, data: bytes) -> None:
        self._active = self._loop.time()
        if self._stage is _Stage.HEAD:
            self._receive_head(data)
        elif self._core is not None:
            self._feed(data)

    def eof_received(self) -> None:
        # Neither protocol has a use for half a socket.
        self._end_of_peer()

    def connection_lost(self, error: Exception | None) -> None:
        self._stage = _Stage.CLOSED
        self._stop_watching()
        if self._timer is not None:
            self._timer.cancel()
        self.writable.open()
        if self._task is None or self._task.done():
            self._server.closed(self)
        else:
            self._task.add_done_callback(lambda _: self._server.closed(self))
            self._cancel()

    def pause_writing(self) -> None:
        self.writable.shut()

    def resume_writing(self) -> None:
        self.writable.open()

    # What drivers and the server call.

    @property
    def peer(self) -> str:
        """The address of the peer, for the log."""
        return str(self._transport.get_extra_info("peername"))

    def flush(self) -> None:
        """Send what the core has to say."""
        assert self._core is not None
        output = self._core.take_output()
        if output and not self._transport.is_closing():
            self._active = self._loop.time()
            self._transport.writelines(output)

    def leave(self, reason: str) -> None:
        """End the connection from this end, for `reason`; the driver is cancelled."""
        if self._stage is _Stage.SERVING and self._core is not None:
            self._core.leave(reason)
            self.flush()
            self._cancel()
        elif self._stage is _Stage.HEAD:
            self._transport.close()

    def abort(self) -> None:
        """Cut the connection."""
        self._transport.abort()

    # The stages.

    def _receive_head(self, data: bytes) -> None:
        assert self._reader is not None
        try:
            head = self._reader.receive(data)
            if head is None:
                return
            request, rest = head
            served = self._server.serve(self, request)
        except HeadError as error:
            self._refuse(answer(error.status, str(error)))
            return
        except RefusedError as error:
            self._refuse(error.response)
            return
        self._transport.write(served.head)
        self._begin(served)
        if rest:
            self._feed(rest)

    def _begin(self, served: Served) -> None:
        self._stage, self._reader = _Stage.SERVING, None
        self._core = served.core
        self._driver = served.driver(self)
        self._task = self._loop.create_task(self._run(self._driver))
        self._set_idle_timer()
        for event in served.core.begin():
            self._driver.deliver(event)
        self.flush()

    def _refuse(self, response: bytes) -> None:
        self._transport.write(response)
        self._linger(self._limits.wait_head)

    async def _run(self, driver: Driver) -> None:
        try:
            await driver.run()
        except Exception:
            _LOG.exception("streaming to %s", self.peer)
            if self._core is not None:
                self._core.leave("internal error")
        finally:
            if self._stage is _Stage.SERVING:
                self.flush()
                self._linger(self._limits.linger)

    def _feed(self, data: bytes) -> None:
        assert self._core is not None
        try:
            events = self._core.receive(data)
        except PeerError as error:
            _LOG.warning("streaming to %s: %s", self.peer, error)
            self._end_of_peer()
            return
        self.flush()
        if self._transport.get_write_buffer_size() > self._limits.unsent_most:
            _LOG.warning("streaming to %s: the peer provokes answers and does not read them", self.peer)
            self.abort()
            return
        self._deliver(events)

    def _deliver(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Gone):
                self._end_of_peer()
            elif self._stage is _Stage.SERVING and self._driver is not None:
                self._driver.deliver(event)

    def _end_of_peer(self) -> None:
        """The peer has no more to say, and to hear: the socket is closed when what was written is sent."""
        if self._core is not None:
            self.flush()
        self._cancel()
        self._transport.close()
        self._set_timer(self._limits.wait_head, "the peer did not read to the end")

    def _cancel(self) -> None:
        # Once: what the driver does about it takes time, and must not be disturbed.
        if self._task is not None and not self._task.cancelling():
            self._task.cancel()

    def _linger(self, seconds: float) -> None:
        # To close the socket while the peer still sends would reset the connection, and with it what is on its way.
        self._stage = _Stage.LINGERING
        if self._core is not None and self._core.is_over:
            self._end_of_peer()
        else:
            self._set_timer(seconds, "the peer did not read to the end")

    # Time, and a peer that is gone while it is not read from.

    def _set_timer(self, seconds: float, reason: str) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._stage is not _Stage.CLOSED:
            self._timer = self._loop.call_later(seconds, self._expired, reason)

    def _expired(self, reason: str) -> None:
        _LOG.warning("streaming to %s: %s in time", self.peer, reason)
        self.abort()

    def _set_idle_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        left = self._active + self._limits.idle - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._set_idle_timer)
        else:
            self._expired("nothing was sent or received")

    def _pause(self) -> None:
        if self._stage is _Stage.SERVING and not self._transport.is_closing():
            self._transport.pause_reading()
            self._watch = HangupWatch(self._transport.get_extra_info("socket").fileno(), self.abort)

    def _resume(self) -> None:
        self._stop_watching()
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def _stop_watching(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None


def _keep_alive(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEP_ALIVE.items():
        sock.setsockopt(socket.IPPROTO_TCP, name, value)

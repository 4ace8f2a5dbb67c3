"""Port-forwarding over SPDY: two streams for each connection, one for its bytes and one for an error.

The streams name their `port`, and by `requestid` which belong together; clients before Kubernetes 1.3 open the stream
for errors right before that for data instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from firkin.cri.streaming.events import Event, Gone, Input, InputEnd, Opened, Pending, Reset
from firkin.cri.streaming.forward import port_number
from firkin.cri.streaming.spdy import session as spdy
from firkin.cri.streaming.spdy.frames import GoAwayStatus, ResetStatus

if TYPE_CHECKING:
    from firkin.cri.streaming.limits import Limits

__all__ = ["SpdyForward"]


@dataclass
class _Pair:
    """The two streams of a connection; 0 where there is none yet."""

    number: int
    request: str
    error: int = 0
    data: int = 0


class SpdyForward:
    """Many connections on one SPDY session (`portforward.k8s.io`)."""

    has_ends = True

    def __init__(self, limits: Limits) -> None:
        self._session = spdy.Session(limits)
        self._pairs: dict[int, _Pair] = {}
        self._pending: dict[str, _Pair] = {}
        self._by_data: dict[int, _Pair] = {}
        self._made = 0
        self._is_over = False

    @property
    def is_over(self) -> bool:
        """Whether the client has taken its leave."""
        return self._is_over

    def begin(self) -> list[Event]:
        """Nothing: all streams are opened by the client."""
        return []

    def receive(self, data: bytes) -> list[Event]:
        """What the bytes say. Raises PeerError, with the farewell in the output."""
        events: list[Event] = []
        for event in self._session.receive(data):
            events += self._take(event)
        return events

    def take_output(self) -> list[bytes]:
        """The bytes to be sent since the last call."""
        return self._session.take_output()

    def send(self, stream: int, data: bytes) -> None:
        """Send what came from the port."""
        self._session.send(self._pairs[stream].data, data)

    def end(self, stream: int) -> None:
        """The port sends no more."""
        self._session.end(self._pairs[stream].data)

    def close(self, stream: int) -> None:
        """The connection is over, in good order."""
        pair = self._forget(stream)
        self._session.end(pair.data)
        self._session.end(pair.error)

    def fail(self, stream: int, reason: str) -> None:
        """The connection was not made, or broke."""
        pair = self._forget(stream)
        self._session.send(pair.error, reason.encode())
        self._session.end(pair.error)
        self._session.reset(pair.data)

    def expire(self, stream: int) -> None:
        """The other half of what is `Pending` is waited for no longer."""
        if (pair := self._pairs.get(stream)) is not None and pair.request in self._pending:
            self.fail(stream, "the other stream of the connection did not come in time")

    def leave(self, reason: str) -> None:
        """Say that firkin ends the session; SPDY has no room for a reason."""
        self._session.leave(GoAwayStatus.INTERNAL_ERROR)

    def _take(self, event: spdy.Event) -> list[Event]:
        match event:
            case spdy.StreamOpened(stream, fields):
                return self._open(stream, fields)
            case spdy.Received(stream, data) if stream in self._by_data:
                return [Input(self._by_data[stream].number, data)]
            case spdy.Ended(stream) if stream in self._by_data:
                return [InputEnd(self._by_data[stream].number)]
            case spdy.StreamReset(stream) if stream in self._by_data:
                return [Reset(self._by_data[stream].number)]
            case spdy.Left():
                self._is_over = True
                return [Gone()]
            case spdy.Received() | spdy.Ended() | spdy.StreamReset() | spdy.Replied():
                return []
            case _:
                assert_never(event)

    def _open(self, stream: int, fields: dict[str, str]) -> list[Event]:
        kind, port = fields.get("streamtype"), port_number(fields.get("port", ""))
        if kind not in ("error", "data") or port is None:
            self._session.reset(stream, ResetStatus.PROTOCOL_ERROR)
            return []
        request = fields.get("requestid") or str(stream if kind == "error" else stream - 2)
        pair = self._pending.get(request) or self._pair(request)
        if getattr(pair, kind):
            self._session.reset(stream, ResetStatus.STREAM_IN_USE)
            return []
        setattr(pair, kind, stream)
        self._session.reply(stream)
        if not (pair.error and pair.data):
            return [Pending(pair.number)]
        del self._pending[request]
        self._by_data[pair.data] = pair
        return [Opened(pair.number, port)]

    def _pair(self, request: str) -> _Pair:
        self._made += 1
        pair = self._pairs[self._made] = self._pending[request] = _Pair(self._made, request)
        return pair

    def _forget(self, number: int) -> _Pair:
        pair = self._pairs.pop(number)
        self._by_data.pop(pair.data, None)
        if self._pending.get(pair.request) is pair:
            del self._pending[pair.request]
        return pair

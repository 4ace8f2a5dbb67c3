"""One SPDY session: which streams there are, and what may be said on them."""

from __future__ import annotations

import enum
import struct
from typing import TYPE_CHECKING, NamedTuple

from firkin.cri.streaming.peer_error import PeerError
from firkin.cri.streaming.spdy.fields import Deflater
from firkin.cri.streaming.spdy.frames import (
    MOST_DATA,
    Data,
    Frame,
    GoAway,
    GoAwayStatus,
    Headers,
    Kind,
    Ping,
    ResetStatus,
    RstStream,
    SynReply,
    SynStream,
    control_bytes,
    data_bytes,
)
from firkin.cri.streaming.spdy.reader import FrameReader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from firkin.cri.streaming.limits import Limits

__all__ = ["Ended", "Event", "Left", "Received", "Replied", "Session", "StreamOpened", "StreamReset"]

_WORD = struct.Struct(">I")
_TWO_WORDS = struct.Struct(">II")
_SYN_STREAM = struct.Struct(">IIH")


class _Half(enum.Enum):
    """What is still open of a stream."""

    BOTH = enum.auto()
    LOCAL = enum.auto()
    REMOTE = enum.auto()


# What remains when an end is closed; None: the stream is gone.
_LOCAL_ENDS = {_Half.BOTH: _Half.REMOTE, _Half.LOCAL: None}
_REMOTE_ENDS = {_Half.BOTH: _Half.LOCAL, _Half.REMOTE: None}


class StreamOpened(NamedTuple):
    """The peer opened a stream; `Session.reply` accepts it, `Session.reset` refuses it."""

    stream: int
    fields: dict[str, str]


class Replied(NamedTuple):
    """The peer accepted a stream."""

    stream: int


class Received(NamedTuple):
    """The peer sent bytes."""

    stream: int
    data: bytes


class Ended(NamedTuple):
    """The peer sends no more on a stream."""

    stream: int


class StreamReset(NamedTuple):
    """The peer gave a stream up, for a reason by number (`ResetStatus` has some)."""

    stream: int
    status: int


class Left(NamedTuple):
    """The peer takes its leave."""

    status: int


Event = StreamOpened | Replied | Received | Ended | StreamReset | Left


class Session:
    """The server's side, or with `client` the client's, which opens streams."""

    def __init__(self, limits: Limits, *, client: bool = False) -> None:
        self._limits = limits
        self._reader = FrameReader(limits)
        self._deflater = Deflater()
        self._streams: dict[int, _Half] = {}
        self._output: list[bytes] = []
        self._events: list[Event] = []
        # Streams of the client are odd, those of the server even (section 2.3.2); so are the numbers of pings.
        self._parity = 1 if client else 0
        self._next = 1 if client else 2
        self._last_of_peer = 0
        self._is_leaving = False

    def receive(self, data: bytes) -> list[Event]:
        """What the bytes say. Raises PeerError; then the farewell is in the output."""
        try:
            for frame in self._reader.receive(data):
                self._take(frame)
        except PeerError:
            self.leave(GoAwayStatus.PROTOCOL_ERROR)
            raise
        events, self._events = self._events, []
        return events

    def take_output(self) -> list[bytes]:
        """The bytes to be sent since the last call."""
        output, self._output = self._output, []
        return output

    def is_open(self, stream: int) -> bool:
        """Whether something can be sent on `stream`."""
        return self._streams.get(stream) in (_Half.BOTH, _Half.LOCAL)

    def open(self, fields: Mapping[str, str]) -> int:
        """Open a stream, whose number is returned."""
        stream, self._next = self._next, self._next + 2
        self._streams[stream] = _Half.BOTH
        payload = _SYN_STREAM.pack(stream, 0, 0) + self._deflater.block(fields)
        self._output.append(control_bytes(Kind.SYN_STREAM, payload))
        return stream

    def reply(self, stream: int) -> None:
        """Accept a stream of the peer's."""
        self._output.append(control_bytes(Kind.SYN_REPLY, _WORD.pack(stream) + self._deflater.block({})))

    def send(self, stream: int, data: bytes) -> None:
        """Send bytes on a stream; nothing where it is not open any more, as the peer may have reset it meanwhile."""
        for start in range(0, len(data) if self.is_open(stream) else 0, MOST_DATA):
            self._output.append(data_bytes(stream, data[start : start + MOST_DATA]))

    def end(self, stream: int) -> None:
        """Send no more on a stream; nothing where that was said before."""
        if self.is_open(stream):
            self._output.append(data_bytes(stream, b"", fin=True))
            self._close(stream, _LOCAL_ENDS)

    def reset(self, stream: int, status: ResetStatus = ResetStatus.CANCEL) -> None:
        """Give a stream up in both directions; nothing where it is gone."""
        if self._streams.pop(stream, None) is not None:
            self._send_reset(stream, status)

    def leave(self, status: GoAwayStatus = GoAwayStatus.OK) -> None:
        """Say that no stream is accepted any more; what is open may still be used."""
        if not self._is_leaving:
            self._is_leaving = True
            self._output.append(control_bytes(Kind.GOAWAY, _TWO_WORDS.pack(self._last_of_peer, status)))

    def ping(self, number: int) -> None:
        """Send a ping, whose answer is taken no notice of."""
        self._output.append(control_bytes(Kind.PING, _WORD.pack(number)))

    def _take(self, frame: Frame) -> None:
        match frame:
            case Data(stream, data, fin):
                self._take_data(stream, data, fin=fin)
            case SynStream(stream, fields, fin):
                self._take_stream(stream, fields, fin=fin)
            case SynReply(stream, _, fin) if stream in self._streams:
                self._events.append(Replied(stream))
                self._take_data(stream, b"", fin=fin)
            case Headers(stream, _, fin):
                self._take_data(stream, b"", fin=fin)
            case RstStream(stream, status) if self._streams.pop(stream, None) is not None:
                self._events.append(StreamReset(stream, status))
            case Ping(number) if number & 1 != self._parity:
                self.ping(number)
            case GoAway(_, status):
                self._is_leaving = True
                self._events.append(Left(status))

    def _take_data(self, stream: int, data: bytes, *, fin: bool) -> None:
        # Of a stream that is gone here, more may be on its way.
        if self._streams.get(stream) not in (_Half.BOTH, _Half.REMOTE):
            return
        if data:
            self._events.append(Received(stream, data))
        if fin:
            self._events.append(Ended(stream))
            self._close(stream, _REMOTE_ENDS)

    def _take_stream(self, stream: int, fields: dict[str, str], *, fin: bool) -> None:
        if stream & 1 == self._parity or stream <= self._last_of_peer:
            raise PeerError(f"stream {stream} was opened by the wrong end, or after stream {self._last_of_peer}")
        if self._is_leaving:
            return
        self._last_of_peer = stream
        if len(self._streams) >= self._limits.streams:
            self._send_reset(stream, ResetStatus.REFUSED_STREAM)
            return
        self._streams[stream] = _Half.BOTH
        self._events.append(StreamOpened(stream, fields))
        self._take_data(stream, b"", fin=fin)

    def _close(self, stream: int, ends: Mapping[_Half, _Half | None]) -> None:
        remains = ends[self._streams[stream]]
        if remains is None:
            del self._streams[stream]
        else:
            self._streams[stream] = remains

    def _send_reset(self, stream: int, status: ResetStatus) -> None:
        self._output.append(control_bytes(Kind.RST_STREAM, _TWO_WORDS.pack(stream, status)))

"""Remote commands over SPDY: the client opens one stream for each purpose, named by its field `streamtype`.

Versions 2 and 3 added the end of input and sizes of the terminal, version 4 the status as JSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from firkin.cri.streaming.command import Wanted, version
from firkin.cri.streaming.events import Event, Gone, Input, InputEnd, Ready, Stream
from firkin.cri.streaming.resize import ResizeReader
from firkin.cri.streaming.spdy import session as spdy
from firkin.cri.streaming.spdy.frames import GoAwayStatus, ResetStatus
from firkin.cri.streaming.status import Status

if TYPE_CHECKING:
    from firkin.cri.streaming.limits import Limits

__all__ = ["SpdyCommand"]


class SpdyCommand:
    """A command's streams on a SPDY session, by a protocol from `channel.k8s.io` to `v4.channel.k8s.io`."""

    def __init__(self, protocol: str, wanted: Wanted, limits: Limits) -> None:
        self._version = version(protocol)
        self._expected = wanted.streams() | {Stream.ERROR}
        if wanted.tty and self._version >= 3:
            self._expected.add(Stream.RESIZE)
        self._session = spdy.Session(limits)
        self._numbers: dict[Stream, int] = {}
        self._streams: dict[int, Stream] = {}
        self._resizes = ResizeReader()
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

    def send(self, stream: Stream, data: bytes) -> None:
        """Send what the command wrote."""
        self._session.send(self._numbers[stream], data)

    def end(self, stream: Stream) -> None:
        """The command writes no more on `stream`, or reads no more from standard input."""
        self._session.end(self._numbers[stream])

    def finish(self, status: Status) -> None:
        """Say how it ended, and that this is all."""
        self._say(status)
        self._session.leave()

    def leave(self, reason: str) -> None:
        """Say that firkin ends the session; SPDY has no room for a reason, the stream for errors may have."""
        self._say(Status.failed(reason))
        self._session.leave(GoAwayStatus.INTERNAL_ERROR)

    def _say(self, status: Status) -> None:
        outcome = status.document() if self._version >= 4 else status.text()
        self._session.send(self._numbers.get(Stream.ERROR, 0), outcome)
        for number in self._streams:
            self._session.end(number)

    def _take(self, event: spdy.Event) -> list[Event]:
        match event:
            case spdy.StreamOpened(number, fields):
                return self._open(number, fields)
            case spdy.Received(number, data):
                return self._input(self._streams.get(number), data)
            case spdy.Ended(number):
                return [InputEnd(Stream.STDIN)] if self._streams.get(number) is Stream.STDIN else []
            case spdy.StreamReset(number):
                return self._reset(number)
            case spdy.Left():
                self._is_over = True
                return [Gone()]
            case spdy.Replied():
                return []
            case _:
                assert_never(event)

    def _open(self, number: int, fields: dict[str, str]) -> list[Event]:
        name = fields.get("streamtype", "").upper()
        stream = Stream[name] if name in Stream.__members__ else None
        if stream is None or stream not in self._expected or stream in self._numbers:
            self._session.reset(number, ResetStatus.REFUSED_STREAM)
            return []
        self._numbers[stream] = number
        self._streams[number] = stream
        self._session.reply(number)
        if self._version == 1 and stream is Stream.STDIN:
            # A client of this version copies from its input until this end is closed.
            self._session.end(number)
        return [Ready()] if self._numbers.keys() == self._expected else []

    def _input(self, stream: Stream | None, data: bytes) -> list[Event]:
        if stream is Stream.STDIN:
            return [Input(stream, data)]
        return list(self._resizes.receive(data)) if stream is Stream.RESIZE else []

    def _reset(self, number: int) -> list[Event]:
        # Without its output or its input the command may go on, like one in a pipeline whose neighbour has ended.
        return [InputEnd(Stream.STDIN)] if self._streams.get(number) is Stream.STDIN else []

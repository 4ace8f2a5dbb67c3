"""Remote commands over WebSocket: each purpose has its channel, and all are there from the beginning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from websockets.frames import CloseCode

from firkin.cri.streaming.channels import ChannelData, ChannelEnd, Channels
from firkin.cri.streaming.command import Wanted, version
from firkin.cri.streaming.events import Event, Gone, Input, InputEnd, Ready, Stream
from firkin.cri.streaming.resize import ResizeReader
from firkin.cri.streaming.status import Status

if TYPE_CHECKING:
    from firkin.cri.streaming.limits import Limits

__all__ = ["WebsocketCommand"]


class WebsocketCommand:
    """A command's streams on a connection of WebSocket.

    `protocol` is one of `channel.k8s.io`, `v4.channel.k8s.io`, both with `base64.` before `channel`, and
    `v5.channel.k8s.io`, the only one that can end standard input.
    """

    def __init__(self, protocol: str, wanted: Wanted, limits: Limits) -> None:
        self._version = version(protocol)
        self._streams = wanted.streams()
        self._channels = Channels(protocol, limits)
        self._resizes = ResizeReader()
        self._input_is_open = wanted.stdin
        # An empty message on the first channel that is written to says that the connection stands.
        outputs = [stream for stream in (Stream.STDOUT, Stream.STDERR) if stream in self._streams]
        self._channels.send([*outputs, Stream.ERROR][0], b"")

    @property
    def is_over(self) -> bool:
        """Whether the client has closed the connection, as far as the protocol is concerned."""
        return self._channels.is_over

    def begin(self) -> list[Event]:
        """All streams are there from the beginning."""
        return [Ready()]

    def receive(self, data: bytes) -> list[Event]:
        """What the bytes say. Raises PeerError, with the farewell in the output."""
        events: list[Event] = []
        for event in self._channels.receive(data):
            events += self._take(event)
        return [*events, Gone()] if self._channels.is_over else events

    def take_output(self) -> list[bytes]:
        """The bytes to be sent since the last call."""
        return self._channels.take_output()

    def send(self, stream: Stream, data: bytes) -> None:
        """Send what the command wrote."""
        self._channels.send(stream, data)

    def end(self, stream: Stream) -> None:
        """Nothing: a server does not end single channels."""

    def finish(self, status: Status) -> None:
        """Say how it ended, and that this is all."""
        self._say(status)
        self._channels.close()

    def leave(self, reason: str) -> None:
        """Say that firkin ends the connection, and why."""
        self._say(Status.failed(reason))
        self._channels.close(CloseCode.GOING_AWAY, reason)

    def _say(self, status: Status) -> None:
        if outcome := status.document() if self._version >= 4 else status.text():
            self._channels.send(Stream.ERROR, outcome)

    def _take(self, event: ChannelData | ChannelEnd) -> list[Event]:
        match event:
            case ChannelData(Stream.STDIN, data) if data and self._input_is_open:
                return [Input(Stream.STDIN, data)]
            case ChannelData(Stream.RESIZE, data):
                return list(self._resizes.receive(data))
            case ChannelEnd(Stream.STDIN) if self._input_is_open:
                self._input_is_open = False
                return [InputEnd(Stream.STDIN)]
            case _:
                # The channels of a client may be more than those that were asked for.
                return []

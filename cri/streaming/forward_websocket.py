"""Port-forwarding over WebSocket, in its two forms: channels, and SPDY in a tunnel (KEP-4006)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from websockets.frames import CloseCode

from firkin.cri.streaming.channels import ChannelData, Channels
from firkin.cri.streaming.events import Event, Gone, Input, Opened
from firkin.cri.streaming.forward_spdy import SpdyForward
from firkin.cri.streaming.peer_error import PeerError
from firkin.cri.streaming.websocket import Message, Messages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from firkin.cri.streaming.limits import Limits

__all__ = ["MOST_PORTS", "ChannelForward", "TunnelledForward"]

MOST_PORTS = 39
"""Ports that have channels: two each, and the last digit of base64 protocols must be ASCII."""

_PORT = struct.Struct("<H")


class ChannelForward:
    """One connection for each port, all from the beginning: channel 2i has the bytes of the i-th, 2i + 1 its error.

    The first message on each channel is the port as 16 bits, the lowest first.
    """

    has_ends = False

    def __init__(self, protocol: str, ports: Sequence[int], limits: Limits) -> None:
        self._channels = Channels(protocol, limits)
        self._ports = tuple(ports)
        self._open = set(range(len(self._ports)))
        for index, port in enumerate(self._ports):
            self._channels.send(2 * index, _PORT.pack(port))
            self._channels.send(2 * index + 1, _PORT.pack(port))

    @property
    def is_over(self) -> bool:
        """Whether the client has closed the connection, as far as the protocol is concerned."""
        return self._channels.is_over

    def begin(self) -> list[Event]:
        """All connections are asked for from the beginning."""
        return [Opened(index, port) for index, port in enumerate(self._ports)]

    def receive(self, data: bytes) -> list[Event]:
        """What the bytes say. Raises PeerError, with the farewell in the output."""
        events: list[Event] = []
        for event in self._channels.receive(data):
            if isinstance(event, ChannelData) and event.data and not event.channel % 2:
                events += [Input(event.channel // 2, event.data)] if event.channel // 2 in self._open else []
        return [*events, Gone()] if self._channels.is_over else events

    def take_output(self) -> list[bytes]:
        """The bytes to be sent since the last call."""
        return self._channels.take_output()

    def send(self, stream: int, data: bytes) -> None:
        """Send what came from the port."""
        self._channels.send(2 * stream, data)

    def end(self, stream: int) -> None:
        """The port sends no more, which the client can not be told."""

    def close(self, stream: int) -> None:
        """The connection is over, in good order."""
        self._open.discard(stream)
        if not self._open:
            self._channels.close()

    def fail(self, stream: int, reason: str) -> None:
        """The connection was not made, or broke."""
        self._channels.send(2 * stream + 1, reason.encode())
        self.close(stream)

    def expire(self, stream: int) -> None:
        """Nothing: no connection comes in halves."""

    def leave(self, reason: str) -> None:
        """Say that firkin ends the connection, and why."""
        self._channels.close(CloseCode.GOING_AWAY, reason)


class TunnelledForward(SpdyForward):
    """A SPDY session whose bytes are binary messages of WebSocket (`SPDY/3.1+portforward.k8s.io`)."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._messages = Messages(limits)

    @property
    def is_over(self) -> bool:
        """Whether the client has closed the connection, as far as one of the protocols is concerned."""
        return super().is_over or self._messages.is_over

    def receive(self, data: bytes) -> list[Event]:
        """What the bytes say. Raises PeerError, with the farewell in the output."""
        events: list[Event] = []
        for message in self._messages.receive(data):
            try:
                events += super().receive(_binary(message))
            except PeerError as error:
                self._pack()
                self._messages.close(CloseCode.PROTOCOL_ERROR, str(error))
                raise
        return [*events, Gone()] if self._messages.is_over else events

    def take_output(self) -> list[bytes]:
        """The bytes to be sent since the last call."""
        self._pack()
        return self._messages.take_output()

    def leave(self, reason: str) -> None:
        """Say that firkin ends the connection, and why."""
        super().leave(reason)
        self._pack()
        self._messages.close(CloseCode.GOING_AWAY, reason)

    def _pack(self) -> None:
        if output := super().take_output():
            self._messages.send(Message(b"".join(output)))


def _binary(message: Message) -> bytes:
    if message.is_text:
        raise PeerError("a message of text in a tunnel")
    return message.data

"""Channels within a connection of WebSocket: each message begins with the number of its channel.

In the binary protocols that is a byte, in the base64 ones the digit that stands for it (a channel above 9 goes on in
ASCII), followed by the data in base64. From v5 on, 255 and a number say that no more comes on that channel.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, NamedTuple

from websockets.frames import CloseCode

from firkin.cri.streaming.peer_error import PeerError
from firkin.cri.streaming.websocket import Message, Messages

if TYPE_CHECKING:
    from firkin.cri.streaming.limits import Limits

__all__ = ["ChannelData", "ChannelEnd", "Channels"]

_CLOSE = 255
_ZERO = ord("0")


class ChannelData(NamedTuple):
    """Bytes on a channel, perhaps none."""

    channel: int
    data: bytes


class ChannelEnd(NamedTuple):
    """The peer sends no more on a channel."""

    channel: int


class Channels:
    """The channels of one connection, by a protocol such as `v4.base64.channel.k8s.io`."""

    def __init__(self, protocol: str, limits: Limits) -> None:
        self._messages = Messages(limits)
        self._is_base64 = "base64." in protocol
        self._has_ends = protocol == "v5.channel.k8s.io"

    @property
    def is_over(self) -> bool:
        """Whether the peer has said that it is done, or is not listened to any more."""
        return self._messages.is_over

    def receive(self, data: bytes) -> list[ChannelData | ChannelEnd]:
        """What came on the channels. Raises PeerError, with the farewell in the output."""
        try:
            return [self._decode(message.data) for message in self._messages.receive(data) if message.data]
        except PeerError as error:
            self.close(CloseCode.PROTOCOL_ERROR, str(error))
            raise

    def send(self, channel: int, data: bytes) -> None:
        """Send bytes on a channel."""
        if self._is_base64:
            self._messages.send(Message(bytes([_ZERO + channel]) + base64.b64encode(data), is_text=True))
        else:
            self._messages.send(Message(bytes([channel]) + data))

    def close(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """End the connection."""
        self._messages.close(code, reason)

    def take_output(self) -> list[bytes]:
        """The bytes to be sent since the last call."""
        return self._messages.take_output()

    def _decode(self, data: bytes) -> ChannelData | ChannelEnd:
        if self._has_ends and data[0] == _CLOSE:
            if len(data) != 2:
                raise PeerError("the end of a channel without its number")
            return ChannelEnd(data[1])
        if not self._is_base64:
            return ChannelData(data[0], data[1:])
        try:
            return ChannelData(data[0] - _ZERO, base64.b64decode(data[1:], validate=True))
        except binascii.Error as error:
            raise PeerError(f"a message is not base64: {error}") from error

"""Messages of WebSocket (RFC 6455), framed by the library `websockets`, without input and output."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from websockets.exceptions import PayloadTooBig
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from firkin.cri.streaming.peer_error import PeerError

if TYPE_CHECKING:
    from firkin.cri.streaming.limits import Limits

__all__ = ["SILENT", "Message", "Messages"]

SILENT = logging.Logger("websockets", logging.CRITICAL + 1)
"""For the library, which tells of each connection that ends, and of each fault of a peer with a traceback."""


class Message(NamedTuple):
    """A whole message; of one of text, `data` is its UTF-8."""

    data: bytes
    is_text: bool = False


class Messages:
    """A connection behind its opening handshake, which `negotiate` does."""

    def __init__(self, limits: Limits) -> None:
        self._protocol = ServerProtocol(state=OPEN, max_size=limits.message, logger=SILENT)
        # One buffer: as objects of their own, small fragments would take a multiple of the message's size.
        self._message = bytearray()
        self._is_text = False

    @property
    def is_over(self) -> bool:
        """Whether the peer has said that it is done, or is not listened to any more."""
        return self._protocol.close_rcvd is not None or self._protocol.parser_exc is not None

    def receive(self, data: bytes) -> list[Message]:
        """The messages that the bytes complete; pings are answered. Raises PeerError, the farewell in the output."""
        self._protocol.receive_data(data)
        messages = [message for event in self._protocol.events_received() if (message := self._assemble(event))]
        if self._protocol.parser_exc is not None:
            raise PeerError(_reason(self._protocol.parser_exc))
        return messages

    def send(self, message: Message) -> None:
        """Send a message; nothing once the connection is being closed."""
        if self._protocol.state is OPEN:
            send = self._protocol.send_text if message.is_text else self._protocol.send_binary
            send(message.data)

    def close(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """Say that this is the end; what the peer sends until it agrees is taken no notice of."""
        if self._protocol.state is OPEN:
            # A control frame has room for 125 bytes, the code included.
            self._protocol.send_close(code, reason.encode()[:120].decode(errors="ignore"))

    def take_output(self) -> list[bytes]:
        """The bytes to be sent since the last call."""
        # The library marks with an empty one where the socket may be closed, for which `is_over` stands.
        return [data for data in self._protocol.data_to_send() if data]

    def _assemble(self, frame: object) -> Message | None:
        if not isinstance(frame, Frame) or frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            return None
        if frame.opcode is not Opcode.CONT:
            self._is_text = frame.opcode is Opcode.TEXT
        self._message += frame.data
        if not frame.fin:
            return None
        data = bytes(self._message)
        self._message.clear()
        return Message(data, self._is_text)


def _reason(error: Exception) -> str:
    if isinstance(error, PayloadTooBig):
        return f"a message is too big: {error}"
    return str(error)

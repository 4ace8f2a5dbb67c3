"""Bytes to frames."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from firkin.cri.streaming.peer_error import PeerError
from firkin.cri.streaming.spdy.fields import Inflater
from firkin.cri.streaming.spdy.frames import (
    FIN,
    HEADER,
    VERSION,
    Data,
    Frame,
    GoAway,
    Headers,
    Kind,
    Ping,
    RstStream,
    Settings,
    SynReply,
    SynStream,
    WindowUpdate,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from firkin.cri.streaming.limits import Limits

__all__ = ["FrameReader"]

_WORD = struct.Struct(">I")
_TWO_WORDS = struct.Struct(">II")
_STREAM = 0x7FFFFFFF
_LENGTH = 0xFFFFFF
# Stream, associated stream, priority, slot of the credentials.
_SYN_STREAM = struct.Struct(">IIBB")


class FrameReader:
    """Takes bytes as they come and gives the frames that they complete.

    Of data frames the pieces are given as they come, so that what is kept is at most one control frame.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._inflater = Inflater(limits)
        self._buffer = bytearray()
        self._data: tuple[int, int, bool] | None = None
        self._parsers: dict[int, Callable[[bytes, bool], Frame]] = {
            Kind.SYN_STREAM: self._syn_stream,
            Kind.SYN_REPLY: self._syn_reply,
            Kind.HEADERS: self._headers,
            Kind.RST_STREAM: lambda payload, fin: RstStream(*_stream_and_word(payload)),
            Kind.SETTINGS: _settings,
            Kind.PING: _ping,
            Kind.GOAWAY: lambda payload, fin: GoAway(*_stream_and_word(payload)),
            Kind.WINDOW_UPDATE: lambda payload, fin: WindowUpdate(*_stream_and_word(payload)),
        }

    def receive(self, data: bytes) -> Iterator[Frame]:
        """The frames, or pieces of data frames, that are complete now. Raises PeerError behind those before a fault."""
        self._buffer += data
        place = 0
        try:
            while (step := self._step(place)) is not None:
                place, frame = step
                if frame is not None:
                    yield frame
        finally:
            del self._buffer[:place]

    def _step(self, place: int) -> tuple[int, Frame | None] | None:
        """Reads on at `place`: where the next step is, and a frame if there was one; None if there is too little."""
        if self._data is not None:
            return self._piece(place)
        if len(self._buffer) - place < HEADER.size:
            return None
        word, flags_length = HEADER.unpack_from(self._buffer, place)
        if word & ~_STREAM:
            return self._control(place, word, flags_length)
        if word == 0:
            raise PeerError("data on stream 0")
        self._data = word, flags_length & _LENGTH, bool(flags_length >> 24 & FIN)
        return place + HEADER.size, None

    def _piece(self, place: int) -> tuple[int, Frame] | None:
        assert self._data is not None
        stream, length, fin = self._data
        piece = bytes(self._buffer[place : place + length])
        if not piece and length:
            return None
        length -= len(piece)
        self._data = (stream, length, fin) if length else None
        return place + len(piece), Data(stream, piece, fin and not length)

    def _control(self, place: int, word: int, flags_length: int) -> tuple[int, Frame | None] | None:
        length = flags_length & _LENGTH
        if word >> 16 & 0x7FFF != VERSION:
            raise PeerError(f"a frame of SPDY/{word >> 16 & 0x7FFF}")
        if length > self._limits.control:
            raise PeerError(f"a control frame of {length} bytes, which is more than {self._limits.control}")
        start = place + HEADER.size
        if len(self._buffer) - start < length:
            return None
        payload = bytes(self._buffer[start : start + length])
        # "must ignore" (section 2.2.1) is for types; of those that are known, none may be malformed.
        parse = self._parsers.get(word & 0xFFFF)
        return start + length, parse(payload, bool(flags_length >> 24 & FIN)) if parse else None

    def _syn_stream(self, payload: bytes, fin: bool) -> SynStream:
        if len(payload) < _SYN_STREAM.size:
            raise PeerError("SYN_STREAM is cut short")
        stream = _SYN_STREAM.unpack_from(payload)[0] & _STREAM
        return SynStream(_named(stream), self._inflater.fields(payload[_SYN_STREAM.size :]), fin)

    def _syn_reply(self, payload: bytes, fin: bool) -> SynReply:
        return SynReply(_stream(payload), self._inflater.fields(payload[_WORD.size :]), fin)

    def _headers(self, payload: bytes, fin: bool) -> Headers:
        return Headers(_stream(payload), self._inflater.fields(payload[_WORD.size :]), fin)


def _settings(payload: bytes, _fin: bool) -> Settings:
    body = payload[_WORD.size :]
    if len(payload) < _WORD.size or _WORD.unpack_from(payload)[0] * _TWO_WORDS.size != len(body):
        raise PeerError("SETTINGS of another length than it says")
    return Settings(tuple((key & _LENGTH, value) for key, value in _TWO_WORDS.iter_unpack(body)))


def _ping(payload: bytes, _fin: bool) -> Ping:
    if len(payload) != _WORD.size:
        raise PeerError("PING is not of 4 bytes")
    return Ping(_WORD.unpack(payload)[0])


def _stream(payload: bytes) -> int:
    if len(payload) < _WORD.size:
        raise PeerError("a control frame is cut short")
    return _named(int(_WORD.unpack_from(payload)[0]) & _STREAM)


def _named(stream: int) -> int:
    if stream == 0:
        raise PeerError("a control frame for stream 0")
    return stream


def _stream_and_word(payload: bytes) -> tuple[int, int]:
    if len(payload) != _TWO_WORDS.size:
        raise PeerError("a control frame is not of 8 bytes")
    stream, word = _TWO_WORDS.unpack(payload)
    return stream & _STREAM, word

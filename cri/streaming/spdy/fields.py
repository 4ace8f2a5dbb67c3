"""Blocks of header fields, compressed (SPDY/3 draft, section 2.6.10).

Each direction of a connection is one stream of zlib, flushed behind each block: a block that is not inflated spoils
all that follow, so that those of refused streams are read like the others.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from firkin.cri.streaming.peer_error import PeerError
from firkin.cri.streaming.spdy.dictionary import DICTIONARY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from firkin.cri.streaming.limits import Limits

__all__ = ["Deflater", "Inflater"]

_LENGTH = struct.Struct(">I")


class Deflater:
    """Makes the blocks of one direction."""

    def __init__(self) -> None:
        # A window of 2 KiB holds the dictionary; the default would cost 256 KiB for each connection.
        self._zlib = zlib.compressobj(wbits=11, memLevel=4, zdict=DICTIONARY)

    def block(self, fields: Mapping[str, str]) -> bytes:
        """The block of `fields`, whose names are in lower case; it must be sent, and in its turn."""
        plain = _LENGTH.pack(len(fields)) + b"".join(_sized(name) + _sized(value) for name, value in fields.items())
        return self._zlib.compress(plain) + self._zlib.flush(zlib.Z_SYNC_FLUSH)


class Inflater:
    """Reads the blocks of one direction."""

    def __init__(self, limits: Limits) -> None:
        self._zlib = zlib.decompressobj(zdict=DICTIONARY)
        self._limits = limits

    def fields(self, block: bytes) -> dict[str, str]:
        """The fields of a block. Raises PeerError for what is none, or inflates beyond the limit."""
        try:
            plain = self._zlib.decompress(block, self._limits.inflated + 1)
        except zlib.error as error:
            raise PeerError(f"header fields can not be inflated: {error}") from error
        if len(plain) > self._limits.inflated or self._zlib.unconsumed_tail:
            raise PeerError(f"header fields inflate to more than {self._limits.inflated} bytes")
        if self._zlib.eof:
            raise PeerError("the peer ended the compression of header fields")
        return _parse(plain, self._limits.fields)


def _sized(text: str) -> bytes:
    data = text.encode("latin-1")
    return _LENGTH.pack(len(data)) + data


def _parse(plain: bytes, most: int) -> dict[str, str]:
    count, place = _number(plain, 0)
    if count > most:
        raise PeerError(f"more than {most} header fields")
    fields: dict[str, str] = {}
    for _ in range(count):
        name, place = _text(plain, place)
        value, place = _text(plain, place)
        if not name or name != name.lower() or name in fields:
            raise PeerError(f"header field {name[:80]!r} is without name, not in lower case, or there twice")
        fields[name] = value
    if place != len(plain):
        raise PeerError("header fields are followed by more")
    return fields


def _text(plain: bytes, place: int) -> tuple[str, int]:
    length, place = _number(plain, place)
    end = place + length
    if end > len(plain):
        raise PeerError("a header field ends beyond its block")
    return plain[place:end].decode("latin-1"), end


def _number(plain: bytes, place: int) -> tuple[int, int]:
    if place + _LENGTH.size > len(plain):
        raise PeerError("a block of header fields is cut short")
    (number,) = _LENGTH.unpack_from(plain, place)
    return number, place + _LENGTH.size

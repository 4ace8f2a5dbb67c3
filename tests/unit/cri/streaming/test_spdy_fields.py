"""Compressed header fields."""

from __future__ import annotations

import struct
import zlib

import pytest

from firkin.cri.streaming.limits import Limits
from firkin.cri.streaming.peer_error import PeerError
from firkin.cri.streaming.spdy.dictionary import DICTIONARY
from firkin.cri.streaming.spdy.fields import Deflater, Inflater

LIMITS = Limits(inflated=2000, fields=20)
FIELDS = {"streamtype": "error", "port": "8080", "requestid": "0", "empty": "", "latin": "ä"}


class Plain:
    """Compresses what is no block of fields."""

    def __init__(self) -> None:
        self._zlib = zlib.compressobj(9, zdict=DICTIONARY)

    def block(self, plain: bytes, mode: int = zlib.Z_SYNC_FLUSH) -> bytes:
        return self._zlib.compress(plain) + self._zlib.flush(mode)


def fields(*pairs: tuple[bytes, bytes]) -> bytes:
    sized = (struct.pack(">I", len(part)) + part for pair in pairs for part in pair)
    return struct.pack(">I", len(pairs)) + b"".join(sized)


def test_the_dictionary_is_that_of_the_specification() -> None:
    assert (len(DICTIONARY), zlib.adler32(DICTIONARY)) == (1423, 0xE3C6A7C2)


def test_blocks_share_what_was_said_before() -> None:
    deflater, inflater = Deflater(), Inflater(LIMITS)
    first, second = deflater.block(FIELDS), deflater.block(FIELDS)
    assert len(second) < len(first)
    assert inflater.fields(first) == inflater.fields(second) == FIELDS
    assert inflater.fields(deflater.block({})) == {}


def test_a_block_that_was_left_out_spoils_the_next() -> None:
    deflater = Deflater()
    deflater.block(FIELDS)
    with pytest.raises(PeerError, match="can not be inflated"):
        Inflater(LIMITS).fields(deflater.block(FIELDS))


@pytest.mark.parametrize(
    ("plain", "reason"),
    [
        (b"", "cut short"),
        (b"\0\0\0", "cut short"),
        (fields((b"a", b"b"))[:-1], "beyond its block"),
        (fields((b"a", b"b")) + b"x", "followed by more"),
        (struct.pack(">I", 20) + fields((b"a", b"b"))[4:], "cut short"),
        (struct.pack(">II", 1, 0xFFFFFFFF), "beyond its block"),
        (fields((b"a", b"b"), (b"a", b"c")), "twice"),
        (fields((b"", b"b")), "without name"),
        (fields((b"streamType", b"b")), "lower case"),
        (fields(*((b"%d" % index, b"") for index in range(21))), "more than 20 header fields"),
        (struct.pack(">I", 0xFFFFFFFF), "more than 20 header fields"),
    ],
)
def test_what_is_no_block_is_refused(plain: bytes, reason: str) -> None:
    with pytest.raises(PeerError, match=reason):
        Inflater(LIMITS).fields(Plain().block(plain))


def test_what_is_not_compressed_is_refused() -> None:
    for block in (b"", b"\x00", b"\xff" * 100, zlib.compress(b"\0\0\0\0")):
        with pytest.raises(PeerError):
            Inflater(LIMITS).fields(block)


def test_an_inflated_block_has_a_greatest_length() -> None:
    room = LIMITS.inflated - len(fields((b"a", b"")))
    assert Inflater(LIMITS).fields(Plain().block(fields((b"a", b"x" * room))))
    with pytest.raises(PeerError, match="more than 2000"):
        Inflater(LIMITS).fields(Plain().block(fields((b"a", b"x" * (room + 1)))))
    bomb = Plain().block(fields((b"a", b"x" * (100 << 20))))
    assert len(bomb) < 200_000
    with pytest.raises(PeerError, match="more than 2000"):
        Inflater(LIMITS).fields(bomb)


def test_the_end_of_the_compression_is_refused() -> None:
    with pytest.raises(PeerError, match="ended the compression"):
        Inflater(LIMITS).fields(Plain().block(fields((b"a", b"b")), zlib.Z_FINISH))

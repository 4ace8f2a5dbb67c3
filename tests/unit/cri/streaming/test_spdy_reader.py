"""Frames of SPDY."""

from __future__ import annotations

import struct

import pytest

from firkin.cri.streaming.limits import Limits
from firkin.cri.streaming.peer_error import PeerError
from firkin.cri.streaming.spdy.fields import Deflater
from firkin.cri.streaming.spdy.frames import (
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
    control_bytes,
    data_bytes,
)
from firkin.cri.streaming.spdy.reader import FrameReader

LIMITS = Limits(control=200)
FIELDS = {"streamtype": "stdin"}


def words(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}I", *numbers)


def example() -> tuple[bytes, list[Frame]]:
    """One frame of each kind, and what they mean."""
    deflater = Deflater()
    syn_stream = control_bytes(Kind.SYN_STREAM, words(1, 0) + b"\x40\0" + deflater.block(FIELDS))
    frames: list[tuple[bytes, Frame]] = [
        (syn_stream, SynStream(1, FIELDS)),
        (control_bytes(Kind.SYN_REPLY, words(1) + deflater.block({}), fin=True), SynReply(1, {}, fin=True)),
        (control_bytes(Kind.HEADERS, words(0x80000003) + deflater.block(FIELDS)), Headers(3, FIELDS)),
        (control_bytes(Kind.RST_STREAM, words(1, 5)), RstStream(1, 5)),
        (control_bytes(Kind.SETTINGS, words(2, 0x01000007, 65536, 4, 100)), Settings(((7, 65536), (4, 100)))),
        (control_bytes(Kind.PING, words(7)), Ping(7)),
        (control_bytes(Kind.GOAWAY, words(5, 2)), GoAway(5, 2)),
        (control_bytes(Kind.WINDOW_UPDATE, words(3, 1000)), WindowUpdate(3, 1000)),
        (data_bytes(1, b"bytes"), Data(1, b"bytes")),
        (data_bytes(1, b"", fin=True), Data(1, b"", fin=True)),
        (data_bytes(3, b"last", fin=True), Data(3, b"last", fin=True)),
    ]
    return b"".join(data for data, _ in frames), [frame for _, frame in frames]


def joined(frames: list[Frame]) -> list[Frame]:
    """With the pieces of each data frame put together."""
    result: list[Frame] = []
    for frame in frames:
        last = result[-1] if result else None
        if isinstance(frame, Data) and isinstance(last, Data) and last.stream == frame.stream and not last.fin:
            result[-1] = Data(last.stream, last.data + frame.data, frame.fin)
        else:
            result.append(frame)
    return result


def test_frames_of_all_kinds() -> None:
    data, frames = example()
    assert list(FrameReader(LIMITS).receive(data)) == frames


@pytest.mark.parametrize("size", [1, 2, 7, 8, 9, 13])
def test_in_pieces(size: int) -> None:
    data, frames = example()
    reader = FrameReader(LIMITS)
    found = [frame for start in range(0, len(data), size) for frame in reader.receive(data[start : start + size])]
    # An empty data frame without an end says nothing, and the example's two of stream 1 run together.
    assert joined(found) == joined(frames)


def test_with_a_piece_of_the_next_frame_behind() -> None:
    reader = FrameReader(LIMITS)
    assert list(reader.receive(data_bytes(1, b"a") + data_bytes(1, b"bcd")[:10])) == [Data(1, b"a"), Data(1, b"bc")]
    assert list(reader.receive(data_bytes(1, b"bcd")[10:])) == [Data(1, b"d")]


def test_of_data_nothing_is_kept() -> None:
    reader = FrameReader(LIMITS)
    head = data_bytes(1, b"")[:4] + words((1 << 24) - 1)
    assert list(reader.receive(head)) == []
    for _ in range(100):
        assert list(reader.receive(b"x" * 1000)) == [Data(1, b"x" * 1000)]


def test_frames_of_unknown_kinds_are_passed_over() -> None:
    unknown = words(0x80030000 | 10, 4, 1) + words(0x8003FFFF, 0)
    assert list(FrameReader(LIMITS).receive(unknown + data_bytes(1, b"a"))) == [Data(1, b"a")]


def test_a_control_frame_has_a_greatest_length() -> None:
    reader = FrameReader(LIMITS)
    assert list(reader.receive(words(0x80030000 | 99, LIMITS.control) + bytes(LIMITS.control))) == []
    with pytest.raises(PeerError, match="201 bytes, which is more than 200"):
        list(reader.receive(words(0x80030000 | 99, LIMITS.control + 1)))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (words(0x80020001, 0), "SPDY/2"),
        (b"GET / HTTP/1.1\r\n\r\n"[:8].replace(b"G", b"\xc7"), "SPDY/"),
        (words(0, 0), "data on stream 0"),
        (control_bytes(Kind.SYN_STREAM, bytes(9)), "cut short"),
        (control_bytes(Kind.SYN_STREAM, bytes(10)), "stream 0"),
        (control_bytes(Kind.SYN_REPLY, bytes(3)), "cut short"),
        (control_bytes(Kind.SYN_REPLY, words(0x80000000)), "stream 0"),
        (control_bytes(Kind.HEADERS, b""), "cut short"),
        (control_bytes(Kind.RST_STREAM, bytes(7)), "8 bytes"),
        (control_bytes(Kind.RST_STREAM, bytes(9)), "8 bytes"),
        (control_bytes(Kind.GOAWAY, bytes(4)), "8 bytes"),
        (control_bytes(Kind.WINDOW_UPDATE, bytes(4)), "8 bytes"),
        (control_bytes(Kind.PING, bytes(5)), "4 bytes"),
        (control_bytes(Kind.SETTINGS, b""), "another length"),
        (control_bytes(Kind.SETTINGS, words(2, 1, 1)), "another length"),
        (control_bytes(Kind.SETTINGS, words(0xFFFFFFFF)), "another length"),
    ],
)
def test_what_is_no_frame_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(PeerError, match=reason):
        list(FrameReader(LIMITS).receive(data))

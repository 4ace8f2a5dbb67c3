"""The frames of SPDY/3.1, as values and as bytes (SPDY/3 draft, sections 2.2 and 2.6).

control |1| version 3 (15) | type (16) |        data |0| stream (31) |
        | flags (8) | length (24) | payload          | flags (8) | length (24) | payload
"""

from __future__ import annotations

import enum
import struct
from typing import NamedTuple

__all__ = [
    "FIN", "HEADER", "MOST_DATA", "Data", "Frame", "GoAway", "GoAwayStatus", "Headers", "Kind", "Ping", "ResetStatus",
    "RstStream", "Settings", "SynReply", "SynStream", "WindowUpdate", "control_bytes", "data_bytes",
]  # fmt: skip

VERSION = 3
FIN = 0x01
"""The flag of a frame that is the sender's last one on its stream."""
HEADER = struct.Struct(">II")
MOST_DATA = (1 << 24) - 1
"""Bytes that one frame can carry."""


class Kind(enum.IntEnum):
    """The types of control frames. 10, CREDENTIAL, is ignored like those that are unknown."""

    SYN_STREAM = 1
    SYN_REPLY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PING = 6
    GOAWAY = 7
    HEADERS = 8
    WINDOW_UPDATE = 9


class ResetStatus(enum.IntEnum):
    """Why a stream is reset; of those that there are, the ones that are sent."""

    PROTOCOL_ERROR = 1
    REFUSED_STREAM = 3
    CANCEL = 5
    STREAM_IN_USE = 8


class GoAwayStatus(enum.IntEnum):
    """Why a session ends."""

    OK = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2


class SynStream(NamedTuple):
    """The sender opens a stream."""

    stream: int
    fields: dict[str, str]
    fin: bool = False


class SynReply(NamedTuple):
    """The sender accepts a stream."""

    stream: int
    fields: dict[str, str]
    fin: bool = False


class Headers(NamedTuple):
    """More header fields of a stream."""

    stream: int
    fields: dict[str, str]
    fin: bool = False


class Data(NamedTuple):
    """Bytes on a stream; a frame that is read in pieces is many of these, with `fin` on the last."""

    stream: int
    data: bytes
    fin: bool = False


class RstStream(NamedTuple):
    """The sender gives a stream up, in both directions."""

    stream: int
    status: int


class Ping(NamedTuple):
    """To be sent back if the sender has made `number`."""

    number: int


class GoAway(NamedTuple):
    """The sender opens no stream any more and accepts none beyond `last`."""

    last: int
    status: int


class Settings(NamedTuple):
    """Wishes of the sender, each with its number and value."""

    values: tuple[tuple[int, int], ...]


class WindowUpdate(NamedTuple):
    """The sender has room for more bytes on a stream."""

    stream: int
    delta: int


Frame = SynStream | SynReply | Headers | Data | RstStream | Ping | GoAway | Settings | WindowUpdate


def control_bytes(kind: Kind, payload: bytes, *, fin: bool = False) -> bytes:
    """A control frame."""
    return HEADER.pack(0x80000000 | VERSION << 16 | kind, (FIN if fin else 0) << 24 | len(payload)) + payload


def data_bytes(stream: int, data: bytes, *, fin: bool = False) -> bytes:
    """A data frame; `data` has at most MOST_DATA bytes."""
    return HEADER.pack(stream, (FIN if fin else 0) << 24 | len(data)) + data

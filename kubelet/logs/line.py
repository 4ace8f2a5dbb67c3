"""One line of a log: TIMESTAMP STREAM TAGS CONTENT (the log format of CRI)."""

from __future__ import annotations

from calendar import timegm
from datetime import datetime
from typing import NamedTuple

__all__ = ["Line", "nanoseconds", "parse_line"]


class Line(NamedTuple):
    """`content` ends with a line feed unless the program's line goes on in the next one."""

    timestamp: bytes
    stream: bytes
    content: bytes


def parse_line(raw: bytes) -> Line | None:
    """The line, with its line feed; None for what is none."""
    parts = raw.split(b" ", 3)
    if len(parts) < 4 or parts[1] not in (b"stdout", b"stderr"):
        return None
    timestamp, stream, tags, content = parts
    if tags.partition(b":")[0] == b"P":
        content = content.removesuffix(b"\n")
    return Line(timestamp, stream, content)


def nanoseconds(timestamp: str) -> int:
    """A time of RFC 3339, with up to nine digits of a second, as nanoseconds since 1970. Raises ValueError."""
    head, dot, rest = timestamp.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))] if dot else ""
    if len(digits) > 9 or bool(dot) is not bool(digits) or "T" not in timestamp.upper():
        raise ValueError(f"{timestamp!r} is no time of RFC 3339")
    zone = rest[len(digits) :] if dot else ""
    time = datetime.fromisoformat((head + zone).upper())
    if time.tzinfo is None:
        raise ValueError(f"{timestamp!r} has no zone")
    return timegm(time.utctimetuple()) * 10**9 + int(digits.ljust(9, "0") if digits else 0)

"""What of a log is wanted (PodLogOptions of core/v1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from firkin.errors import UsageError
from firkin.kubelet.logs.line import nanoseconds

__all__ = ["LogOptions", "log_options"]

_TRUE, _FALSE = ("1", "t", "T", "TRUE", "true", "True"), ("0", "f", "F", "FALSE", "false", "False")
_STREAMS = {"All": None, "Stdout": b"stdout", "Stderr": b"stderr"}


@dataclass(frozen=True, slots=True)
class LogOptions:
    """Which lines: the last `tail` ones (None: all), none that is older than `since` nanoseconds since 1970, `limit`
    bytes at most, of one `stream` (None: of both), with their `timestamps`. `follow` goes on until the container ends;
    `previous` is the log of the container before.
    """

    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    tail: int | None = None
    since: int | None = None
    limit: int | None = None
    stream: bytes | None = None


def log_options(query: Mapping[str, str], now: float) -> LogOptions:
    """The options in the query of a URL; `now` is the time in seconds since 1970.

    Raises UsageError in the words of the API server.
    """
    if query.get("sinceSeconds") and query.get("sinceTime"):
        raise UsageError("at most one of `sinceTime` or `sinceSeconds` may be specified")
    stream = query.get("stream") or "All"
    if stream not in _STREAMS:
        raise UsageError(f'stream: Unsupported value: "{stream}": supported values: "All", "Stdout", "Stderr"')
    tail = _number(query, "tailLines", 0)
    if stream != "All" and tail is not None:
        raise UsageError("`tailLines` and specific `stream` are mutually exclusive for now")
    return LogOptions(
        follow=_flag(query, "follow"),
        previous=_flag(query, "previous"),
        timestamps=_flag(query, "timestamps"),
        tail=tail,
        since=_since(query, now),
        limit=_number(query, "limitBytes", 1),
        stream=_STREAMS[stream],
    )


def _since(query: Mapping[str, str], now: float) -> int | None:
    seconds = _number(query, "sinceSeconds", 1)
    if seconds is not None:
        return int((now - seconds) * 1e9)
    text = query.get("sinceTime", "")
    try:
        return nanoseconds(text) if text else None
    except ValueError:
        raise UsageError(f'parsing time "{text}": it is no time of RFC 3339') from None


def _flag(query: Mapping[str, str], name: str) -> bool:
    text = query.get(name, "")
    if text and text not in (*_TRUE, *_FALSE):
        raise UsageError(f"{name}: {text!r} is neither true nor false")
    return text in _TRUE


def _number(query: Mapping[str, str], name: str, least: int) -> int | None:
    text = query.get(name, "")
    if not text:
        return None
    try:
        number = int(text)
    except ValueError:
        raise UsageError(f"{name}: {text!r} is no whole number") from None
    if number < least:
        raise UsageError(f"{name}: Invalid value: {number}: must be greater than or equal to {least}")
    return number

"""How long ago something was, in the words of kubectl."""

from __future__ import annotations

from datetime import datetime

__all__ = ["age", "human_duration"]

_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 365 * 86400


def human_duration(seconds: float) -> str:
    """A duration in at most two units, the shorter the more exact (apimachinery, util/duration)."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    whole = max(whole, 0)
    if whole < 2 * _MINUTE:
        return f"{whole}s"
    if whole < 10 * _MINUTE:
        return _two(whole, _MINUTE, "m", 1, "s")
    if whole < 3 * _HOUR:
        return f"{whole // _MINUTE}m"
    if whole < 8 * _HOUR:
        return _two(whole, _HOUR, "h", _MINUTE, "m")
    if whole < 2 * _DAY:
        return f"{whole // _HOUR}h"
    if whole < 8 * _DAY:
        return _two(whole, _DAY, "d", _HOUR, "h")
    if whole < 2 * _YEAR:
        return f"{whole // _DAY}d"
    if whole < 8 * _YEAR:
        return _two(whole, _YEAR, "y", _DAY, "d")
    return f"{whole // _YEAR}y"


def age(since: datetime | None, now: datetime) -> str:
    """How long ago a time was; `<unknown>` if there is none."""
    return "<unknown>" if since is None else human_duration((now - since).total_seconds())


def _two(whole: int, large: int, name: str, small: int, other: str) -> str:
    count, rest = divmod(whole, large)
    return f"{count}{name}{rest // small}{other}" if rest // small else f"{count}{name}"

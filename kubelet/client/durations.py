"""Durations as Go writes them: 5s, 1h30m, 1.5h."""

from __future__ import annotations

import math
import re

from firkin.errors import UsageError

__all__ = ["seconds_of"]

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(h|ms|m|s|us|ns)")


def seconds_of(text: str) -> int:
    """Whole seconds, rounded up. Raises UsageError."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise UsageError(f"invalid duration {text!r}", hint="such as 5s, 2m or 3h")
    return math.ceil(sum(float(number) * _UNITS[unit] for number, unit in parts))

"""Quantities as people write them: sizes, times, percentages, lists of numbers.

All functions raise ValueError with the reason alone; who calls knows the file and adds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["format_list", "parse_list", "parse_percent", "parse_size", "parse_time"]

_NUMBER = r"\s*([0-9]+(?:\.[0-9]+)?)\s*"
_SIZE = re.compile(_NUMBER + r"([kmgtpe]?)(i?b?)\s*", re.IGNORECASE)
_TIME = re.compile(_NUMBER + r"(us|µs|usec|ms|msec|s|sec)?\s*")
_MICROSECONDS = {"us": 1, "µs": 1, "usec": 1, "ms": 1000, "msec": 1000, "s": 1_000_000, "sec": 1_000_000}
_MOST_NUMBERS = 1 << 16


def parse_size(text: str) -> int:
    """Bytes: `512m`, `1.5G`, `64KiB`, `4096`. The prefixes are powers of 1024, as the kernel has them."""
    match = _SIZE.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is not a size such as 4096, 512m or 1.5G")
    number, prefix, _ = match.groups()
    return _scaled(number, 1 << 10 * " kmgtpe".index(prefix.lower() or " "), "byte", text)


def parse_time(text: str) -> int:
    """Microseconds: `100ms`, `1.5s`, `20000`; without a unit they are microseconds."""
    match = _TIME.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is not a time such as 20000, 20ms or 1.5s")
    number, unit = match.groups()
    return _scaled(number, _MICROSECONDS[unit or "us"], "microsecond", text)


def _scaled(number: str, factor: int, unit: str, text: str) -> int:
    whole, _, fraction = number.partition(".")
    # Exact: a float has not enough digits for exbibytes.
    scale: int = 10 ** len(fraction)
    value, rest = divmod(int(whole + fraction) * factor, scale)
    if rest and factor == 1:
        raise ValueError(f"{text!r} is less than a {unit} exact")
    return value


def parse_percent(text: str) -> float:
    """0 to 100 with at most two digits after the point: `20`, `12.34`, `50%`."""
    match = re.fullmatch(r"\s*([0-9]{1,3}(?:\.[0-9]{1,2})?)\s*%?\s*", text)
    if not match or float(match[1]) > 100:
        raise ValueError(f"{text!r} is not a percentage from 0 to 100 with at most two decimals")
    return float(match[1])


def parse_list(text: str) -> frozenset[int]:
    """The numbers of a list such as `0-3,7` or `0-10:2/4` (of every 4 the first 2), as the kernel writes them."""
    found: set[int] = set()
    for part in text.strip().split(","):
        match = re.fullmatch(r"\s*([0-9]{1,6})(?:-([0-9]{1,6})(?::([0-9]{1,6})/([0-9]{1,6}))?)?\s*", part)
        if not match:
            if text.strip():
                raise ValueError(f"{text!r} is not a list such as 0-3,7")
            break
        first, last = int(match[1]), int(match[2] or match[1])
        used, group = int(match[3] or 1), int(match[4] or 1)
        if last < first or last >= _MOST_NUMBERS or not 0 < used <= group:
            raise ValueError(f"{part.strip()!r} is no range from low to high")
        found.update(number for number in range(first, last + 1) if (number - first) % group < used)
    return frozenset(found)


def format_list(numbers: Iterable[int]) -> str:
    """The kernel's form of a set of numbers: `0-3,7`, empty for none."""
    ranges: list[list[int]] = []
    for number in sorted(set(numbers)):
        if number < 0:
            raise ValueError(f"{number} is negative")
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in ranges)

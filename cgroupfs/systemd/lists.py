"""Lists of processors and memory nodes as systemd wants them: one bit each.

Source: cpuset(7), "List format"; org.freedesktop.systemd1(5), AllowedCPUs.
"""

from __future__ import annotations

from firkin.errors import CgroupValueError

__all__ = ["bitmask"]

# More than any kernel is built for; a list is not to fill the memory.
_MOST = 1 << 16


def bitmask(text: str) -> bytes:
    """The bits of a list such as `0-3,8`, the first in the lowest bit of the first byte; none for an empty list.

    Raises CgroupValueError for what is no such list.
    """
    mask = 0
    for part in text.strip().split(","):
        if part.strip() or "," in text:
            mask |= _bits(part.strip(), text)
    return mask.to_bytes((mask.bit_length() + 7) // 8, "little")


def _bits(part: str, text: str) -> int:
    low, dash, high = part.partition("-")
    high = high if dash else low
    if not (part.isascii() and low.isdecimal() and high.isdecimal() and len(part) < 40):
        raise _refused(text, f"{part[:40]!r} is neither a number nor a range")
    first, last = int(low), int(high)
    if first > last or last >= _MOST:
        raise _refused(text, f"{part!r} ends before it starts" if first > last else f"{last} is too large")
    return (1 << last + 1) - (1 << first)


def _refused(text: str, why: str) -> CgroupValueError:
    return CgroupValueError(f"list {text.strip()[:80]!r}: {why}", verb="read", value=text)

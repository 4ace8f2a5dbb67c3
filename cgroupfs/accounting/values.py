"""Numbers of the matrix that stand for something else.

The kernel's own numbers are at most `LARGEST`; larger ones in a file are taken as that.
"""

from __future__ import annotations

__all__ = ["ABSENT", "GONE", "LARGEST", "MISSING", "READ", "UNKEPT", "UNLIMITED", "known"]

ABSENT = (1 << 64) - 1
"""The cgroup has no such file, its file no such key, or it could not be read. Not the same as 0."""

UNLIMITED = (1 << 64) - 2
"""The file says `max`."""

LARGEST = (1 << 64) - 3
"""The largest number proper."""

READ = 0
"""State of a row that was read."""

GONE = 1
"""State of a row whose cgroup was removed: all of its numbers are absent."""

UNKEPT = -1
"""In place of a descriptor: to be opened in each pass."""

MISSING = -2
"""In place of a descriptor: the cgroup has no such file."""


def known(value: int) -> int | None:
    """A number of the matrix with None for `ABSENT`."""
    return None if value == ABSENT else value

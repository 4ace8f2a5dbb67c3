"""The processes that this one has started, whether they have ended or not."""

from __future__ import annotations

from pathlib import Path

__all__ = ["children"]


def children() -> set[int]:
    """The pids of those that nobody has waited for."""
    found: set[int] = set()
    for thread in Path("/proc/self/task").iterdir():
        try:
            found.update(map(int, (thread / "children").read_text().split()))
        except (FileNotFoundError, ProcessLookupError):
            # A thread that has ended: its children are another's now.
            continue
    return found

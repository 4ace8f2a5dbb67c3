"""Waiting for what no descriptor tells of, such as the command line of another process."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["SECONDS", "eventually"]

SECONDS = 180.0
"""What a busy machine, or one that is emulated, is given for something that must happen."""

_T = TypeVar("_T")


def eventually(look: Callable[[], _T], is_reached: Callable[[_T], object] = bool) -> _T:
    """What `look` sees as soon as that is what `is_reached` asks for; fails with what it saw last after `SECONDS`."""
    deadline = time.monotonic() + SECONDS
    while not is_reached(seen := look()):
        assert time.monotonic() < deadline, f"still {seen!r} after {SECONDS:.0f} s"
        # The two processors are for those who are waited for.
        time.sleep(0.01)
    return seen

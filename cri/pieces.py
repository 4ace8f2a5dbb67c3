"""Lists in messages that are not too large."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

__all__ = ["pieces"]

_T = TypeVar("_T")
_MOST = 500
"""Items of one message: what a client takes at once has a limit, of 16 MiB for the kubelet."""


def pieces(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """The items in their order, in pieces of at least one."""
    for start in range(0, len(items), _MOST):
        yield items[start : start + _MOST]

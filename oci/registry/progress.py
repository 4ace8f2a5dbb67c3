"""What is told of a transfer while it runs."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Progress", "silent"]


class Progress(Protocol):
    """Called as bytes of a blob come or go, at most once for each chunk.

    Parameters: `digest` names the blob; `done` of its `total` bytes are transferred or were there. `done` falls back
    where a transfer has to start again.
    """

    def __call__(self, digest: str, done: int, total: int) -> None: ...


def silent(digest: str, done: int, total: int) -> None:
    """Tells nobody."""

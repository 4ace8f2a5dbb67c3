"""Work on one thing at a time, to its end: who asked for it may give up, what was begun goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

__all__ = ["Turns"]

_T = TypeVar("_T")


class Turns:
    """Blocking work in threads, by key: what has the same key is done in the order in which it was asked for."""

    def __init__(self) -> None:
        self._last: dict[str, asyncio.Task[object]] = {}

    async def run(self, key: str, work: Callable[[], _T]) -> _T:
        """What `work` returns. If the caller is cancelled the work is done all the same, and nothing overtakes it."""
        before = self._last.get(key)
        task = asyncio.create_task(_after(before, work))
        self._last[key] = task
        task.add_done_callback(lambda done: self._forget(key, done))
        return await asyncio.shield(task)

    def _forget(self, key: str, task: asyncio.Task[object]) -> None:
        if self._last.get(key) is task:
            del self._last[key]
        if not task.cancelled():
            # Nobody may be there to hear of it any more.
            task.exception()


async def _after(before: asyncio.Task[object] | None, work: Callable[[], _T]) -> _T:
    if before:
        await asyncio.wait([before])
    return await asyncio.to_thread(work)

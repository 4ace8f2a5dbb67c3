"""Work on one thing at a time, to its end: who asked for it may give up, what was begun goes on.

Each piece of work has a thread of its own: a pool would be full of what hangs, such as a volume whose server is gone,
and would have to be waited for when the agent ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
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
    return await _in_thread(work)


async def _in_thread(work: Callable[[], _T]) -> _T:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[_T] = loop.create_future()

    def finish(result: _T | None, error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def body() -> None:
        result, error = None, None
        try:
            result = work()
        except BaseException as raised:
            error = raised
        # Once the loop is closed there is nobody to tell.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(finish, result, error)

    threading.Thread(target=body, name="volumes", daemon=True).start()
    return await done

"""Things that are done side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import TypeVar

__all__ = ["together"]

_T = TypeVar("_T")


async def together(work: Iterable[Coroutine[None, None, _T]], most: int = 1 << 20) -> list[_T]:
    """Do all of `work`, so much at once as `most` says, begun in its order; the results are in its order too.

    The first error ends the others, and is raised by itself, not in a group.
    """
    turns = asyncio.Semaphore(most)
    parts = list(work)

    async def one(part: Coroutine[None, None, _T]) -> _T:
        async with turns:
            return await part

    failed: BaseException | None = None
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(part)) for part in parts]
    except BaseExceptionGroup as errors:
        failed = _first(errors)
    finally:
        # What was ended before its turn has never begun.
        for part in parts:
            part.close()
    if failed is not None:
        raise failed
    return [task.result() for task in tasks]


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error

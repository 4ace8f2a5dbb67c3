"""Several transfers at once, as one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from firkin.errors import FirkinError

__all__ = ["side_by_side"]


async def side_by_side(jobs: Iterable[Callable[[], Coroutine[Any, Any, object]]], parallel: int) -> None:
    """Do all `jobs`, so many at once, begun in their order. The first that fails ends the others and is raised."""
    turns = asyncio.Semaphore(parallel)

    async def one(job: Callable[[], Coroutine[Any, Any, object]]) -> None:
        async with turns:
            await job()

    failed: BaseException | None = None
    try:
        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(one(job))
    except* (FirkinError, OSError) as errors:
        failed = errors.exceptions[0]
    if failed is not None:
        raise failed

"""Who wants to know of changes: subscriptions, and the memory of the last changes that watches go on from."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, NamedTuple, Self

from firkin.kubelet.api.meta import Resource
from firkin.kubelet.objects.errors import ExpiredError
from firkin.kubelet.objects.kinds import T

__all__ = ["ADDED", "DELETED", "MODIFIED", "Change", "History", "Subscription"]

ADDED = "ADDED"
MODIFIED = "MODIFIED"
DELETED = "DELETED"


class Change(NamedTuple, Generic[T]):
    """What happened to an object; of a deleted one, its last state."""

    type: str
    object: T


class Subscription(Generic[T]):
    """The changes of objects of some kinds, in their order: an asynchronous iterator for one consumer.

    Who is slow sees fewer changes, not older ones: of each object the last change alone is kept, so that no more is
    ever waiting than there are objects, and one that came and went meanwhile is never told of.
    """

    def __init__(self, begin: Iterable[Change[T]], on_close: Callable[[Subscription[T]], None]) -> None:
        self._pending: dict[str, Change[T]] = {}
        self._wake = asyncio.Event()
        self._closed = False
        self._on_close = on_close
        for change in begin:
            self.put(change)

    def put(self, change: Change[T]) -> None:
        """Tell of one more change."""
        uid = change.object.metadata.uid
        before = self._pending.pop(uid, None)
        if before is not None and before.type == ADDED:
            if change.type == DELETED:
                return
            change = Change(ADDED, change.object)
        self._pending[uid] = change
        self._wake.set()

    def take(self) -> list[Change[T]]:
        """All that waits, at once; empty if nothing does."""
        changes = list(self._pending.values())
        self._pending.clear()
        return changes

    def close(self) -> None:
        """End the iteration; what waits is dropped."""
        self._closed = True
        self._pending.clear()
        self._wake.set()
        self._on_close(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __aiter__(self) -> Self:
        return self

    async def wait(self) -> None:
        """Wait until something has changed, or it is closed."""
        while not self._pending and not self._closed:
            self._wake.clear()
            await self._wake.wait()

    async def __anext__(self) -> Change[T]:
        await self.wait()
        if not self._pending:
            raise StopAsyncIteration
        return self._pending.pop(next(iter(self._pending)))


class History:
    """The last changes of all objects, by version."""

    def __init__(self, version: int, limit: int = 2000) -> None:
        self._changes: deque[tuple[int, Change[Resource]]] = deque(maxlen=limit)
        self._first = version

    def add(self, version: int, change: Change[Resource]) -> None:
        """Remember one more; the oldest may be forgotten for it."""
        if len(self._changes) == self._changes.maxlen:
            self._first = self._changes[0][0]
        self._changes.append((version, change))

    def since(self, version: int) -> list[Change[Resource]]:
        """The changes after `version`. Raises ExpiredError if they are not known any more."""
        last = self._changes[-1][0] if self._changes else self._first
        if not self._first <= version <= last:
            raise ExpiredError(f"too old resource version: {version} ({self._first})")
        return [change for at, change in self._changes if at > version]

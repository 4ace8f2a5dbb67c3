"""Watching cgroups: what happens to them as events, for a loop that blocks, for asyncio, and for a loop of one's own.

    with Watch("work", recursive=True) as watch:
        for event in watch.wait(timeout=10):
            print(event)

    async for event in watch:
        ...

There is no thread, no polling and no sleep: the kernel wakes who waits.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Self

from firkin.cgroupfs.events import inotify
from firkin.cgroupfs.events.armed import Armed
from firkin.cgroupfs.events.event import Event
from firkin.cgroupfs.events.forest import Forest
from firkin.cgroupfs.events.member import PARTITION
from firkin.cgroupfs.events.trigger import Trigger
from firkin.cgroupfs.handle import Handle
from firkin.cgroupfs.tree import Cgroup
from firkin.errors import UsageError

if TYPE_CHECKING:
    import asyncio

__all__ = ["FILES", "Watch"]

FILES = ("*.events", "*.events.local", PARTITION)
"""All files whose changes the kernel tells: shell patterns of names."""


class Watch:
    """A watch over cgroups. Close it, or use it as a context manager.

    Parameters: `groups`, `files`, `recursive` and `triggers` as for `add`.
    Raises as `add`, and CgroupLimitError if the user has too many inotify instances.
    """

    def __init__(
        self,
        *groups: str | Handle,
        files: Sequence[str] = FILES,
        recursive: bool = False,
        triggers: Iterable[Trigger | str] = (),
    ) -> None:
        self._events: deque[Event] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._armed = Armed(self._events.append)
        self._forest = Forest(self._events.append, self._armed.drop)
        self._armed.begin(self._forest.inotify.fileno())
        triggers = tuple(triggers)
        try:
            for group in groups:
                self.add(group, files=files, recursive=recursive, triggers=triggers)
        except BaseException:
            self.close()
            raise

    def add(
        self,
        group: str | Handle,
        *,
        files: Sequence[str] = FILES,
        recursive: bool = False,
        triggers: Iterable[Trigger | str] = (),
    ) -> None:
        """Watch a cgroup from now on, until it is removed.

        Parameters: `group` is an open cgroup, or a path as for `Cgroup`; `files` are patterns of the names of the
        files to watch; with `recursive` all cgroups below are watched too, those that will be made as well; `triggers`
        of pressure are set on `group` alone. A watched cgroup takes one descriptor.
        Raises CgroupGoneError, CgroupPathError, CgroupPermissionError; CgroupLimitError if the user has too many
        watches. CgroupValueError for a trigger that the kernel does not take, CgroupFileError where pressure is not
        measured: then the cgroup is watched without it.
        """
        chosen = [trigger if isinstance(trigger, Trigger) else Trigger.parse(trigger) for trigger in triggers]
        member = self._forest.add(_own(group), tuple(files), recursive=recursive)
        for trigger in chosen:
            os.close(member.handle.open(trigger.file, os.O_RDONLY))
            # The notice is what wakes who waits for `fileno`; whether it was this trigger the next poll tells.
            self._forest.watch(member, trigger.file, inotify.MODIFY, lambda notice: None)
            self._armed.add(member, trigger)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End the watch; who waits for its events in asyncio sees the end of the iteration."""
        if self._waiter:
            self._waiter.get_loop().remove_reader(self.fileno())
            _finish(self._waiter)
        self._forest.close()

    @property
    def is_over(self) -> bool:
        """Whether nothing can happen any more: every cgroup is removed, or the watch is closed."""
        return not self._forest.members

    def fileno(self) -> int:
        """A descriptor that is readable when `read` may return something. Raises ValueError once it is closed.

        It stays this object's. Before Linux 6.5 it tells nothing of triggers of pressure.
        """
        return self._forest.inotify.fileno()

    def read(self) -> list[Event]:
        """What has happened since it was read last, without waiting."""
        if not self.is_over:
            self._collect(0)
        return self._take()

    def wait(self, timeout: float | None = None) -> list[Event]:
        """Wait until something happens: at least one event, or none after `timeout` seconds or if `is_over`."""
        end = None if timeout is None else time.monotonic() + timeout
        while not self._events and not self.is_over:
            left = None if end is None else max(0.0, end - time.monotonic())
            self._collect(None if left is None else int(left * 1000) + 1)
            if left == 0:
                break
        return self._take()

    def _take(self) -> list[Event]:
        events = list(self._events)
        self._events.clear()
        return events

    def _collect(self, timeout_ms: int | None) -> None:
        has_notices, ended = self._armed.poll(timeout_ms)
        if has_notices:
            self._forest.take(self._forest.inotify.read())
        for member in ended:
            if self._forest.check(member):
                self._armed.end(member)
        self._forest.kills.settle()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        """The next event. The iteration ends when the watch `is_over`. Raises UsageError if another task waits."""
        while not self._events:
            if self.is_over:
                raise StopAsyncIteration
            self._collect(0)
            if not self._events and not self.is_over:
                await self._readable()
        return self._events.popleft()

    async def _readable(self) -> None:
        import asyncio

        if self._waiter:
            raise UsageError("a watch can be iterated by one task at a time")
        loop, fd = asyncio.get_running_loop(), self.fileno()
        waiter = self._waiter = loop.create_future()
        loop.add_reader(fd, _finish, waiter)
        try:
            await waiter
        finally:
            self._waiter = None
            if not self.is_over:
                loop.remove_reader(fd)


def _finish(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _own(group: str | Handle) -> Handle:
    return Cgroup(group) if isinstance(group, str) else Handle(group.path, os.dup(group.fileno()))

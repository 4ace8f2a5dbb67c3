"""What containers have written: counted by walking their files, in the background, and not too often."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass

from firkin import log
from firkin.cri.api.image_pb2 import FilesystemIdentifier, FilesystemUsage
from firkin.cri.api.values_pb2 import UInt64Value
from firkin.errors import FirkinError
from firkin.oci.snapshots.trees import Usage, measure

__all__ = ["WritableLayers"]

_FRESH = 10.0
"""Seconds for which a count is good enough."""
_PATIENCE = 0.5
"""Seconds to wait for the first count of what has been written."""
_KEPT = 600.0
"""Seconds for which a count is kept that nobody asks for."""

_LOGGER = log.to("stats")


@dataclass(slots=True)
class _Count:
    usage: Usage
    timestamp: int
    due: float


class WritableLayers:
    """The counts of all directories that were asked for. Who asks gets the last one, and has the next one begun."""

    def __init__(self) -> None:
        self._counts: dict[str, _Count] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._tidied = time.monotonic()

    async def count_new(self, directories: Iterable[str]) -> None:
        """Have those counted that never were, and wait until that is done, but not for long."""
        tasks = [self._begin(one) for one in set(directories) if one and one not in self._counts]
        if tasks:
            await asyncio.wait(tasks, timeout=_PATIENCE)

    def usage(self, directory: str) -> FilesystemUsage | None:
        """What was written below a directory of `firkin.oci.snapshots.holding`; None until it was counted once."""
        found = self._counts.get(directory)
        if directory and (found is None or found.due < time.monotonic()):
            self._begin(directory)
        if found is None:
            return None
        return FilesystemUsage(
            timestamp=found.timestamp,
            fs_id=FilesystemIdentifier(mountpoint=directory),
            used_bytes=UInt64Value(value=found.usage.bytes),
            inodes_used=UInt64Value(value=found.usage.inodes),
        )

    def _begin(self, directory: str) -> asyncio.Task[None]:
        task = self._running.get(directory)
        if task is None:
            task = self._running[directory] = asyncio.create_task(self._count(directory))
            task.add_done_callback(lambda _: self._running.pop(directory))
        return task

    async def _count(self, directory: str) -> None:
        try:
            usage = await asyncio.to_thread(_measure, directory)
        except (FirkinError, OSError) as error:
            self._counts.pop(directory, None)
            _LOGGER.debug("measure %s: %s", directory, error)
            return
        now = time.monotonic()
        self._counts[directory] = _Count(usage, time.time_ns(), now + _FRESH)
        if now - self._tidied > _KEPT:
            self._tidied = now
            self._counts = {path: count for path, count in self._counts.items() if now - count.due < _KEPT}


def _measure(directory: str) -> Usage:
    upper = f"{directory}/upper"
    path = upper if os.path.isdir(upper) else f"{directory}/rootfs"
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return measure(fd, path)
    finally:
        os.close(fd)

"""Rotates the logs of containers that run: renamed by size, then the runtime opens a new one, older ones compressed."""

from __future__ import annotations

import asyncio
import gzip
import os
import shutil
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from firkin import log
from firkin.errors import FirkinError

__all__ = ["Plan", "Reopening", "Rotator", "RunningLog", "plan_rotation"]

_LOG = log.to("logs")
_INTERVAL = 10.0
_HALF_MADE = ".tmp"
_COMPRESSED = ".gz"
_PIECE = 1 << 18


class RunningLog(NamedTuple):
    """The log of a container that runs."""

    container_id: str
    path: str


class Reopening(Protocol):
    """What is wanted of the runtime (`firkin.kubelet.runtime.client.Runtime`)."""

    async def reopen_container_log(self, container_id: str) -> None: ...


class Plan(NamedTuple):
    """What to do with the files beside a log, by name, before the log itself is renamed."""

    remove: tuple[str, ...]
    compress: tuple[str, ...]


def plan_rotation(name: str, beside: Iterable[str], most: int) -> Plan:
    """What is to be done before the log `name` is rotated, so that there are `most` files then.

    Parameters: `beside` are the names in its directory. Rotated files have the time in their names, which sorts them.
    """
    rotated = sorted(one for one in beside if one.startswith(f"{name}."))
    half_made = [one for one in rotated if one.endswith(_HALF_MADE)]
    whole = [one for one in rotated if not one.endswith(_HALF_MADE)]
    # One that was being compressed is there twice, until its original is removed.
    twice = [one for one in whole if one + _COMPRESSED in whole]
    kept = [one for one in whole if one not in twice]
    # The log itself is one, and the one that it becomes another.
    excess = kept[: max(0, len(kept) - (most - 2))]
    compress = [one for one in kept[len(excess) :] if not one.endswith(_COMPRESSED)]
    return Plan((*half_made, *twice, *excess), tuple(compress))


class Rotator:
    """Looks at the logs of `running()` every ten seconds.

    Parameters: `most_bytes` is the size at which a log is rotated, `most_files` how many there are of a container with
    the one that is written, two at least.
    """

    def __init__(
        self,
        runtime: Reopening,
        running: Callable[[], Iterable[RunningLog]],
        *,
        most_bytes: int,
        most_files: int,
        clock: Callable[[], datetime],
    ) -> None:
        self._runtime = runtime
        self._running = running
        self._most_bytes = most_bytes
        self._most_files = most_files
        self._clock = clock

    async def run(self, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        """Rotate what is too large, until cancelled."""
        while True:
            await sleep(_INTERVAL)
            await self.look()

    async def look(self) -> None:
        """Rotate all that are too large now; a log that can not be is reported, and the others are rotated."""
        for one in self._running():
            try:
                size = os.stat(one.path).st_size
            except FileNotFoundError:
                # A rotation was cut off after the log was renamed.
                size = None
            except OSError as error:
                _LOG.warning("%s: can not be looked at: %s", one.path, error.strerror)
                continue
            if size is None or size > self._most_bytes:
                await self._rotate_or_report(one, is_there=size is not None)

    async def _rotate_or_report(self, one: RunningLog, *, is_there: bool) -> None:
        with log.bound(container=one.container_id):
            try:
                if is_there:
                    await self._rotate(one)
                else:
                    await self._runtime.reopen_container_log(one.container_id)
            except FirkinError as error:
                _LOG.warning("%s: not rotated: %s", one.path, error)
            except OSError as error:
                _LOG.warning("%s: not rotated: %s: %s", one.path, error.filename, error.strerror)

    async def _rotate(self, one: RunningLog) -> None:
        directory, name = os.path.split(one.path)
        plan = plan_rotation(name, os.listdir(directory), self._most_files)
        await asyncio.to_thread(_tidy, directory, plan.remove, plan.compress)
        aside = f"{one.path}.{self._clock():%Y%m%d-%H%M%S}"
        os.rename(one.path, aside)
        try:
            await self._runtime.reopen_container_log(one.container_id)
        except BaseException:
            # The runtime goes on writing into the file, whatever its name is.
            if not os.path.exists(one.path):
                os.rename(aside, one.path)
            raise
        _LOG.info("%s: rotated", one.path)


def _tidy(directory: str, remove: Sequence[str], compress: Sequence[str]) -> None:
    for name in remove:
        os.unlink(f"{directory}/{name}")
    for name in compress:
        _compress(f"{directory}/{name}")


def _compress(path: str) -> None:
    half_made = path + _HALF_MADE
    with open(path, "rb") as source, gzip.open(half_made, "wb", compresslevel=6) as target:
        shutil.copyfileobj(source, target, _PIECE)
    os.rename(half_made, path + _COMPRESSED)
    os.unlink(path)

"""Being woken when tasks wait for what runs out, rather than looking all the time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from firkin import log
from firkin.cgroupfs.events import Pressure, Watch
from firkin.errors import CgroupError

__all__ = ["wake_on_pressure"]

_LOG = log.to("eviction")


async def wake_on_pressure(group: str, triggers: Iterable[str], wake: asyncio.Event) -> None:
    """Set `wake` whenever one of the triggers of pressure fires, until the cgroup is gone.

    Parameters: `group` is a cgroup, "." is the machine; `triggers` are those of `firkin.cgroupfs.events.Trigger`.
    Where pressure is not measured, or a trigger is refused, that is said once in the log: what is left is looked at
    from time to time all the same.
    """
    with Watch() as watch:
        for trigger in triggers:
            try:
                watch.add(group, files=(), triggers=(trigger,))
            except CgroupError as error:
                _LOG.warning("is not woken by pressure: %s", error)
        async for event in watch:
            if isinstance(event, Pressure):
                wake.set()

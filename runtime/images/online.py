"""Work with registries, for commands: the event loop, the client, and what is shown meanwhile."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from firkin.oci.registry.client import Registry, open_registry
from firkin.runtime.images.common import ignore_broken_pipes
from firkin.runtime.images.progress import Meter

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["online"]

_T = TypeVar("_T")


def online(work: Callable[[Registry, Meter], Awaitable[_T]], begin: str = "") -> _T:
    """What `work` gets from a registry; a terminal shows `begin`, then what it tells the meter. Raises as `work`."""

    async def run(meter: Meter) -> _T:
        async with open_registry() as registry:
            return await work(registry, meter)

    ignore_broken_pipes()
    with Meter() as meter:
        if begin:
            meter.text(begin)
        return asyncio.run(run(meter))

"""Pulling, for commands: the event loop, the registry, and what is shown meanwhile."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from firkin.oci.pull import pull
from firkin.oci.registry.client import open_registry
from firkin.runtime.images.progress import Meter

if TYPE_CHECKING:
    from firkin.oci.image.manifest import Platform
    from firkin.oci.image.reference import Reference
    from firkin.oci.pull import Unpack
    from firkin.oci.store.images import ImageStore, Local

__all__ = ["fetch"]


def fetch(store: ImageStore, reference: Reference, platform: Platform, *, unpack: Unpack | None = None) -> Local:
    """Pull an image, with progress on a terminal; `unpack` gets its layers. Raises as `firkin.oci.pull.pull`."""

    async def work(meter: Meter) -> Local:
        async with open_registry() as registry:
            return await pull(reference, store, registry, platform, meter.blob, unpack=unpack)

    with Meter() as meter:
        meter.text(f"asking {reference.host} for {reference.path}")
        return asyncio.run(work(meter))

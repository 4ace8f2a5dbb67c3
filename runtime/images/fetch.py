"""Pulling, for commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from firkin.oci.pull import pull
from firkin.runtime.images.online import online

if TYPE_CHECKING:
    from firkin.oci.image.manifest import Platform
    from firkin.oci.image.reference import Reference
<<<<<<< HEAD
    from firkin.oci.policy.policy import Policy
=======
    from firkin.oci.pull import Unpack
>>>>>>> layers
    from firkin.oci.store.images import ImageStore, Local

__all__ = ["fetch"]


<<<<<<< HEAD
def fetch(store: ImageStore, reference: Reference, platform: Platform, policy: Policy) -> Local:
    """Pull an image, with progress on a terminal. Raises as `firkin.oci.pull.pull`."""
    return online(
        lambda registry, meter: pull(reference, store, registry, platform, meter.blob, policy=policy),
        f"asking {reference.host} for {reference.path}",
    )
=======
def fetch(store: ImageStore, reference: Reference, platform: Platform, *, unpack: Unpack | None = None) -> Local:
    """Pull an image, with progress on a terminal; `unpack` gets its layers. Raises as `firkin.oci.pull.pull`."""

    async def work(meter: Meter) -> Local:
        async with open_registry() as registry:
            return await pull(reference, store, registry, platform, meter.blob, unpack=unpack)

    with Meter() as meter:
        meter.text(f"asking {reference.host} for {reference.path}")
        return asyncio.run(work(meter))
>>>>>>> layers

"""Pulling, for commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from firkin.oci.pull import pull
from firkin.runtime.images.online import online

if TYPE_CHECKING:
    from firkin.oci.image.manifest import Platform
    from firkin.oci.image.reference import Reference
    from firkin.oci.policy.policy import Policy
    from firkin.oci.pull import Unpack
    from firkin.oci.store.images import ImageStore, Local

__all__ = ["fetch"]


def fetch(
    store: ImageStore, reference: Reference, platform: Platform, policy: Policy, *, unpack: Unpack | None = None
) -> Local:
    """Pull an image, with progress on a terminal; `unpack` gets its layers. Raises as `firkin.oci.pull.pull`."""
    return online(
        lambda registry, meter: pull(reference, store, registry, platform, meter.blob, policy=policy, unpack=unpack),
        f"asking {reference.host} for {reference.path}",
    )

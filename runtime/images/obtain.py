"""The image that a container is to be made of: the one that is here, if the policy still allows it, or pulled."""

from __future__ import annotations

from firkin.errors import NotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.oci.image.manifest import Platform
    from firkin.oci.image.reference import Reference
    from firkin.oci.policy.policy import Policy
    from firkin.oci.store.images import ImageStore, Local

__all__ = ["obtain"]


def obtain(store: ImageStore, reference: Reference, platform: Platform, policy: Policy) -> Local:
    """An image that is allowed now. Raises PolicyError, and as `firkin.oci.pull.pull`."""
    try:
        image = store.find(reference, platform)
    except NotFoundError:
        from firkin.runtime.images.fetch import fetch

        return fetch(store, reference, platform, policy)
    policy.check(reference, store.documents(reference, platform))
    return image

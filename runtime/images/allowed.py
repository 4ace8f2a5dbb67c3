"""The image that a container is to be made of, if the policy still allows it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.oci.image.manifest import Platform
    from firkin.oci.image.reference import Reference
    from firkin.oci.policy.policy import Policy
    from firkin.oci.store.images import ImageStore, Local

__all__ = ["find_allowed"]


def find_allowed(store: ImageStore, reference: Reference, platform: Platform, policy: Policy) -> Local:
    """An image that is here and allowed now. Raises NotFoundError, PolicyError, ImageError."""
    image = store.find(reference, platform)
    policy.check(reference, store.documents(reference, platform))
    return image

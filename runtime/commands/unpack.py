"""`firkin unpack`: make a bundle from an image."""

from __future__ import annotations

from firkin.runtime.cli.options import Command
from firkin.runtime.images.common import GROUP, PLATFORM, POLICY, STORE, open_store, platform_of, policy_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Coroutine

    from firkin.oci.pull import Arriving
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

COMMAND = Command(
    "unpack",
    "make a bundle from an image, which is pulled if it is not here",
    "IMAGE BUNDLE",
    group=GROUP,
    options=(STORE, PLATFORM, POLICY),
    description=(
        "BUNDLE is a directory that is made: rootfs holds all layers, config.json runs what the image says, as the "
        "user that it says. A failure leaves nothing of it."
    ),
    examples=(
        ("firkin unpack debian:12 /bundles/debian", "the bundle"),
        ("firkin run -b /bundles/debian web", "... and a container of it"),
    ),
)


def run(invocation: Invocation) -> int:
    """Make the bundle; returns 0."""
    from firkin.errors import NotFoundError
    from firkin.oci.bundle.configuration import Wishes
    from firkin.oci.bundle.unpack import unpack_arriving_bundle, unpack_bundle
    from firkin.oci.image.reference import parse_reference
    from firkin.runtime.images.allowed import find_allowed
    from firkin.runtime.images.progress import Meter

    text, path = invocation.arguments
    reference, platform = parse_reference(text), platform_of(invocation)
    with open_store(invocation) as store:
        policy = policy_of(invocation)
        try:
            image = find_allowed(store, reference, platform, policy)
        except NotFoundError:
            from firkin.runtime.images.fetch import fetch

            def unpack(arriving: Arriving) -> Coroutine[None, None, None]:
                return unpack_arriving_bundle(arriving, path, Wishes())

            fetch(store, reference, platform, policy, unpack=unpack)
            return 0
        with Meter() as meter:
            unpack_bundle(store, image, path, Wishes(), progress=meter.layers)
    return 0

"""`firkin push`: send an image to a registry."""

from __future__ import annotations

from firkin.runtime.cli.options import Command, Option
from firkin.runtime.images.common import EVERY, GROUP, PLATFORM, STORE, open_store, platform_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

COMMAND = Command(
    "push",
    "send an image to a registry",
    "IMAGE [DESTINATION]",
    group=GROUP,
    options=(STORE, PLATFORM, EVERY, Option("quiet", "q", help="do not print the digest")),
    description=(
        "DESTINATION is the name it gets there (default: its own). What the registry has is not sent again, be it in "
        "another repository of it; the tag is set when all is there. Of an image of several platforms one is sent."
    ),
    examples=(
        ("firkin push registry.example/team/app:1.4", "under its own name"),
        ("firkin push debian:12 127.0.0.1:5000/debian:12", "to another registry"),
    ),
)


def run(invocation: Invocation) -> int:
    """Push the image and print its digest; returns 0."""
    from firkin.oci.image.reference import parse_reference
    from firkin.oci.push import push
    from firkin.runtime.images.online import online

    reference, *rest = map(parse_reference, invocation.arguments)
    destination = rest[0] if rest else reference
    platform = None if invocation.flag("all-platforms") else platform_of(invocation)
    with open_store(invocation) as store:
        digest = online(
            lambda registry, meter: push(reference, destination, store, registry, platform, meter.blob),
            f"asking {destination.host} for {destination.path}",
        )
    if not invocation.flag("quiet"):
        print(f"{destination} {digest}")
    return 0

"""`firkin inspect`: show what an image is."""

from __future__ import annotations

from firkin.oci.json_text import dump
from firkin.runtime.cli.options import Command
from firkin.runtime.images.common import GROUP, PLATFORM, STORE, open_store, platform_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

COMMAND = Command(
    "inspect",
    "show the manifest and the configuration of an image that is here",
    "IMAGE",
    group=GROUP,
    options=(STORE, PLATFORM),
    examples=(("firkin inspect debian:12", "as JSON"),),
)


def run(invocation: Invocation) -> int:
    """Print the image as JSON; returns 0."""
    from firkin.oci.encoding import encode
    from firkin.oci.image.reference import parse_reference

    reference, platform = parse_reference(invocation.arguments[0]), platform_of(invocation)
    with open_store(invocation) as store:
        image = store.find(reference, platform)
    shown = {"name": image.name, "digest": image.digest}
    print(dump({**shown, "manifest": encode(image.manifest), "config": encode(image.config)}, 2))
    return 0

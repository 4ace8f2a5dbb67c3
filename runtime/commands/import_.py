"""`firkin import`: take images from a file or a directory."""

from __future__ import annotations

from firkin.runtime.cli.options import Command, Option
from firkin.runtime.images.common import EVERY, GROUP, PLATFORM, POLICY, STORE, open_store, platform_of, policy_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

COMMAND = Command(
    "import",
    "take images from an OCI layout or an archive of docker save",
    "PATH [NAME]",
    group=GROUP,
    options=(
        STORE,
        PLATFORM,
        EVERY,
        POLICY,
        Option("image", "", "IMAGE", "take only this one, by the name or the digest that it has in PATH"),
        Option("quiet", "q", help="do not print names and digests"),
    ),
    description=(
        "PATH is a directory, an archive, compressed or not, or - for standard input. Every image comes under the name "
        "that it has there; NAME is for one that has none, or is to have another. What is wrong in any way is refused, "
        "as it is of a registry."
    ),
    examples=(
        ("docker save debian:12 | firkin import -", "from Docker"),
        ("firkin import ./layout registry.example/team/app:1", "a layout of one image, under this name"),
    ),
)


def run(invocation: Invocation) -> int:
    """Import the images and print their names and digests; returns 0."""
    from firkin.oci.archive.load import load
    from firkin.oci.image.reference import parse_reference
    from firkin.runtime.images.archives import opened
    from firkin.runtime.images.progress import Meter

    path, *rest = invocation.arguments
    name = parse_reference(rest[0]) if rest else None
    platform = None if invocation.flag("all-platforms") else platform_of(invocation)
    policy = policy_of(invocation)
    with open_store(invocation) as store, Meter() as meter, opened(path, store.content.scratch, meter) as source:
        imported = load(
            store,
            source,
            platform,
            name=name,
            wanted=invocation.text("image"),
            policy=policy,
            progress=meter.blob,
        )
    if not invocation.flag("quiet"):
        print("".join(f"{reference} {digest}\n" for reference, digest in imported), end="")
    return 0

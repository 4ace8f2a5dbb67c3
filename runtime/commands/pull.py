"""`firkin pull`: fetch an image from a registry."""

from __future__ import annotations

from firkin.runtime.cli.options import Command, Option
from firkin.runtime.images.common import GROUP, PLATFORM, POLICY, STORE, open_store, platform_of, policy_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

COMMAND = Command(
    "pull",
    "fetch an image from a registry",
    "IMAGE",
    group=GROUP,
    options=(STORE, PLATFORM, POLICY, Option("quiet", "q", help="do not print the digest")),
    description=(
        "IMAGE is [HOST[:PORT]/]PATH[:TAG][@DIGEST]. Every byte is compared with its digest; what is here already is "
        "not fetched again, and a download that was cut goes on where it was. Credentials are those of "
        "~/.docker/config.json, mirrors and certificates those of /etc/firkin/hosts.d/HOST/hosts.toml. Of an image "
        "that the policy does not allow nothing large is fetched."
    ),
    examples=(
        ("firkin pull debian:12", "from docker.io"),
        ("firkin pull --platform linux/arm64 registry.example/team/app:1.4", "for another platform"),
    ),
)


def run(invocation: Invocation) -> int:
    """Pull the image and print its digest; returns 0."""
    from firkin.oci.image.reference import parse_reference
    from firkin.oci.snapshots.store import Snapshots
    from firkin.runtime.images.fetch import fetch

    reference, platform = parse_reference(invocation.arguments[0]), platform_of(invocation)
    with open_store(invocation) as store:
        image = fetch(store, reference, platform, policy_of(invocation))
        # Nobody waits for a container here: what was unpacked in haste is written out.
        Snapshots(store).settle()
    if not invocation.flag("quiet"):
        print(f"{reference} {image.digest}")
    return 0

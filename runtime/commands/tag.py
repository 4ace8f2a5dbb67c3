"""`firkin tag`: give an image one more name."""

from __future__ import annotations

from firkin.runtime.cli.options import Command
from firkin.runtime.images.common import GROUP, STORE, open_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

COMMAND = Command(
    "tag",
    "give an image that is here one more name",
    "IMAGE NAME",
    group=GROUP,
    options=(STORE,),
    description="An image that had NAME before loses it.",
    examples=(("firkin tag debian:12 registry.example/team/base:1", "... to push it there"),),
)


def run(invocation: Invocation) -> int:
    """Set the name; returns 0."""
    from firkin.oci.image.reference import parse_reference

    reference, new = map(parse_reference, invocation.arguments)
    with open_store(invocation) as store:
        store.tag(reference, new)
    return 0

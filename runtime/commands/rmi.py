"""`firkin rmi`: remove images."""

from __future__ import annotations

from firkin.runtime.cli.options import Command
from firkin.runtime.images.common import GROUP, STORE, open_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

COMMAND = Command(
    "rmi",
    "remove images, and what nothing else needs of them",
    "IMAGE...",
    group=GROUP,
    options=(STORE,),
    examples=(("firkin rmi debian:12", "the name, and the blobs that no other image has"),),
)


def run(invocation: Invocation) -> int:
    """Remove the images and print how much that freed; returns 0."""
    from firkin.oci.image.reference import parse_reference
    from firkin.runtime.images.progress import size_text

    references = [parse_reference(text) for text in invocation.arguments]
    with open_store(invocation) as store:
        for reference in references:
            collected = store.remove(reference)
            print(f"{reference}: {collected.blobs} blobs, {size_text(collected.bytes)}")
    return 0

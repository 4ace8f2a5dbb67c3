"""`firkin prune`: remove what no image needs."""

from __future__ import annotations

from firkin.runtime.cli.options import Command
from firkin.runtime.images.common import GROUP, STORE, open_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

COMMAND = Command(
    "prune",
    "remove what no image needs, and what cut downloads left",
    group=GROUP,
    options=(STORE,),
    examples=(("firkin prune", "frees space; images stay"),),
)


def run(invocation: Invocation) -> int:
    """Remove it and print how much that freed; returns 0."""
    from firkin.runtime.images.progress import size_text

    with open_store(invocation) as store:
        collected = store.prune()
    print(f"{collected.blobs} blobs, {size_text(collected.bytes)}, {collected.ingests} cut downloads")
    return 0

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
    "remove what no image and no container needs, and what was cut short",
    group=GROUP,
    options=(STORE,),
    description=(
        "A container is gone if its record is; so the directories of the state of all containers of this store must be "
        "in sight."
    ),
    examples=(("firkin prune", "frees space; images and containers stay"),),
)


def run(invocation: Invocation) -> int:
    """Remove it and print how much that freed; returns 0."""
    from firkin.oci.snapshots.garbage import collect
    from firkin.oci.snapshots.store import Snapshots
    from firkin.runtime.images.progress import size_text

    with open_store(invocation) as store:
        collected = store.prune()
        snapshots = Snapshots(store)
        removed = collect(snapshots)
        snapshots.settle()
    print(f"{collected.blobs} blobs, {size_text(collected.bytes)}, {collected.ingests} cut downloads")
    print(f"{removed.layers} layers, {size_text(removed.bytes)}, {removed.holdings} trees of containers that are gone")
    return 0

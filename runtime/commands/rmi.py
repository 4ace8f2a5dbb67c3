"""`firkin rmi`: remove images."""

from __future__ import annotations

from firkin.errors import StateError
from firkin.runtime.cli.options import Command, Option
from firkin.runtime.images.common import GROUP, STORE, open_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from firkin.oci.image.reference import Reference
    from firkin.oci.registry.client import Registry
    from firkin.oci.snapshots.holding import Held
    from firkin.runtime.cli.commands import Invocation
    from firkin.runtime.images.progress import Meter

__all__ = ["COMMAND", "run"]

COMMAND = Command(
    "rmi",
    "remove images, and what nothing else needs of them",
    "IMAGE...",
    group=GROUP,
    options=(
        STORE,
        Option("force", "f", help="also one that containers use: what they need of it stays until they go"),
        Option("remote", help="remove them from their registries instead, with all of their tags"),
    ),
    description="With --remote nothing is removed here, and each IMAGE loses in its registry every tag that it has.",
    examples=(
        ("firkin rmi debian:12", "the name, and the blobs and layers that no other image has"),
        ("firkin rmi --remote 127.0.0.1:5000/team/app:1", "deleted in the registry"),
    ),
)


def run(invocation: Invocation) -> int:
    """Remove the images and print how much that freed; returns 0. Raises StateError for one that a container uses."""
    from firkin.oci.image.reference import parse_reference
    from firkin.oci.snapshots.garbage import collect, living_holdings
    from firkin.oci.snapshots.store import Snapshots
    from firkin.runtime.images.progress import size_text

    references = [parse_reference(text) for text in invocation.arguments]
    if invocation.flag("remote"):
        return _delete(references)
    with open_store(invocation) as store:
        snapshots = Snapshots(store)
        if not invocation.flag("force"):
            _refuse_used({str(reference) for reference in references}, living_holdings(snapshots))
        for reference in references:
            collected = store.remove(reference)
            removed = collect(snapshots)
            freed = f"{removed.layers} layers, {size_text(removed.bytes)}"
            print(f"{reference}: {collected.blobs} blobs, {size_text(collected.bytes)}, {freed}")
    return 0


def _delete(references: list[Reference]) -> int:
    from firkin.runtime.images.online import online

    async def delete(registry: Registry, meter: Meter) -> None:
        for reference in references:
            print(f"{reference}: {await registry.delete(reference)} deleted")

    online(delete)
    return 0


def _refuse_used(names: set[str], holdings: Iterable[Held]) -> None:
    for held in holdings:
        for name, _ in held.images:
            if name in names:
                hint = f"firkin delete {held.container}; or --force, and its layers stay until then"
                raise StateError(f"image {name}: is used by the container {held.container}", hint=hint)

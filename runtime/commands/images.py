"""`firkin images`: show the images that are here."""

from __future__ import annotations

from firkin.oci.json_text import dump
from firkin.runtime.cli.options import Command, Option
from firkin.runtime.cli.table import table
from firkin.runtime.images.common import GROUP, STORE, open_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.oci.store.images import ImageStore
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

COMMAND = Command(
    "images",
    "show the images that are here",
    group=GROUP,
    options=(STORE, Option("json", help="write JSON"), Option("quiet", "q", help="show the names only")),
    examples=(("firkin images", "a table"), ("firkin images --json", "for a program")),
)


def run(invocation: Invocation) -> int:
    """Print the images; returns 0."""
    from firkin.runtime.images.progress import size_text

    with open_store(invocation) as store:
        found = list(store.images())
        users = {} if invocation.flag("quiet") else _users(store)
    if invocation.flag("quiet"):
        print("".join(f"{image.name}\n" for image, _ in found), end="")
    elif invocation.flag("json"):
        rows = [{"name": image.name, "digest": image.digest, "updated": image.updated, "size": size,
                 "containers": users.get(image.name, [])} for image, size in found]  # fmt: skip
        print(dump(rows))
    else:
        texts = (
            [image.name, image.digest[:19], size_text(size), " ".join(users.get(image.name, ()))]
            for image, size in found
        )
        print(table(("name", "digest", "size", "containers"), texts), end="")
    return 0


def _users(store: ImageStore) -> dict[str, list[str]]:
    """The containers that use an image, by its name."""
    from firkin.oci.snapshots.garbage import living_holdings
    from firkin.oci.snapshots.store import Snapshots

    users: dict[str, list[str]] = {}
    for held in living_holdings(Snapshots(store)):
        for name in {name for name, _ in held.images}:
            users.setdefault(name, []).append(held.container)
    return users

"""`firkin images`: show the images that are here."""

from __future__ import annotations

from firkin.oci.json_text import dump
from firkin.runtime.cli.options import Command, Option
from firkin.runtime.cli.table import table
from firkin.runtime.images.common import GROUP, STORE, open_store

TYPE_CHECKING = False
if TYPE_CHECKING:
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
    if invocation.flag("quiet"):
        print("".join(f"{image.name}\n" for image, _ in found), end="")
    elif invocation.flag("json"):
        rows = [{"name": image.name, "digest": image.digest, "updated": image.updated, "size": size}
                for image, size in found]  # fmt: skip
        print(dump(rows))
    else:
        texts = ([image.name, image.digest[:19], size_text(size)] for image, size in found)
        print(table(("name", "digest", "size"), texts), end="")
    return 0

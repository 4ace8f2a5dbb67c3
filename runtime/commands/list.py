"""`firkin list`: show all containers."""

from __future__ import annotations

from firkin.errors import NotFoundError
from firkin.oci.json_text import dump
from firkin.runtime.cli.options import Command, Option
from firkin.runtime.cli.table import table
from firkin.runtime.describe import describe
from firkin.runtime.store import Container, container_ids

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

COMMAND = Command(
    "list",
    "show all containers below --root",
    group="Looking at containers",
    options=(
        Option("format", "f", "FORMAT", "form of the list", default="table", choices=("table", "json")),
        Option("quiet", "q", help="show the ids only"),
    ),
    examples=(
        ("firkin list", "a table of all containers"),
        ("firkin --root /run/other list --format json", "those of another state directory, for a program"),
    ),
)


def run(invocation: Invocation) -> int:
    """Print the list; returns 0."""
    ids = container_ids(invocation.root)
    if invocation.flag("quiet"):
        print("".join(f"{id}\n" for id in ids), end="")
        return 0
    rows = [row for row in (_describe(invocation.root, id) for id in ids) if row]
    if invocation.text("format") == "json":
        print(dump(rows))
    else:
        print(_table(rows), end="")
    return 0


def _describe(root: str, id: str) -> dict[str, object] | None:
    try:
        with Container(root, id) as container:
            return describe(container)
    except NotFoundError:
        return None


def _table(rows: list[dict[str, object]]) -> str:
    keys = ("id", "pid", "status", "bundle", "created", "owner")
    return table(keys, ([str(row[key]) for key in keys] for row in rows))

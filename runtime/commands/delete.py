"""`firkin delete`: remove a container."""

from __future__ import annotations

from firkin.runtime.cli.options import Command, Option
from firkin.runtime.delete import delete, delete_matching

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

COMMAND = Command(
    "delete",
    "remove what a container leaves behind",
    "CONTAINER",
    group="Life of a container",
    options=(
        Option("force", "f", help="kill the container if it runs; do not mind if it does not exist"),
        Option("regex", "r", help="CONTAINER is a regular expression: delete all whose id matches it"),
    ),
    examples=(
        ("firkin delete web", "remove the stopped container web"),
        ("firkin delete --force web", "kill it first if need be"),
    ),
)


def run(invocation: Invocation) -> int:
    """Delete the container; returns 0."""
    remove = delete_matching if invocation.flag("regex") else delete
    remove(invocation.root, invocation.container, force=invocation.flag("force"), warn=invocation.log.warning)
    return 0

"""`firkin state`: show the state of a container."""

from __future__ import annotations

from firkin.oci.json_text import dump
from firkin.runtime.cli.options import Command
from firkin.runtime.describe import describe
from firkin.runtime.store import Container

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

COMMAND = Command(
    "state",
    "show the state of a container as JSON",
    "CONTAINER",
    group="Looking at containers",
    examples=(("firkin state web", "the state of the container web, as the runtime specification defines it"),),
)


def run(invocation: Invocation) -> int:
    """Print the state; returns 0."""
    with Container(invocation.root, invocation.container) as container:
        print(dump(describe(container), 2))
    return 0

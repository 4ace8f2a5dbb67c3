"""`firkin start`: run the program of a created container."""

from __future__ import annotations

from firkin.runtime.cli.options import Command
from firkin.runtime.start import start

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

COMMAND = Command(
    "start",
    "run the program of a created container",
    "CONTAINER",
    group="Life of a container",
    examples=(("firkin start web", "start the container web, made by firkin create"),),
    exit_codes=(("126", "the program is not executable"), ("127", "there is no such program")),
)


def run(invocation: Invocation) -> int:
    """Start the container; returns 0."""
    start(invocation.root, invocation.container, invocation)
    return 0

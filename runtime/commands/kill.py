"""`firkin kill`: send a signal to a container."""

from __future__ import annotations

from firkin.runtime.cli.options import Command, Option
from firkin.runtime.kill import kill, kill_matching

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

COMMAND = Command(
    "kill",
    "send a signal to a container",
    "CONTAINER [SIGNAL]",
    group="Life of a container",
    options=(
        Option("all", "a", help="signal every process of the container, not only its first"),
        Option("regex", "r", help="CONTAINER is a regular expression: signal all whose id matches it"),
    ),
    description="SIGNAL is a name, with SIG or without it, or a number; it is TERM unless given.",
    examples=(
        ("firkin kill web", "ask the container web to end"),
        ("firkin kill --all web KILL", "end every process of it"),
    ),
)


def run(invocation: Invocation) -> int:
    """Send the signal; returns 0."""
    signal = invocation.arguments[1] if len(invocation.arguments) > 1 else "TERM"
    send = kill_matching if invocation.flag("regex") else kill
    send(invocation.root, invocation.container, signal, everyone=invocation.flag("all"))
    return 0

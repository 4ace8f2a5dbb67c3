"""`firkin help`: print the help of firkin or of one command."""

from __future__ import annotations

from firkin.runtime.cli.options import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

COMMAND = Command(
    "help",
    "show the help of firkin, or of one command",
    "[COMMAND]",
    group="Help",
    examples=(
        ("firkin help", "all commands"),
        ("firkin help run", "the options of firkin run, the same as firkin run --help"),
    ),
)


def run(invocation: Invocation) -> int:
    """Print the help; returns 0. Raises `UsageError` for an unknown command."""
    from firkin.runtime.cli.commands import load
    from firkin.runtime.cli.help import command_help, global_help

    names = invocation.arguments
    print(command_help(load(names[0])[0]) if names else global_help(), end="")
    return 0

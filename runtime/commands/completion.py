"""`firkin completion`: print a shell's completion script."""

from __future__ import annotations

from firkin.runtime.cli.options import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

COMMAND = Command(
    "completion",
    "print the completion script of a shell",
    "SHELL",
    group="Help",
    description="SHELL is bash, zsh or fish.",
    examples=(
        ("source <(firkin completion bash)", "complete in this bash from now on"),
        ("firkin completion fish > ~/.config/fish/completions/firkin.fish", "complete in every fish"),
        ("firkin completion zsh > /usr/local/share/zsh/site-functions/_firkin", "complete in every zsh"),
    ),
)


def run(invocation: Invocation) -> int:
    """Print the script; returns 0. Raises `UsageError` for an unknown shell."""
    from firkin.runtime.cli.completion import script

    print(script(invocation.arguments[0]), end="")
    return 0

"""Completion scripts, made from the declarations: the choice of the shell, and what the scripts have in common.

What can be completed is said once, by a word for its kind: `actions`, `commands`, `containers`, `directories`,
`files`, `shells`, `signals`, or nothing.
"""

from __future__ import annotations

from firkin.errors import UsageError
from firkin.runtime.cli.commands import GLOBAL_OPTIONS, MODULES
from firkin.runtime.commands.cgroup import ACTIONS as CGROUP_ACTIONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from firkin.runtime.cli.options import Command, Option

__all__ = ["SHELLS", "arguments", "fill", "kind", "names", "script", "valued"]

SHELLS = ("bash", "zsh", "fish")

_KINDS = {
    "ACTION": "actions",
    "BUNDLE": "directories",
    "COMMAND": "commands",
    "CONTAINER": "containers",
    "DIR": "directories",
    "FILE": "files",
    "PATH": "files",
    "SHELL": "shells",
    "SIGNAL": "signals",
    "SOCKET": "files",
}
_SIGNALS = "HUP INT QUIT KILL USR1 USR2 TERM CONT STOP"


def script(shell: str) -> str:
    """The completion script of one shell. Raises `UsageError` if the shell is not one of `SHELLS`."""
    if shell == "bash":
        from firkin.runtime.cli.completion_bash import bash_script

        return bash_script()
    if shell == "zsh":
        from firkin.runtime.cli.completion_zsh import zsh_script

        return zsh_script()
    if shell == "fish":
        from firkin.runtime.cli.completion_fish import fish_script

        return fish_script()
    raise UsageError(f"completion: '{shell}' is not a shell that is known here", hint=f"one of {', '.join(SHELLS)}")


def kind(metavar: str) -> str:
    """What completes a value or an argument of this name; empty if nothing does."""
    return _KINDS.get(metavar.strip("[]."), "")


def arguments(command: Command) -> list[str]:
    """The positional arguments of a command, as its usage line writes them."""
    return command.arguments.split()


def names(option: Option) -> list[str]:
    """The option's names, with their dashes."""
    return [f"--{option.long}", *([f"-{option.short}"] if option.short else [])]


def valued(options: Iterable[Option]) -> list[str]:
    """The names of those options that take a value."""
    return [name for option in options if option.metavar for name in names(option)]


def fill(text: str) -> str:
    """Put the lists that all scripts know into their `@PLACES@`."""
    for place, words in (
        ("@GLOBAL_VALUED@", "|".join(valued(GLOBAL_OPTIONS))),
        ("@GLOBAL_OPTIONS@", " ".join(name for option in GLOBAL_OPTIONS for name in names(option))),
        ("@COMMANDS@", " ".join(MODULES)),
        ("@ACTIONS@", " ".join(CGROUP_ACTIONS)),
        ("@SHELLS@", " ".join(SHELLS)),
        ("@SIGNALS@", _SIGNALS),
    ):
        text = text.replace(place, words)
    return text

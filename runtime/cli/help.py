"""The texts of `--help`, made from the declarations; imported only when somebody asks."""

from __future__ import annotations

import os
import textwrap

from firkin.runtime.cli.commands import GLOBAL_OPTIONS, MODULES, load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from firkin.runtime.cli.options import Command, Option

__all__ = ["command_help", "commands", "exit_codes", "global_help", "grouped", "label", "meaning"]

_COLUMN = 30
_EXIT_CODES = {"0": "success", "1": "failure: one line on standard error says of what, and why"}


def commands() -> list[Command]:
    """All commands, in the order of the table. Imports every command's module."""
    return [load(name)[0] for name in MODULES]


def grouped() -> dict[str, list[Command]]:
    """All commands by the heading that they stand under."""
    groups: dict[str, list[Command]] = {}
    for command in commands():
        groups.setdefault(command.group, []).append(command)
    return groups


def label(option: Option) -> str:
    """The option as it is typed: `-b, --bundle DIR`."""
    names = f"-{option.short}, --{option.long}" if option.short else f"--{option.long}"
    return f"{names} {option.metavar}".rstrip()


def meaning(option: Option) -> str:
    """What the option does, with its choices and its default."""
    text = option.help
    if option.choices:
        *others, last = option.choices
        text += f": {', '.join(others)} or {last}" if others else f": {last}"
    if option.default and isinstance(option.default, str):
        text += f" (default: {option.default})"
    return text


def exit_codes(command: Command | None = None) -> dict[str, str]:
    """The meanings of the exit codes of one command, or of all."""
    return _EXIT_CODES | dict(command.exit_codes if command else ())


def global_help() -> str:
    """The help of firkin: the commands by group, and the global options."""
    blocks = [
        "firkin runs containers from OCI bundles.",
        "Usage: firkin [GLOBAL OPTIONS] COMMAND [OPTIONS] [ARGUMENTS]",
    ]
    for heading, members in grouped().items():
        blocks.append(_table(heading, ((command.name, command.summary) for command in members)))
    blocks.append(_option_table("Global options", GLOBAL_OPTIONS))
    blocks.append(_table("Exit codes", exit_codes().items()))
    blocks.append("firkin help COMMAND shows a command's options and examples.")
    return "\n\n".join(blocks) + "\n"


def command_help(command: Command) -> str:
    """The help of one command: usage, options, examples, exit codes."""
    blocks = [f"Usage: {command.usage}", textwrap.fill(_sentence(command.summary), _width())]
    if command.description:
        blocks.append(textwrap.fill(command.description, _width()))
    blocks.append(_option_table("Options", command.options))
    blocks.append("\n".join(["Examples:", *(_example(line, purpose) for line, purpose in command.examples)]))
    blocks.append(_table("Exit codes", exit_codes(command).items()))
    return "\n\n".join(blocks) + "\n"


def _sentence(summary: str) -> str:
    return f"{summary[0].upper()}{summary[1:]}."


def _example(line: str, purpose: str) -> str:
    # The command line itself is never broken, so that it can be copied.
    return f"  {line}\n{textwrap.fill(purpose, _width(), initial_indent=' ' * 6, subsequent_indent=' ' * 6)}"


def _option_table(heading: str, options: Iterable[Option]) -> str:
    # Long names stand in one column, whether a short one comes before them or not.
    return _table(heading, ((label(o) if o.short else f"    {label(o)}", meaning(o)) for o in options))


def _table(heading: str, rows: Iterable[tuple[str, str]]) -> str:
    lines = [f"{heading}:"]
    for name, text in rows:
        first = f"  {name}".ljust(_COLUMN)
        if len(f"  {name}") > _COLUMN - 2:
            lines.append(f"  {name}")
            first = " " * _COLUMN
        lines.append(textwrap.fill(text, _width(), initial_indent=first, subsequent_indent=" " * _COLUMN))
    return "\n".join(lines)


def _width() -> int:
    columns = os.environ.get("COLUMNS", "")
    width = int(columns) if columns.isdecimal() else 0
    if not width:
        try:
            width = os.get_terminal_size(1).columns
        except OSError:
            width = 80
    return min(max(width, 60), 110)

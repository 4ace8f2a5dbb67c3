"""The completion script for zsh."""

from __future__ import annotations

from firkin.runtime.cli.commands import GLOBAL_OPTIONS
from firkin.runtime.cli.completion import arguments, fill, kind
from firkin.runtime.cli.help import commands

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.options import Command, Option

__all__ = ["zsh_script"]

_ZSH_ACTIONS = {
    "commands": "_firkin_commands",
    "containers": "_firkin_containers",
    "directories": "_files -/",
    "files": "_files",
    "actions": "(@ACTIONS@)",
    "shells": "(@SHELLS@)",
    "signals": "(@SIGNALS@)",
}

_ZSH_HEAD = r"""#compdef firkin

_firkin_containers() {
    local -a ids
    ids=(${(f)"$(firkin $root list --quiet 2>/dev/null)"})
    compadd -a ids
}

_firkin_commands() {
    local -a names
    names=(
"""


def zsh_script() -> str:
    """The script, to be sourced or put where zsh looks for completions."""
    lines = [f"        {_quoted(f'{command.name}:{command.summary}')}" for command in commands()]
    lines += ["    )", "    _describe command names", "}", "", "_firkin() {"]
    lines += ["    local state line", "    local -A opt_args", "    _arguments -C \\"]
    lines += [f"        {spec} \\" for option in GLOBAL_OPTIONS for spec in _zsh_option(option)]
    lines += ["        '1:command:_firkin_commands' '*::argument:->arguments'"]
    lines += ["    [[ $state == arguments ]] || return"]
    lines += ["    local -a root=(${opt_args[--root]:+--root=${(Q)opt_args[--root]}})", "    case $words[1] in"]
    for command in commands():
        # -A: options end at the first argument that is none.
        ending = "-A '-*' " if command.passthrough else ""
        lines += [f"        {command.name})", f"            _arguments {ending}\\"]
        lines += [f"                {spec} \\" for option in command.options for spec in _zsh_option(option)]
        lines += [f"                {' '.join(_zsh_arguments(command))}", "            ;;"]
    lines += ["    esac", "}", "", '_firkin "$@"', ""]
    return _ZSH_HEAD + fill("\n".join(lines))


def _zsh_option(option: Option) -> list[str]:
    # A plus: the value may be attached or be the next word. An equals sign: the same for long names.
    tail = f"[{_zsh_escape(option.help)}]"
    if option.metavar:
        action = f"({' '.join(option.choices)})" if option.choices else _ZSH_ACTIONS.get(kind(option.metavar), "")
        tail += f":{_zsh_escape(option.metavar)}:{action}"
    star = "*" if option.repeat else ""
    names = [(f"--{option.long}", "=" if option.metavar else "")]
    if option.short:
        names.append((f"-{option.short}", "+" if option.metavar else ""))
    group = "" if option.repeat else f"({' '.join(name for name, _ in names)})"
    return [_quoted(f"{star or group}{name}{mark}{tail}") for name, mark in names]


def _zsh_arguments(command: Command) -> list[str]:
    specs = []
    for index, word in enumerate(arguments(command), 1):
        place = "*" if "..." in word else str(index) + (":" if word.startswith("[") else "")
        specs.append(_quoted(f"{place}:{_zsh_escape(word.strip('[].'))}:{_ZSH_ACTIONS.get(kind(word), '')}"))
    return specs or ["':'"]


def _zsh_escape(text: str) -> str:
    for letter in "\\[]:":
        text = text.replace(letter, f"\\{letter}")
    return text


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"

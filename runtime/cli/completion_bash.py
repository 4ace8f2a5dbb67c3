"""The completion script for bash."""

from __future__ import annotations

from firkin.runtime.cli.commands import GLOBAL_OPTIONS
from firkin.runtime.cli.completion import arguments, fill, kind, names, valued
from firkin.runtime.cli.help import commands

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from firkin.runtime.cli.options import Option

__all__ = ["bash_script"]

_BASH_HEAD = r"""# bash completion for firkin
_firkin_containers() {
    local id
    # Not with compgen -W, which would run what a name contains as a command.
    while IFS= read -r id; do
        [[ $id == "$1"* ]] && COMPREPLY+=("$id")
    done < <(firkin "${root[@]}" list --quiet 2>/dev/null)
}

_firkin() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
    local command="" word="" kind="" options="" valued="" position=0 i
    local -a root=()
    # Bash hands --option=value over as three words.
    if [[ $current == "=" ]]; then
        current=""
    elif [[ $previous == "=" ]]; then
        previous=${COMP_WORDS[COMP_CWORD-2]}
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        [[ -n $command ]] && _firkin_describe "$command" || valued="@GLOBAL_VALUED@"
        if [[ "|$valued|" == *"|$word|"* ]]; then
            ((i++))
            [[ ${COMP_WORDS[i]} == "=" ]] && ((i++))
            [[ $word == --root && -z $command ]] && root=(--root "${COMP_WORDS[i]}")
        elif [[ $word == -* || $word == "=" ]]; then
            continue
        elif [[ -z $command ]]; then
            command=$word
        else
            ((position++))
        fi
    done
    if [[ -z $command ]]; then
        options="@GLOBAL_OPTIONS@"
        [[ $current != -* ]] && kind=commands
    else
        _firkin_describe "$command"
    fi
    _firkin_value "$command" "$previous"
    COMPREPLY=()
    if [[ $current == -* && $kind != value:* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
        return
    fi
    case ${kind#value:} in
        commands) mapfile -t COMPREPLY < <(compgen -W "@COMMANDS@" -- "$current") ;;
        containers) _firkin_containers "$current" ;;
        actions) mapfile -t COMPREPLY < <(compgen -W "@ACTIONS@" -- "$current") ;;
        shells) mapfile -t COMPREPLY < <(compgen -W "@SHELLS@" -- "$current") ;;
        signals) mapfile -t COMPREPLY < <(compgen -W "@SIGNALS@" -- "$current") ;;
        directories) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
        files) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
        choices:*) mapfile -t COMPREPLY < <(compgen -W "${kind#value:choices:}" -- "$current") ;;
    esac
}

"""


def bash_script() -> str:
    """The script, to be sourced or put where bash looks for completions."""
    describe = ["_firkin_describe() {", "    case $1 in"]
    for command in commands():
        kinds = " ".join(kind(word) or "-" for word in arguments(command))
        describe.append(f"        {command.name})")
        describe.append(f'            options="{_words(command.options)}"')
        describe.append(f'            valued="{"|".join(valued(command.options))}"')
        describe.append(f"            local kinds=({kinds})")
        if command.passthrough:
            describe.append('            ((position)) && options="" valued=""')
        describe.append("            kind=${kinds[position]} ;;")
    describe += ["    esac", "}", ""]
    values = ["_firkin_value() {", '    case "$1 $2" in', *_bash_values("", GLOBAL_OPTIONS)]
    for command in commands():
        values += _bash_values(command.name, command.options)
    values += ["    esac", "}", "", "complete -F _firkin firkin", ""]
    return fill(_BASH_HEAD) + "\n".join(describe + values)


def _bash_values(command: str, options: Iterable[Option]) -> list[str]:
    lines = []
    for option in options:
        if option.metavar:
            pattern = "|".join(f'"{command} {name}"' for name in names(option))
            what = f"choices:{' '.join(option.choices)}" if option.choices else kind(option.metavar)
            lines.append(f'        {pattern}) kind="value:{what}" ;;')
    return lines


def _words(options: Iterable[Option]) -> str:
    return " ".join(name for option in options for name in names(option))

"""The completion script for fish."""

from __future__ import annotations

from firkin.runtime.cli.commands import GLOBAL_OPTIONS
from firkin.runtime.cli.completion import arguments, fill, kind, valued
from firkin.runtime.cli.help import commands

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.options import Option

__all__ = ["fish_script"]

_FISH_ACTIONS = {
    "commands": "@COMMANDS@",
    "containers": "(__firkin_containers)",
    "directories": "(__fish_complete_directories)",
    "actions": "@ACTIONS@",
    "shells": "@SHELLS@",
    "signals": "@SIGNALS@",
}

_FISH_HEAD = r"""# fish completion for firkin
function __firkin_words --description 'the command, and the positional arguments after it'
    set -l skip 0
    set -l found
    for word in (commandline -opc)[2..]
        if test $skip = 1
            set skip 0
        else if contains -- $word (__firkin_valued $found[1])
            set skip 1
        else if not string match -q -- '-*' $word
            set -a found $word
        end
    end
    string join -- \n $found
end

function __firkin_at --argument-names command position --description 'whether this argument comes next'
    set -l words (__firkin_words)
    if test -z "$command"
        test (count $words) -eq 0
    else
        test "$words[1]" = $command
        and test -z "$position" -o (count $words) -eq "$position"
    end
end

function __firkin_containers --description 'the ids of all containers'
    set -l words (commandline -opc)
    set -l root
    for index in (seq (count $words))
        string match -qr -- '^--root=' $words[$index]; and set root $words[$index]
        test "$words[$index]" = --root; and set root --root $words[(math $index + 1)]
    end
    command firkin $root list --quiet 2>/dev/null
end
"""


def fish_script() -> str:
    """The script, to be sourced or put where fish looks for completions."""
    lines = ["", *_fish_valued(), "", "complete -c firkin -f"]
    lines += [_fish_option("__firkin_at ''", option) for option in GLOBAL_OPTIONS]
    for command in commands():
        summary = _fish_quoted(command.summary)
        lines.append(f"complete -c firkin -n \"__firkin_at ''\" -a {command.name} -d {summary}")
        condition = f"__firkin_at {command.name}{' 1' if command.passthrough else ''}"
        lines += [_fish_option(condition, option) for option in command.options]
        for index, word in enumerate(arguments(command), 1):
            action = _FISH_ACTIONS.get(kind(word))
            condition = f'"__firkin_at {command.name} {index}"'
            if action:
                lines.append(f"complete -c firkin -n {condition} -a {_fish_quoted(fill(action))}")
            elif kind(word) == "files":
                lines.append(f"complete -c firkin -n {condition} -F")
    return _FISH_HEAD + "\n".join(lines) + "\n"


def _fish_valued() -> list[str]:
    lines = ["function __firkin_valued --argument-names command --description 'the options that take a value'"]
    lines += ['    switch "$command"']
    for name, options in [("", GLOBAL_OPTIONS), *((command.name, command.options) for command in commands())]:
        if values := " ".join(valued(options)):
            lines += [f"        case '{name}'", f"            string split ' ' -- '{values}'"]
    return [*lines, "    end", "end"]


def _fish_option(condition: str, option: Option) -> str:
    words = ["complete -c firkin", "-n", f'"{condition}"', "-l", option.long]
    if option.short:
        words += ["-s", option.short]
    if option.metavar:
        action = " ".join(option.choices) or _FISH_ACTIONS.get(kind(option.metavar), "")
        words.append("-rF" if kind(option.metavar) == "files" else "-x")
        if action:
            words += ["-a", _fish_quoted(action)]
    return " ".join([*words, "-d", _fish_quoted(option.help)])


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

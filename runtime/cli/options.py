"""Options and commands as data, and the parser that reads a command line by them.

On every start path: nothing but the error tree is imported. What the parser accepts is the union
of the two habits that callers of OCI runtimes have: Go's (`-bundle DIR`, `--bundle=DIR`,
`--detach=false`) and getopt's (`-bDIR`, `-td`).
"""

from __future__ import annotations

import sys

from firkin.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Literal

    from firkin.runtime.cli.commands import Invocation

    Kind = Literal["flag", "text", "number"]
    Value = bool | int | str | list[str]
    Passthrough = Callable[[list[str], dict[str, Value]], bool]

__all__ = ["HELP", "Command", "Option", "check_arguments", "find", "parse"]

_TRUE = ("true", "1", "t", "T", "TRUE", "True")
_FALSE = ("false", "0", "f", "F", "FALSE", "False")


class Option:
    """One option: `--long`, and `-short` where there is one.

    An option without a `metavar` is a flag. With one it takes a value: text (which `choices` may
    restrict), or with `kind="number"` a decimal number >= 0. `repeat` collects every value of an option that
    is given several times; otherwise the last one counts. `default` is for text only: a number's
    is 0, a flag's is false, a collected one's is empty.
    """

    __slots__ = ("choices", "default", "help", "kind", "long", "metavar", "repeat", "short")

    def __init__(
        self,
        long: str,
        short: str = "",
        metavar: str = "",
        help: str = "",
        *,
        kind: Kind = "text",
        repeat: bool = False,
        default: str = "",
        choices: tuple[str, ...] = (),
    ) -> None:
        self.long = long
        self.short = short
        self.metavar = metavar
        self.help = help
        self.kind: Kind = kind if metavar else "flag"
        self.repeat = repeat
        self.choices = choices
        self.default: Value
        if repeat:
            self.default = []
        elif self.kind == "text":
            self.default = default
        else:
            self.default = 0 if metavar else False


HELP = Option("help", "h", help="show this help and exit")


class Command:
    """One command of firkin.

    `arguments` are the positional ones as the usage line shows them, which is also the rule for
    their number: `CONTAINER [SIGNAL]`, with `...` after one that repeats. `examples` are pairs
    of a command line and what it does, `exit_codes` pairs of a code and its meaning beyond the
    common two. With `passthrough`, nothing after the first positional argument is an option of
    firkin; where that depends on the arguments, it is a function of them and of the options that came
    before. `check` raises `UsageError` for what counting arguments can not express.
    """

    __slots__ = (
        "arguments",
        "check",
        "description",
        "examples",
        "exit_codes",
        "group",
        "name",
        "options",
        "passthrough",
        "summary",
    )

    def __init__(
        self,
        name: str,
        summary: str,
        arguments: str = "",
        *,
        group: str,
        options: tuple[Option, ...] = (),
        description: str = "",
        examples: tuple[tuple[str, str], ...] = (),
        exit_codes: tuple[tuple[str, str], ...] = (),
        passthrough: bool | Passthrough = False,
        check: Callable[[Invocation], None] | None = None,
    ) -> None:
        self.name = name
        self.summary = summary
        self.arguments = arguments
        self.group = group
        self.options = (*options, HELP)
        self.description = description
        self.examples = examples
        self.exit_codes = exit_codes
        self.passthrough = passthrough
        self.check = check

    @property
    def usage(self) -> str:
        """The usage line, without the word usage."""
        return f"firkin {self.name} [OPTIONS] {self.arguments}".rstrip()


def find(options: tuple[Option, ...], name: str) -> Option | None:
    """The option with this long or short name, which comes without dashes; None if there is none."""
    if name:
        for option in options:
            if name in (option.long, option.short):
                return option
    return None


def parse(
    argv: list[str],
    options: tuple[Option, ...],
    values: dict[str, Value],
    *,
    command: str = "",
    interspersed: bool = True,
) -> list[str]:
    """Read `argv`; returns the positional arguments.

    Fills `values` as it goes, by long name, so that after an error the caller still has what came
    before it. Options may follow positional arguments only with `interspersed`, and never follow
    `--`. `command` names the command in errors; empty means the global options. Raises `UsageError`.
    """
    rest: list[str] = []
    words = iter(argv)
    for word in words:
        if word == "--":
            break
        if word[:1] != "-" or word == "-":
            rest.append(word)
            if not interspersed:
                break
        else:
            _read(word, words, options, values, command)
    rest += words
    return rest


def check_arguments(command: Command, arguments: list[str]) -> None:
    """Raise `UsageError` unless there are as many positional arguments as `command` declares."""
    words = command.arguments.split()
    required = [word for word in words if word[0] != "["]
    most = sys.maxsize if "..." in command.arguments else len(words)
    if len(arguments) < len(required):
        problem = f"argument {required[len(arguments)]} is missing"
    elif len(arguments) > most:
        problem = f"unexpected argument '{arguments[most]}'"
    else:
        return
    raise UsageError(f"{command.name}: {problem}", hint=f"usage: {command.usage}")


def _read(word: str, words: Iterator[str], options: tuple[Option, ...], values: dict[str, Value], command: str) -> None:
    double = word[1] == "-"
    name, equals, text = word[2 if double else 1 :].partition("=")
    option = find(options, name)
    if option is not None:
        if not equals:
            text = _following(option, words, command)
        _store(option, text, values, command)
    elif double:
        raise _unknown(word, options, command)
    else:
        _read_letters(word, words, options, values, command)


def _read_letters(
    word: str, words: Iterator[str], options: tuple[Option, ...], values: dict[str, Value], command: str
) -> None:
    for index, letter in enumerate(word[1:], 2):
        option = find(options, letter)
        if option is None:
            raise _unknown(word, options, command)
        attached = word[index:]
        if option.kind != "flag" and attached:
            _store(option, attached.removeprefix("="), values, command)
            return
        _store(option, _following(option, words, command), values, command)


def _following(option: Option, words: Iterator[str], command: str) -> str:
    if option.kind == "flag":
        return "true"
    text = next(words, None)
    if text is None:
        raise _wrong(option, f"needs a value ({option.metavar})", command)
    return text


def _store(option: Option, text: str, values: dict[str, Value], command: str) -> None:
    value: Value = text
    if option.kind == "flag":
        if text not in _TRUE and text not in _FALSE:
            raise _wrong(option, f"'{text}' is not true or false", command)
        value = text in _TRUE
    elif option.kind == "number":
        # int() alone would also take "1_0", " 1", other scripts' digits, and numbers of any length.
        if not (text.isascii() and text.isdecimal() and len(text) < 19):
            raise _wrong(option, f"'{text}' is not a decimal number", command)
        value = int(text)
    elif option.choices and text not in option.choices:
        raise _wrong(option, f"'{text}' is not one of {', '.join(option.choices)}", command)
    if option.repeat:
        collected = values.setdefault(option.long, [])
        if isinstance(collected, list):
            collected.append(text)
    else:
        values[option.long] = value


def _wrong(option: Option, problem: str, command: str) -> UsageError:
    return UsageError(f"{command and command + ': '}option --{option.long}: {problem}")


def _unknown(word: str, options: tuple[Option, ...], command: str) -> UsageError:
    from firkin.runtime.cli.suggest import option_hint

    word = word.partition("=")[0]
    return UsageError(f"{command and command + ': '}unknown option '{word}'", hint=option_hint(word, options, command))

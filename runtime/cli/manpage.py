"""The manual page firkin(8), made from the declarations.

`python -m firkin.runtime.cli.manpage` prints it; the build installs it.
"""

from __future__ import annotations

import firkin
from firkin.runtime.cli.commands import GLOBAL_OPTIONS
from firkin.runtime.cli.help import commands, exit_codes, label, meaning

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from firkin.runtime.cli.options import Command, Option

__all__ = ["manpage"]

_DESCRIPTION = (
    "firkin runs containers from bundles: directories with a file config.json and a root filesystem, "
    "as the OCI runtime specification defines them. It keeps each container in its own cgroup of the "
    "version 2 hierarchy, which exists with all its limits before the container's first process does."
)
_FILES = (
    ("/run/firkin", "the state of the containers, if the caller is root"),
    ("$XDG_RUNTIME_DIR/firkin", "the state of the containers, if the caller is another user"),
    ("config.json", "in the bundle: what the container is to be"),
)


def manpage() -> str:
    """The page in roff, with the man(7) macros."""
    # No date: the same source must give the same page.
    lines = [f'.TH FIRKIN 8 "" "firkin {firkin.__version__}" "System Administration"']
    lines += [".SH NAME", r"firkin \- run containers from OCI bundles"]
    lines += [".SH SYNOPSIS", r".B firkin", r"[\fIGLOBAL OPTIONS\fR] \fICOMMAND\fR"]
    lines += [r"[\fIOPTIONS\fR] [\fIARGUMENTS\fR]"]
    lines += [".SH DESCRIPTION", _text(_DESCRIPTION)]
    lines += [".SH GLOBAL OPTIONS", *_options(GLOBAL_OPTIONS)]
    lines += [".SH COMMANDS"]
    for command in commands():
        lines += _command(command)
    lines += [".SH EXIT STATUS", *_definitions(exit_codes().items())]
    lines += ["A command that returns other codes says so above."]
    lines += [".SH FILES", *_definitions(_FILES)]
    lines += [".SH SEE ALSO", r".BR cgroups (7),", r".BR namespaces (7),", r".BR capabilities (7)"]
    return "\n".join(lines) + "\n"


def _command(command: Command) -> list[str]:
    lines = [f".SS {_text(command.usage)}"]
    lines.append(_text(f"{command.summary[0].upper()}{command.summary[1:]}."))
    if command.description:
        lines.append(_text(command.description))
    lines += _options(command.options)
    lines += [".PP", "Examples:"]
    for example, purpose in command.examples:
        lines += [".PP", ".RS 4", ".EX", _text(example), ".EE", _text(purpose), ".RE"]
    if command.exit_codes:
        lines += [".PP", "Exit codes besides the common ones:", *_definitions(command.exit_codes)]
    return lines


def _options(options: Iterable[Option]) -> list[str]:
    return _definitions((label(option), meaning(option)) for option in options)


def _definitions(pairs: Iterable[tuple[str, str]]) -> list[str]:
    lines: list[str] = []
    for term, text in pairs:
        lines += [".TP", rf"\fB{_text(term)}\fR", _text(text)]
    return [*lines, ".PP"]


def _text(text: str) -> str:
    text = text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq").replace("~", r"\(ti")
    return rf"\&{text}" if text.startswith(".") else text


if __name__ == "__main__":
    print(manpage(), end="")

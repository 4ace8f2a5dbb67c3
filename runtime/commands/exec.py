"""`firkin exec`: run one more program in a container."""

from __future__ import annotations

from firkin.errors import UsageError
from firkin.runtime.cli.options import Command, Option
from firkin.runtime.execute import execute

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]


def _check(invocation: Invocation) -> None:
    program = invocation.arguments[1:]
    if invocation.given("process"):
        if program:
            raise UsageError(f"exec: argument '{program[0]}' contradicts --process, which names the program")
    elif not program:
        raise UsageError("exec: argument PROGRAM is missing", hint="or describe it with --process FILE")


COMMAND = Command(
    "exec",
    "run one more program in a container",
    "CONTAINER [PROGRAM] [ARG...]",
    group="Life of a container",
    options=(
        Option("process", "p", "FILE", "read the process description from FILE, in the form of config.json's process"),
        Option("detach", "d", help="return as soon as the program runs"),
        Option("tty", "t", help="give the program a terminal"),
        Option("cwd", "", "PATH", "working directory in the container"),
        Option("env", "e", "NAME=VALUE", "set a variable of the environment; may be repeated", repeat=True),
        Option("user", "u", "UID[:GID]", "user, and group, to run as"),
        Option(
            "additional-gids",
            "g",
            "GID",
            "one more group to be in; may be repeated",
            kind="number",
            repeat=True,
        ),
        Option("cap", "c", "CAPABILITY", "one more capability to have; may be repeated", repeat=True),
        Option("no-new-privs", help="forbid the program to gain privileges"),
        Option("apparmor", "", "PROFILE", "AppArmor profile to run under"),
        Option("process-label", "", "LABEL", "SELinux label to run under"),
        Option("cgroup", "", "PATH", "cgroup to run in, below the container's; may be repeated", repeat=True),
        Option("console-socket", "", "SOCKET", "unix socket to send the terminal's master end to"),
        Option("pidfd-socket", "", "SOCKET", "unix socket to send a pidfd of the program to"),
        Option("pid-file", "", "FILE", "write the process id of the program to FILE"),
        Option("ignore-paused", help="go on although the container is paused"),
        Option("preserve-fds", "", "N", "pass on N descriptors after 0-2 and those of $LISTEN_FDS", kind="number"),
    ),
    description=(
        "Joins the namespaces and the cgroup of a running container and runs a program there. Whatever follows "
        "CONTAINER belongs to the program; -- between the two is allowed."
    ),
    examples=(
        ("firkin exec -t web /bin/sh", "a shell in the container web"),
        ("firkin exec --env LANG=C web ls -l /srv", "the -l is for ls"),
        ("firkin exec --process process.json --detach --pid-file ls.pid web", "as an engine would"),
    ),
    exit_codes=(
        ("N", "what the program returned, or 128 + the number of the signal that ended it"),
        ("126", "the program is not executable"),
        ("127", "there is no such program"),
    ),
    passthrough=True,
    check=_check,
)


def run(invocation: Invocation) -> int:
    """Run the program; returns its exit code, or 0 with `--detach`."""
    return execute(invocation)

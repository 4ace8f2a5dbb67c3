"""What the command line offers: the global options, the table of commands, and one use of it.

On every start path: a command's own module, with its options, is imported only when the command
is the one that was asked for.
"""

from __future__ import annotations

import os
import sys

from firkin.errors import UsageError
from firkin.runtime.cli.options import HELP, Option, check_arguments, find, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from firkin.runtime.cli.log import Log
    from firkin.runtime.cli.options import Command, Value

__all__ = ["GLOBAL_OPTIONS", "MODULES", "Invocation", "container_options", "interpret", "is_mapped_root", "load"]

GLOBAL_OPTIONS = (
    Option("root", "", "DIR", "directory of the containers' state (default: /run/firkin, or $XDG_RUNTIME_DIR/firkin)"),
    Option("log", "", "FILE", "append messages to FILE; errors still go to standard error as well"),
    Option("log-format", "", "FORMAT", "form of the messages", default="text", choices=("text", "json")),
    Option(
        "log-level",
        "",
        "LEVEL",
        "least important messages to show",
        default="info",
        choices=("debug", "info", "warning", "error"),
    ),
    Option("debug", help="show debug messages, and the traceback of an error"),
    Option("systemd-cgroup", help="let systemd make the cgroups; the same as --cgroup-manager systemd"),
    Option(
        "cgroup-manager",
        "",
        "MANAGER",
        "who makes the cgroups",
        default="cgroupfs",
        choices=("cgroupfs", "systemd", "disabled"),
    ),
    Option(
        "rootless",
        "",
        "WHEN",
        "run without the privileges of root",
        default="auto",
        choices=("auto", "true", "false"),
    ),
    Option("version", "v", help="show the version and exit"),
    HELP,
)

MODULES = {
    "create": "firkin.runtime.commands.create",
    "start": "firkin.runtime.commands.start",
    "run": "firkin.runtime.commands.run",
    "exec": "firkin.runtime.commands.exec",
    "kill": "firkin.runtime.commands.kill",
    "pause": "firkin.runtime.commands.pause",
    "resume": "firkin.runtime.commands.resume",
    "update": "firkin.runtime.commands.update",
    "checkpoint": "firkin.runtime.commands.checkpoint",
    "restore": "firkin.runtime.commands.restore",
    "delete": "firkin.runtime.commands.delete",
    "state": "firkin.runtime.commands.state",
    "list": "firkin.runtime.commands.list",
    "ps": "firkin.runtime.commands.ps",
    "events": "firkin.runtime.commands.events",
    "spec": "firkin.runtime.commands.spec",
    "explain": "firkin.runtime.commands.explain",
    "features": "firkin.runtime.commands.features",
    "doctor": "firkin.runtime.commands.doctor",
    "pull": "firkin.runtime.commands.pull",
    "push": "firkin.runtime.commands.push",
    "tags": "firkin.runtime.commands.tags",
    "import": "firkin.runtime.commands.import_",
    "export": "firkin.runtime.commands.export",
    "images": "firkin.runtime.commands.images",
    "tag": "firkin.runtime.commands.tag",
    "inspect": "firkin.runtime.commands.inspect",
    "unpack": "firkin.runtime.commands.unpack",
    "rmi": "firkin.runtime.commands.rmi",
    "prune": "firkin.runtime.commands.prune",
    "fsck": "firkin.runtime.commands.fsck",
    "cgroup": "firkin.runtime.commands.cgroup",
    "top": "firkin.runtime.commands.top",
    "bench": "firkin.workbench.command",
    "cri": "firkin.cri.command",
    "apply": "firkin.kubelet.commands.apply",
    "get": "firkin.kubelet.commands.get",
    "describe": "firkin.kubelet.commands.describe",
    "rollout": "firkin.kubelet.commands.rollout",
    "logs": "firkin.kubelet.commands.logs",
    "port-forward": "firkin.kubelet.commands.port_forward",
    "kubelet": "firkin.kubelet.command",
    "node": "firkin.kubelet.node_command",
    "config": "firkin.kubelet.config_command",
    "completion": "firkin.runtime.commands.completion",
    "help": "firkin.runtime.commands.help",
}


class Invocation:
    """One use of the command line: what a command's `run` is given.

    `arguments` are the positional ones, their number already checked. `options` and `settings`
    hold the command's and the global options that were given, by long name; the accessors add the
    defaults. Asking for an option that is not declared raises `KeyError`, for one of
    another kind `TypeError`.
    """

    __slots__ = ("_log", "arguments", "command", "options", "settings")

    def __init__(
        self, command: Command, settings: dict[str, Value], options: dict[str, Value], arguments: list[str]
    ) -> None:
        self.command = command
        self.settings = settings
        self.options = options
        self.arguments = arguments
        self._log: Log | None = None

    def given(self, name: str) -> bool:
        """Whether the command's option was on the command line."""
        _declared(self.command.options, name)
        return name in self.options

    def flag(self, name: str) -> bool:
        """The value of a flag of the command."""
        value = _value(self.command.options, self.options, name)
        if not isinstance(value, bool):
            raise TypeError(f"option --{name} is not a flag")
        return value

    def text(self, name: str) -> str:
        """The value of an option of the command that takes text; empty if it has neither value nor default."""
        return _text(self.command.options, self.options, name)

    def number(self, name: str) -> int:
        """The value of an option of the command that takes a number."""
        value = _value(self.command.options, self.options, name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"option --{name} does not take a number")
        return value

    def texts(self, name: str) -> list[str]:
        """All values of an option of the command that may be repeated, in their order."""
        value = _value(self.command.options, self.options, name)
        if not isinstance(value, list):
            raise TypeError(f"option --{name} does not repeat")
        return list(value)

    def numbers(self, name: str) -> list[int]:
        """All values of an option of the command that takes numbers and may be repeated, in their order."""
        if _declared(self.command.options, name).kind != "number":
            raise TypeError(f"option --{name} does not take numbers")
        return [int(text) for text in self.texts(name)]

    @property
    def container(self) -> str:
        """The first positional argument: the container's id, as it was given."""
        return self.arguments[0]

    @property
    def root(self) -> str:
        """The directory of the containers' state, absolute."""
        path = _text(GLOBAL_OPTIONS, self.settings, "root")
        return os.path.abspath(path) if path else default_root()

    @property
    def debug(self) -> bool:
        """Whether --debug was given."""
        return self.settings.get("debug") is True

    @property
    def cgroup_manager(self) -> str:
        """Who makes the cgroups: `cgroupfs`, `systemd` or `disabled`."""
        if self.settings.get("systemd-cgroup"):
            return "systemd"
        return _text(GLOBAL_OPTIONS, self.settings, "cgroup-manager")

    @property
    def rootless(self) -> str:
        """Whether to do without root's privileges: `true`, `false`, or `auto` to find out."""
        return _text(GLOBAL_OPTIONS, self.settings, "rootless")

    @property
    def log(self) -> Log:
        """Where messages go; made when it is first asked for."""
        if self._log is None:
            from firkin.runtime.cli.log import open_log

            self._log = open_log(self.settings)
        return self._log


def load(name: str, modules: dict[str, str] = MODULES) -> tuple[Command, Callable[[Invocation], int]]:
    """Import one command of `modules`: its declaration and its body. Raises `UsageError` if there is none."""
    module = modules.get(name)
    if module is None:
        from firkin.runtime.cli.suggest import closest

        near = closest(name, modules)
        hint = f"did you mean {near}?" if near else "firkin help lists the commands"
        raise UsageError(f"unknown command '{name}'", hint=hint)
    # The importlib package would be one more import; the statement's own function is always there.
    __import__(module)
    loaded = sys.modules[module]
    return loaded.COMMAND, loaded.run


def interpret(command: Command, argv: list[str], settings: dict[str, Value]) -> Invocation:
    """Read what follows the command's name. With `--help` in it nothing else is checked. Raises `UsageError`."""
    options: dict[str, Value] = {}
    passthrough = command.passthrough
    arguments = parse(argv, command.options, options, command=command.name, interspersed=not passthrough)
    if not isinstance(passthrough, bool) and arguments:
        passthrough = passthrough(arguments, options)
        if not passthrough:
            arguments[1:] = parse(arguments[1:], command.options, options, command=command.name)
    if passthrough and arguments[1:2] == ["--"]:
        del arguments[1]
    invocation = Invocation(command, settings, options, arguments)
    if not options.get("help"):
        check_arguments(command, arguments)
        if command.check is not None:
            command.check(invocation)
    return invocation


def container_options() -> tuple[Option, ...]:
    """The options of every command that makes a container."""
    return (
        Option("bundle", "b", "DIR", "directory of the bundle (default: the current directory)"),
        Option("config", "f", "FILE", "read this configuration instead of the bundle's config.json"),
        Option("console-socket", "", "SOCKET", "unix socket to send the terminal's master end to"),
        Option("pidfd-socket", "", "SOCKET", "unix socket to send a pidfd of the container's first process to"),
        Option("pid-file", "", "FILE", "write the process id of the container's first process to FILE"),
        Option("no-pivot", help="move the root mount instead of pivot_root, for a host that runs from a ramfs"),
        Option("no-new-keyring", help="keep the caller's session keyring"),
        Option("no-subreaper", help="do not become the reaper of orphaned processes"),
        Option("preserve-fds", "", "N", "pass on N descriptors after 0-2 and those of $LISTEN_FDS", kind="number"),
    )


def _declared(options: tuple[Option, ...], name: str) -> Option:
    option = find(options, name)
    if option is None:
        raise KeyError(name)
    return option


def _value(options: tuple[Option, ...], values: dict[str, Value], name: str) -> Value:
    value = values.get(name)
    return _declared(options, name).default if value is None else value


def _text(options: tuple[Option, ...], values: dict[str, Value], name: str) -> str:
    value = _value(options, values, name)
    if not isinstance(value, str):
        raise TypeError(f"option --{name} does not take one text")
    return value


def default_root() -> str:
    directory = os.environ.get("XDG_RUNTIME_DIR")
    if directory and (os.geteuid() != 0 or is_mapped_root()):
        return f"{directory}/firkin"
    return "/run/firkin"


def is_mapped_root() -> bool:
    """Whether root is that of a user namespace, who can not write to /run and has no units of the system."""
    # A root login of the host has XDG_RUNTIME_DIR too, but the whole range of ids.
    with open("/proc/self/uid_map", encoding="ascii") as map_file:
        return map_file.read().split() != ["0", "0", "4294967295"]

"""Plans that have another OCI runtime make the container, by its command line (ADR 11).

What surrounds the container is as ever: the record, the root file system, who watches. The runtime makes the process,
with the standard streams of who runs the plan, and writes its id to a file; from there on it is the plan's.
"""

from __future__ import annotations

import os

from firkin.errors import ConfigError
from firkin.runtime.compile.cgroup import cgroup_path
from firkin.runtime.compile.context import Context
from firkin.runtime.compile.namespaces import USER
from firkin.runtime.compile.record import begin_record, complete_record, undo_record
from firkin.runtime.compile.trees import open_tree
from firkin.runtime.plan import opcodes as op
from firkin.runtime.plan.builder import PlanBuilder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from firkin.oci.runtime_spec import Config
    from firkin.runtime.compile.request import Host, Request

__all__ = ["ENVIRONMENT", "PID_FILE", "ExternalRuntime", "compile_external", "compile_external_exec"]

PID_FILE = "pid"
"""The file, in the directory of the record, that the runtime writes the process's id to."""

ENVIRONMENT = ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",)
"""What the runtime finds in its environment."""

_PATIENCE = 120_000
"""Milliseconds that one command may take; it may run hooks."""
_UNDO_PATIENCE = 30_000


class ExternalRuntime:
    """A runtime's program, and how it is called: `name` is for errors, `options` come before each command.

    `console` is the path of a socket that does not exist yet, for the terminal of a container that has one.
    """

    def __init__(self, name: str, path: str, options: Sequence[str], console: str = "") -> None:
        self.name = name
        self.path = path
        self.options = tuple(options)
        self.console = console

    def command(self, *arguments: str) -> list[str]:
        """The arguments of one command, with the name of the program."""
        return [self.path, *self.options, *arguments]


def compile_external(config: Config, request: Request, host: Host, runtime: ExternalRuntime) -> bytes:
    """The plan that creates and starts a container.

    Parameters: `config` has passed `firkin.oci.validate`, and is what `request.config` says. The trees of the request
    are mounted at their paths, which exist, until the container has them. Who runs the plan must be a subreaper.
    Raises ConfigError, FirkinError.
    """
    if config.process is None or config.linux is None or config.root is None:
        raise ConfigError("process", "is missing, or linux, or root")
    context = Context(config, config.linux, config.process, config.root, request, host)
    context.cgroup_path = cgroup_path(config.linux.cgroups_path, request.id)
    if any(namespace.type == "user" for namespace in config.linux.namespaces):
        context.joined |= USER
    output = context.plan.private_slot()
    _undo_process(context, runtime, output)
    begin_record(context)
    context.plan.prepare.add(op.OPEN_OUTPUT, runtime.name, output)
    mounted = _mount_trees(context)
    _create(context, runtime)
    for path, slot in mounted:
        # The container has them in its own mount namespace by now.
        context.plan.prepare.add(op.UNMOUNT, "root.path", slot, path)
    complete_record(context)
    _run(context, runtime, output, "start", request.id)
    context.plan.undo.add(op.STATE_UNLINK, "", context.state_dir, PID_FILE)
    undo_record(context)
    return context.plan.encode()


def _undo_process(context: Context, runtime: ExternalRuntime, output: int) -> None:
    undo = context.plan.undo
    command = runtime.command("delete", "--force", context.request.id)
    undo.add(op.PROGRAM, runtime.name, output, runtime.path, command, ENVIRONMENT, _UNDO_PATIENCE)
    undo.add(op.KILL_CHILD, runtime.name)


def _mount_trees(context: Context) -> list[tuple[str, int]]:
    mounted = []
    for path in context.request.trees:
        slot = context.plan.private_slot()
        open_tree(context, "root.path", slot, path, 0)
        context.plan.prepare.add(op.MOUNT, "root.path", slot, path)
        context.plan.undo.add(op.UNMOUNT, "root.path", slot, path)
        mounted.append((path, slot))
    return mounted


def _create(context: Context, runtime: ExternalRuntime) -> None:
    request, prepare = context.request, context.plan.prepare
    bundle, root, socket = f"{request.state_root}/{request.id}", context.plan.private_slot(), None
    arguments = ["create", "--bundle", bundle, "--pid-file", f"{bundle}/{PID_FILE}"]
    prepare.add(op.CGROUP_ROOT, "linux.cgroupsPath", root, context.host.hierarchy.mount)
    if context.process.terminal:
        socket = context.plan.private_slot()
        prepare.add(op.TERMINAL_LISTEN, "process.terminal", socket, runtime.console)
        arguments += ["--console-socket", runtime.console]
    # The streams of who runs the plan become the container's.
    _run(context, runtime, op.NO_SLOT, *arguments, request.id)
    prepare.add(op.ADOPT, runtime.name, context.cgroup, root, context.cgroup_path, context.state_dir, PID_FILE)
    if socket is not None:
        prepare.add(op.TERMINAL_ACCEPT, "process.terminal", socket, runtime.console)


def _run(context: Context, runtime: ExternalRuntime, output: int, *arguments: str) -> None:
    command = runtime.command(*arguments)
    section = context.plan.meet if arguments[0] == "start" else context.plan.prepare
    section.add(op.PROGRAM, runtime.name, output, runtime.path, command, ENVIRONMENT, _PATIENCE)


def compile_external_exec(directory: str, runtime: ExternalRuntime, arguments: Sequence[str]) -> bytes:
    """The plan that starts one more process in a container, with the streams of who runs it.

    Parameters: `directory` is one of the caller's, in which the runtime writes the process's id; `arguments` are those
    of its command `exec` after `--detach`. Who runs the plan must be a subreaper.
    """
    plan = PlanBuilder()
    opened, cgroup = plan.private_slot(), plan.private_slot()
    plan.prepare.add(op.OPEN, runtime.name, opened, directory, os.O_RDONLY | os.O_DIRECTORY)
    command = runtime.command("exec", "--detach", "--pid-file", f"{directory}/{PID_FILE}", *arguments)
    plan.prepare.add(op.PROGRAM, runtime.name, op.NO_SLOT, runtime.path, command, ENVIRONMENT, _PATIENCE)
    plan.prepare.add(op.ADOPT, runtime.name, cgroup, op.NO_SLOT, "", opened, PID_FILE)
    return plan.encode()

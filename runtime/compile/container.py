"""The compiler: a container's configuration, the caller's wishes and facts about the host become a plan."""

from __future__ import annotations

from firkin.errors import ConfigError, UnsupportedError
from firkin.runtime.compile.cgroup import cgroup_path, finish_cgroup, prepare_cgroup
from firkin.runtime.compile.context import Context
from firkin.runtime.compile.devices import add_devices
from firkin.runtime.compile.hooks import (
    add_hooks_before_pivot,
    add_poststart_hooks,
    add_start_hooks,
    open_output,
    state_of,
)
from firkin.runtime.compile.mounts import add_mounts, finish_mounts
from firkin.runtime.compile.namespaces import USER, enter, find_namespaces
from firkin.runtime.compile.process import Launch, check_terminal, connect_pidfd, keeps_groups
from firkin.runtime.compile.record import add_gate, begin_record, complete_record, undo_record
from firkin.runtime.compile.rootfs import attach_root, hide_paths, move_into_root
from firkin.runtime.compile.sysctl import add_sysctls
from firkin.runtime.plan import opcodes as op

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.oci.runtime_spec import Config
    from firkin.runtime.compile.request import Host, Request

__all__ = ["compile_container", "open_context"]


def compile_container(config: Config, request: Request, host: Host) -> tuple[bytes, list[str]]:
    """The plan that creates a container, and the warnings for its user.

    Parameters: `config` has passed `firkin.oci.validate`. Needs no root and changes nothing.
    Raises ConfigError, UnsupportedError with the place in the document.
    """
    context = open_context(config, request, host)
    if context.linux.intel_rdt:
        raise UnsupportedError("linux.intelRdt", "is not supported")
    if context.linux.mount_label:
        from firkin.runtime.compile.labels import check_mount_label

        check_mount_label(context.linux.mount_label, host)
    find_namespaces(context)
    launch = Launch(
        context.plan,
        context.process,
        context.linux,
        host=host,
        keep_groups=keeps_groups(config.annotations),
        available=host.grantable(in_user_namespace=bool((context.new | context.joined) & USER)),
        state=lambda status: state_of(context, status),
    )
    _prepare_outside(context)
    if not request.run:
        context.gate = add_gate(context)
    _set_up_inside(context, launch)
    _launch(context, launch)
    context.plan.clone("process", *context.birth)
    return context.plan.encode(), context.warnings + launch.warnings


def open_context(config: Config, request: Request, host: Host) -> Context:
    """A compilation of this configuration. Raises ConfigError if it lacks what every container has."""
    if config.process is None:
        raise ConfigError("process", "is missing: there is nothing to run")
    if config.linux is None:
        raise ConfigError("linux", "is missing", hint="this runtime runs Linux containers")
    if config.root is None:
        raise ConfigError("root", "is missing")
    context = Context(config, config.linux, config.process, config.root, request, host)
    context.cgroup_path = request.scope.path if request.scope else cgroup_path(config.linux.cgroups_path, request.id)
    return context


def _prepare_outside(context: Context) -> None:
    context.plan.undo.add(op.KILL_CHILD, "")
    begin_record(context)
    open_output(context)
    _connect_terminal(context)
    if context.request.pidfd_socket:
        context.pidfd_socket = connect_pidfd(context.plan, context.request.pidfd_socket)
    prepare_cgroup(context)
    undo_record(context)


def _connect_terminal(context: Context) -> None:
    socket = context.request.console_socket
    check_terminal(context.process, socket, foreground=context.request.foreground)
    if socket:
        context.console = context.plan.private_slot()
        context.plan.prepare.add(op.CONNECT, "--console-socket", context.console, socket)


def _set_up_inside(context: Context, launch: Launch) -> None:
    child = context.plan.child
    enter(context)
    if context.request.keyring:
        child.add(op.KEYRING, "", f"_ses.{context.request.id}")
    if context.config.hostname:
        child.add(op.HOSTNAME, "hostname", context.config.hostname)
    if context.config.domainname:
        child.add(op.DOMAINNAME, "domainname", context.config.domainname)
    add_sysctls(context)
    attach_root(context)
    add_mounts(context)
    add_devices(context)
    if context.process.cwd != "/":
        child.add(op.MKDIR, "process.cwd", context.root, context.process.cwd, 0o755)
    launch.terminal(context.root, bind=True, plain=context.request.plain_lines, size=context.request.terminal_size)
    add_hooks_before_pivot(context)
    if context.process.apparmor_profile or context.process.selinux_label:
        from firkin.runtime.compile.labels import add_labels

        # After the hooks that are programs of the host, whose next execution would be meant else.
        add_labels(context.plan, context.process, context.host)
    finish_mounts(context)
    hide_paths(context)
    move_into_root(context)
    kept = [*(context.gate or (None, None)), context.hook_output, launch.listener]
    child.add(op.KEEP_SLOTS, "", *(op.NO_SLOT if slot is None else slot for slot in kept))


def _launch(context: Context, launch: Launch) -> None:
    child, meet = context.plan.child, context.plan.meet
    launch.limits()
    launch.confine()
    child.add(op.RENDEZVOUS, "", op.POINT_READY)
    meet.add(op.AWAIT, "", op.POINT_READY)
    finish_cgroup(context)
    complete_record(context)
    if context.console is not None:
        meet.add(op.TERMINAL_SEND, "--console-socket", context.console)
    if context.pidfd_socket is not None:
        meet.add(op.SEND_PIDFD, "--pidfd-socket", context.pidfd_socket)
    meet.add(op.RELEASE, "", op.POINT_READY)
    if context.gate is not None:
        child.add(op.WAIT_START, "", *context.gate)
    else:
        meet.add(op.AWAIT_EXEC, "process.args")
        add_poststart_hooks(context)
    add_start_hooks(context)
    launch.execute()

"""The plan of `exec`: one more process in a container that runs.

The first process is born into the container's cgroup and joins its namespaces, but stays out of its pid namespace,
where nothing can see it. When it has let go of everything of the host it makes the second one, which is in sight from
its birth; no process of the container can get at a descriptor or the memory of ours (CVE-2016-9962).
"""

from __future__ import annotations

import os

from firkin.oci.record import NOTHING
from firkin.runtime.compile.namespaces import CLONE_FLAGS, USER
from firkin.runtime.compile.process import Launch, connect_pidfd
from firkin.runtime.plan import opcodes as op
from firkin.runtime.plan.builder import PlanBuilder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from firkin.oci.runtime_spec import Linux, Process
    from firkin.runtime.compile.request import Host

__all__ = ["ExecRequest", "compile_exec"]

# The slot of the container's first process.
_PROCESS = 0
_DIRECTORY = os.O_DIRECTORY | os.O_NOFOLLOW


class ExecRequest:
    """One `exec`: the container's first process by `pid` and `start_time`, and the caller's wishes.

    `plain_lines` is as in a Request. `cgroup` is the absolute path of the cgroup to be in, "" for that of the
    container's first process. `keep_groups` leaves the caller its supplementary groups. `state` is the container's
    (runtime.md "State") without its process, for a seccomp agent.
    """

    def __init__(
        self,
        *,
        pid: int,
        start_time: int,
        foreground: bool,
        terminal_size: tuple[int, int] = (0, 0),
        plain_lines: bool = False,
        pid_file: str = "",
        console_socket: str = "",
        preserve_fds: int = 0,
        pidfd_socket: str = "",
        cgroup: str = "",
        keep_groups: bool = False,
        state: Mapping[str, object] = NOTHING,
    ) -> None:
        self.pid = pid
        self.start_time = start_time
        self.foreground = foreground
        self.terminal_size = terminal_size
        self.plain_lines = plain_lines
        self.pid_file = pid_file
        self.console_socket = console_socket
        self.preserve_fds = preserve_fds
        self.pidfd_socket = pidfd_socket
        self.cgroup = cgroup
        self.keep_groups = keep_groups
        self.state = state


def compile_exec(linux: Linux, process: Process, request: ExecRequest, host: Host) -> tuple[bytes, list[str]]:
    """The plan that runs `process` in the container whose configuration has `linux`, and warnings for the user."""
    plan = PlanBuilder(request.preserve_fds)
    # The first slot: _PROCESS.
    plan.prepare.add(op.OPEN_PROCESS, "", plan.shared_slot(), request.pid, request.start_time)
    launch = Launch(
        plan,
        process,
        linux,
        host=host,
        keep_groups=request.keep_groups,
        available=host.grantable(in_user_namespace=any(n.type == "user" for n in linux.namespaces)),
        # What an agent is told of is the container, which runs.
        state=lambda _status: request.state,
    )
    cgroup, console = _prepare(plan, request, host, process)
    if process.apparmor_profile or process.selinux_label:
        from firkin.runtime.compile.labels import add_labels

        # The process that is born of this one inherits it, and is the first to execute a program.
        add_labels(plan, process, host)
    _join(plan, linux, launch.listener)
    _launch(plan, launch, process, request, console)
    plan.clone("", 0, cgroup)
    plan.undo.add(op.KILL_CHILD, "")
    return plan.encode(), launch.warnings


def _prepare(plan: PlanBuilder, request: ExecRequest, host: Host, process: Process) -> tuple[int, int | None]:
    hierarchy, cgroup = plan.private_slot(), plan.private_slot()
    plan.prepare.add(op.CGROUP_ROOT, "", hierarchy, host.hierarchy.mount)
    if request.cgroup:
        plan.prepare.add(op.OPEN, "--cgroup", cgroup, request.cgroup, _DIRECTORY)
    else:
        # Where the first process is now: an init may have moved itself below the container's cgroup.
        plan.prepare.add(op.CGROUP_OF, "", cgroup, hierarchy, request.pid)
    affinity = process.exec_cpu_affinity
    if affinity and affinity.initial:
        from firkin.runtime.compile.scheduling import bits

        # The birth is into the cgroup, whose processors count if these are none of them.
        place = "process.execCPUAffinity.initial"
        plan.prepare.add(op.AFFINITY, place, bits(affinity.initial, place))
    if not request.console_socket:
        return cgroup, None
    console = plan.private_slot()
    plan.prepare.add(op.CONNECT, "--console-socket", console, request.console_socket)
    return cgroup, console


def _join(plan: PlanBuilder, linux: Linux, listener: int) -> None:
    types = 0
    for namespace in linux.namespaces:
        types |= CLONE_FLAGS[namespace.type]
    plan.child.add(op.DUMPABLE, "", 0)
    plan.child.add(op.SETNS, "linux.namespaces", _PROCESS, types)
    if types & USER:
        plan.child.add(op.SETGID, "linux.gidMappings", 0)
        plan.child.add(op.SETUID, "linux.uidMappings", 0)
        plan.child.add(op.DUMPABLE, "", 0)
    plan.child.add(op.KEEP_SLOTS, "", op.NO_SLOT, op.NO_SLOT, op.NO_SLOT, listener)
    plan.child.add(op.CLONE, "process", 0, op.NO_SLOT)
    plan.child.add(op.SETSID, "process")


def _launch(plan: PlanBuilder, launch: Launch, process: Process, request: ExecRequest, console: int | None) -> None:
    if process.terminal:
        root = plan.private_slot()
        # What is now this process's root.
        plan.child.add(op.OPEN, "", root, "/", os.O_PATH | os.O_DIRECTORY)
        launch.terminal(root, bind=False, plain=request.plain_lines, size=request.terminal_size)
    if process.exec_cpu_affinity:
        from firkin.runtime.compile.scheduling import final_affinity

        final_affinity(plan, process)
    launch.limits()
    launch.confine()
    plan.child.add(op.RENDEZVOUS, "", op.POINT_READY)
    plan.meet.add(op.AWAIT, "", op.POINT_READY)
    if request.pid_file:
        plan.meet.add(op.PID_FILE, "--pid-file", request.pid_file, b"%c" % op.HOLE_PID)
    if request.pidfd_socket:
        plan.meet.add(op.SEND_PIDFD, "--pidfd-socket", connect_pidfd(plan, request.pidfd_socket))
    if console is not None:
        plan.meet.add(op.TERMINAL_SEND, "--console-socket", console)
    plan.meet.add(op.RELEASE, "", op.POINT_READY)
    plan.meet.add(op.AWAIT_EXEC, "process.args")
    launch.execute()

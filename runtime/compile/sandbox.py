"""The plan of a sandbox: namespaces that several containers join, each kept by a mount and not by a process.

The configuration is that of a container, of which a sandbox has hostname, domainname and, of `linux`, namespaces,
sysctl, the id mappings and cgroupsPath. A process is born in all new namespaces, names and sets up what is in them,
and the parent pins them on files of the sandbox's directory; then it is killed. A pid namespace lives only as long as
its first process: where one is asked for the process stays, in a cgroup of its own, with an empty root, without rights
and without descriptors, and reaps.
"""

from __future__ import annotations

from firkin.errors import ConfigError, UnsupportedError
from firkin.oci.json_text import dump
from firkin.runtime.compile.cgroup import cgroup_path, make_cgroup
from firkin.runtime.compile.mount_options import parse_options
from firkin.runtime.compile.namespaces import CLONE_FLAGS, IPC, MOUNT, PID, USER, become_root
from firkin.runtime.compile.nursery import enter_nursery
from firkin.runtime.compile.sysctl import write_sysctls
from firkin.runtime.plan import opcodes as op
from firkin.runtime.plan.builder import PlanBuilder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.oci.runtime_spec import Config, Linux
    from firkin.runtime.compile.request import Host

__all__ = ["PINNED", "SandboxRequest", "compile_sandbox", "compile_unpinning"]

PINNED = ("network", "ipc", "uts", "pid", "user")
"""The types of namespaces that a sandbox can have; they are the names of the files that keep them, too."""

_RECORD = "state.json"
_SLAVE = 1 << 19
_DIRECTORY = 0o10000000 | 0o200000 | 0o400000  # O_PATH | O_DIRECTORY | O_NOFOLLOW


class SandboxRequest:
    """One sandbox: its `id`, and `state_root`, the directory that its own is made in.

    `oom_score_adj` is that of the process that stays where there is a pid namespace, None for the caller's; `nursery`
    the path of a mount namespace that it is born in (`firkin.runtime.nursery`), "" for the caller's.
    """

    __slots__ = ("id", "nursery", "oom_score_adj", "state_root")

    def __init__(self, *, id: str, state_root: str, oom_score_adj: int | None = None, nursery: str = "") -> None:
        self.id = id
        self.state_root = state_root
        self.oom_score_adj = oom_score_adj
        self.nursery = nursery


class _Sandbox:
    # One compilation: `types` are the names of its namespaces, `new` their clone flags.

    def __init__(self, config: Config, linux: Linux, request: SandboxRequest, host: Host) -> None:
        self.config = config
        self.linux = linux
        self.request = request
        self.host = host
        self.types = _types(linux)
        self.new = sum(CLONE_FLAGS[name] for name in self.types)
        self.plan = PlanBuilder()
        self.directory = self.plan.private_slot()
        # A process that is gone when the sandbox is made needs none.
        self.cgroup = self.plan.shared_slot() if self.new & PID else None
        self.cgroup_path = cgroup_path(linux.cgroups_path, request.id) if self.new & PID else ""


def compile_sandbox(config: Config, request: SandboxRequest, host: Host) -> bytes:
    """The plan that makes a sandbox.

    Parameters: `config` has passed `firkin.oci.validate.validate_sandbox`; what a sandbox has not is not looked at.
    Needs no root and changes nothing. Raises ConfigError, UnsupportedError with the place in the document.
    """
    if config.linux is None:
        raise ConfigError("linux", "is missing", hint="this runtime runs Linux containers")
    sandbox = _Sandbox(config, config.linux, request, host)
    _begin_record(sandbox)
    _make_cgroup(sandbox)
    birth = _be_born(sandbox)
    _set_up(sandbox)
    if sandbox.new & PID:
        _hide(sandbox)
    _meet(sandbox)
    _undo(sandbox)
    if sandbox.new:
        sandbox.plan.clone("linux.namespaces", *birth)
    return sandbox.plan.encode()


def _types(linux: Linux) -> list[str]:
    for index, namespace in enumerate(linux.namespaces):
        place = f"linux.namespaces[{index}]"
        if namespace.path:
            raise UnsupportedError(f"{place}.path", "a sandbox makes its namespaces, it joins none")
        if namespace.type not in PINNED:
            raise UnsupportedError(f"{place}.type", f"a sandbox has no {namespace.type} namespace")
    return [namespace.type for namespace in linux.namespaces]


def _begin_record(sandbox: _Sandbox) -> None:
    prepare, request = sandbox.plan.prepare, sandbox.request
    prepare.add(op.STATE_MAKE, "", sandbox.directory, request.state_root, request.id)
    prepare.add(op.STATE_WRITE, "", sandbox.directory, _RECORD, 0o600, _record(sandbox, ready=False))


def _record(sandbox: _Sandbox, *, ready: bool) -> bytes:
    fields = {"id": sandbox.request.id, "namespaces": sandbox.types, "cgroup": sandbox.cgroup_path, "ready": ready}
    process = b'"pid":%c,"startTime":%c,' % (op.HOLE_PID, op.HOLE_START_TIME) if ready and sandbox.new & PID else b""
    return b"{" + process + dump(fields)[1:].encode()


def _make_cgroup(sandbox: _Sandbox) -> None:
    plan = sandbox.plan
    plan.undo.add(op.KILL_CHILD, "")
    if sandbox.cgroup is None:
        return
    root = plan.private_slot()
    plan.prepare.add(op.CGROUP_ROOT, "linux.cgroupsPath", root, sandbox.host.hierarchy.mount)
    make_cgroup(plan, sandbox.host, sandbox.cgroup_path, root, sandbox.cgroup)


def _be_born(sandbox: _Sandbox) -> tuple[int, int | None]:
    # Flags and cgroup of the first clone3(2).
    child = sandbox.plan.child
    own_mounts = MOUNT if sandbox.new & PID else 0
    child.add(op.DUMPABLE, "", 0)
    nursed = bool(own_mounts and sandbox.request.nursery)
    if nursed:
        enter_nursery(sandbox.plan, sandbox.request.nursery)
    if not sandbox.new & USER:
        child.add(op.SETSID, "")
        if nursed:
            child.add(op.UNSHARE, "", own_mounts)
        return sandbox.new | (0 if nursed else own_mounts), sandbox.cgroup
    # As for a container: rights survive no execution before ids are mapped, and the message queues of an ipc namespace
    # belong to who makes it.
    slot = op.NO_SLOT if sandbox.cgroup is None else sandbox.cgroup
    child.add(op.CLONE, "linux.namespaces", (sandbox.new | own_mounts) & ~IPC, slot)
    become_root(sandbox.plan, sandbox.linux)
    child.add(op.SETSID, "")
    if sandbox.new & IPC:
        child.add(op.UNSHARE, "linux.namespaces", IPC)
    return 0, None


def _set_up(sandbox: _Sandbox) -> None:
    plan, config = sandbox.plan, sandbox.config
    if config.hostname:
        plan.child.add(op.HOSTNAME, "hostname", config.hostname)
    if config.domainname:
        plan.child.add(op.DOMAINNAME, "domainname", config.domainname)
    if sandbox.new & CLONE_FLAGS["network"]:
        plan.child.add(op.LOOPBACK, "linux.namespaces")
    if sandbox.linux.sysctl:
        # A procfs can be made only by the owner of the pid namespace; what the parameters are is decided when they
        # are looked up, by the namespaces of who does that.
        proc = plan.shared_slot()
        plan.prepare.add(op.OPEN_PROC, "linux.sysctl", proc)
        write_sysctls(plan.child, sandbox.linux.sysctl, proc, sandbox.new)


def _hide(sandbox: _Sandbox) -> None:
    # What it is and has can be seen by every container of the pid namespace.
    plan = sandbox.plan
    root = plan.private_slot()
    options = parse_options(("ro", "nosuid", "nodev", "noexec", "mode=555", "size=4k"))
    plan.child.add(op.PROPAGATION, "", "/", _SLAVE, 1)
    plan.child.add(op.MOUNT_NEW, "", root, "tmpfs", options.fsconfig("firkin"), options.set)
    plan.child.add(op.ROOT_ATTACH, "", root, "/")
    plan.child.add(op.PIVOT, "", root)
    plan.child.add(op.KEEP_SLOTS, "", op.NO_SLOT, op.NO_SLOT, op.NO_SLOT, op.NO_SLOT)
    plan.child.add(op.NO_NEW_PRIVS, "")
    plan.child.add(op.CAP_AMBIENT, "", 0)
    plan.child.add(op.CAP_BOUND, "", 0, sandbox.host.last_capability)
    plan.child.add(op.CAP_SET, "", 0, 0, 0)


def _meet(sandbox: _Sandbox) -> None:
    plan, meet = sandbox.plan, sandbox.plan.meet
    if sandbox.new:
        plan.child.add(op.RENDEZVOUS, "", op.POINT_READY)
        meet.add(op.AWAIT, "", op.POINT_READY)
    if sandbox.new & PID and sandbox.request.oom_score_adj is not None:
        meet.add(op.WRITE_CHILD, "", "oom_score_adj", str(sandbox.request.oom_score_adj).encode())
    for index, name in enumerate(sandbox.types):
        meet.add(op.PIN_NAMESPACE, f"linux.namespaces[{index}]", sandbox.directory, name, CLONE_FLAGS[name])
    meet.add(op.STATE_WRITE, "", sandbox.directory, _RECORD, 0o600, _record(sandbox, ready=True))
    if sandbox.new & PID:
        meet.add(op.RELEASE, "", op.POINT_READY)
        meet.add(op.AWAIT_EXEC, "")
        plan.child.add(op.REAP, "")
    elif sandbox.new:
        meet.add(op.KILL_CHILD, "")


def _undo(sandbox: _Sandbox) -> None:
    undo, request = sandbox.plan.undo, sandbox.request
    for name in sandbox.types:
        undo.add(op.UNPIN_NAMESPACE, "", sandbox.directory, name)
    undo.add(op.STATE_UNLINK, "", sandbox.directory, _RECORD)
    undo.add(op.STATE_REMOVE, "", sandbox.directory, request.state_root, request.id)


def compile_unpinning(directory: str) -> bytes:
    """The plan that removes the pins in the directory of a sandbox, as many as there are."""
    plan = PlanBuilder()
    slot = plan.private_slot()
    plan.prepare.add(op.OPEN, "", slot, directory, _DIRECTORY)
    for name in PINNED:
        plan.prepare.add(op.UNPIN_NAMESPACE, "", slot, name)
    return plan.encode()

"""The plan that makes what surrounds a restored container, and has CRIU make its processes there.

CRIU is the plan's process: born in the container's cgroup, whose limits and device program are in force, with the
container's cgroup namespace and a mount namespace of its own, in which the root file system is mounted. What it makes
inherits its cgroup and cgroup namespace. It serves one request over a socket (`firkin.runtime.checkpoint.service`).
"""

from __future__ import annotations

from firkin.runtime.compile.cgroup import finish_cgroup, prepare_cgroup
from firkin.runtime.compile.container import open_context
from firkin.runtime.compile.namespaces import CGROUP, MOUNT, find_namespaces
from firkin.runtime.compile.record import begin_record, undo_record
from firkin.runtime.compile.trees import open_tree
from firkin.runtime.plan import opcodes as op

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from firkin.oci.runtime_spec import Config
    from firkin.runtime.compile.context import Context
    from firkin.runtime.compile.request import Host, Request

    Program = tuple[Sequence[str], Sequence[str]]
    Target = tuple[str, str, bool]

__all__ = ["compile_restore", "root_path"]

_SLAVE = 1 << 19
_ROOT = "root.path"


def compile_restore(
    config: Config, request: Request, host: Host, criu: Program, targets: Sequence[Target]
) -> tuple[bytes, list[str]]:
    """The plan, and no warnings. It leaves the container's record without a process.

    Parameters: `config` has passed `firkin.oci.validate`; `criu` are arguments and environment of the program, which
    inherits the descriptors that `request.preserve_fds` counts; `targets` are places of mounts that the root has not
    got: their origins in the configuration, their paths, and whether they are files. Raises ConfigError,
    UnsupportedError.
    """
    context = open_context(config, request, host)
    find_namespaces(context)
    context.plan.undo.add(op.KILL_CHILD, "")
    begin_record(context)
    prepare_cgroup(context)
    undo_record(context)
    _mount_root(context)
    _make_targets(context, targets)
    _start(context, *criu)
    context.plan.clone("criu", MOUNT, context.cgroup)
    return context.plan.encode(), context.warnings


def root_path(config: Config, bundle: str) -> str:
    """Where the root file system is on the host, and CRIU finds it."""
    path = config.root.path if config.root else ""
    return path if path[:1] == "/" else f"{bundle}/{path}"


def _mount_root(context: Context) -> None:
    child = context.plan.child
    path = root_path(context.config, context.request.bundle)
    open_tree(context, _ROOT, context.root, path, op.TREE_RECURSIVE)
    if context.new & CGROUP:
        # Its root is the cgroup that the process is in.
        child.add(op.UNSHARE, "linux.namespaces", CGROUP)
    child.add(op.PROPAGATION, "linux.rootfsPropagation", "/", _SLAVE, 1)
    child.add(op.MOUNT_ATTRIBUTES, "root", context.root, 0, 0, _SLAVE, 1)
    # The last thing that is mounted there, so that it is the root of a mount, which CRIU asks for.
    child.add(op.ROOT_ATTACH, _ROOT, context.root, path)


def _make_targets(context: Context, targets: Sequence[Target]) -> None:
    # CRIU mounts and makes no directories.
    child = context.plan.child
    for origin, path, is_file in targets:
        directory = path.rpartition("/")[0] if is_file else path
        child.add(op.MKDIR, origin, context.root, directory or "/", 0o755)
        if is_file:
            child.add(op.MKNOD, origin, context.root, path, 0o100644, 0, 0, 0)


def _start(context: Context, argv: Sequence[str], environment: Sequence[str]) -> None:
    child, meet = context.plan.child, context.plan.meet
    child.add(op.KEEP_SLOTS, "", op.NO_SLOT, op.NO_SLOT, op.NO_SLOT, op.NO_SLOT)
    child.add(op.CLOSE_ON_EXEC, "criu")
    if context.process.no_new_privileges:
        # The processes inherit it, whether this CRIU keeps it or not.
        child.add(op.NO_NEW_PRIVS, "process.noNewPrivileges")
    child.add(op.RENDEZVOUS, "", op.POINT_READY)
    meet.add(op.AWAIT, "", op.POINT_READY)
    finish_cgroup(context)
    meet.add(op.RELEASE, "", op.POINT_READY)
    meet.add(op.AWAIT_EXEC, "criu")
    child.add(op.EXEC, "criu", [argv[0]], argv, environment)

"""The nursery: a mount namespace with next to nothing in it, in which containers of a server are born.

A new mount namespace is a copy of another one, and a server's has some mounts for each container that runs. All that a
container gets of the host comes by descriptor, so its mounts can as well be made in the copy of an empty namespace. It
has what the kernel and the executor look for: a procfs and a sysfs that are visible in whole, without which no user
namespace may mount its own, and /dev/null.
"""

from __future__ import annotations

from firkin.runtime.compile.mount_options import parse_options
from firkin.runtime.plan import opcodes as op
from firkin.runtime.plan.builder import PlanBuilder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.compile.context import Context

__all__ = ["can_be_born_in_nursery", "compile_nursery", "enter_nursery"]

_MOUNT = 0x00020000
_PRIVATE = 1 << 18
_RDONLY = 1
_NULL_MODE, _NULL_DEVICE = 0o020666, 1 << 32 | 3
# File systems whose options name no files of the host.
_SELF_CONTAINED = frozenset(("cgroup", "cgroup2", "devpts", "mqueue", "proc", "ramfs", "sysfs", "tmpfs"))


def compile_nursery() -> bytes:
    """The plan that makes a nursery, the mount namespace of its process, which stays until its parent ends it."""
    plan = PlanBuilder()
    null, root = plan.shared_slot(), plan.private_slot()
    child = plan.child
    plan.undo.add(op.KILL_CHILD, "")
    plan.prepare.add(op.OPEN_DEVICE_TREE, "", null, "/dev/null", _NULL_MODE, _NULL_DEVICE)
    child.add(op.DIE_WITH_PARENT, "")
    child.add(op.DUMPABLE, "", 0)
    child.add(op.PROPAGATION, "", "/", _PRIVATE, 1)
    child.add(op.MOUNT_NEW, "", root, "tmpfs", parse_options(("mode=755", "size=4k")).fsconfig("firkin"), 0)
    child.add(op.ROOT_ATTACH, "", root, "/")
    for place, kind, flags in (("/proc", "proc", op.ATTACH_PROC_ONLY), ("/sys", "sysfs", 0)):
        slot = plan.private_slot()
        child.add(op.MOUNT_NEW, "", slot, kind, b"", 0)
        child.add(op.ATTACH, "", slot, root, place, flags)
    child.add(op.ATTACH, "", null, root, "/dev/null", 0)
    child.add(op.MOUNT_ATTRIBUTES, "", root, _RDONLY, 0, 0, 0)
    child.add(op.PIVOT, "", root)
    child.add(op.RENDEZVOUS, "", op.POINT_READY)
    plan.meet.add(op.AWAIT, "", op.POINT_READY)
    plan.meet.add(op.RELEASE, "", op.POINT_READY)
    plan.meet.add(op.AWAIT_EXEC, "")
    child.add(op.REAP, "")
    plan.clone("", _MOUNT, None)
    return plan.encode()


def enter_nursery(plan: PlanBuilder, path: str) -> None:
    """Let the child go into the nursery at `path`, before it gives up any rights."""
    slot = plan.shared_slot()
    plan.prepare.add(op.OPEN_NAMESPACE, "", slot, path, _MOUNT)
    plan.child.add(op.SETNS, "", slot, _MOUNT)


def can_be_born_in_nursery(context: Context) -> bool:
    """Whether the container has mounts of its own, and these need nothing of those of the host."""
    hooks = context.config.hooks
    if not context.new & _MOUNT:
        return False
    # They expect to see the host from the container's namespace, or the container at its path on the host.
    if hooks is not None and (hooks.prestart or hooks.create_runtime or hooks.create_container):
        return False
    return all(mount.type in _SELF_CONTAINED or _is_bind(mount.type, mount.options) for mount in context.config.mounts)


def _is_bind(kind: str, options: tuple[str, ...]) -> bool:
    return kind == "bind" or "bind" in options or "rbind" in options

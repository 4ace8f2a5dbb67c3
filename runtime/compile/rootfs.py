"""The root file system: brought into the mount namespace, hidden in parts, moved into."""

from __future__ import annotations

from firkin.errors import ConfigError
from firkin.runtime.compile.mount_options import RDONLY
from firkin.runtime.compile.namespaces import MOUNT
from firkin.runtime.compile.trees import open_tree
from firkin.runtime.plan import opcodes as op

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.compile.context import Context

__all__ = ["attach_root", "hide_paths", "move_into_root"]

_SLAVE = 1 << 19
_PRIVATE = 1 << 18
_PROPAGATION = {"private": _PRIVATE, "slave": _SLAVE, "shared": 1 << 20, "unbindable": 1 << 17}
_NULL = "/dev/null"


def attach_root(context: Context) -> None:
    """Open the root file system once, on the host, and put its tree into the container's mount namespace.

    It hides the host's root where nothing needs that: hooks that run before the move expect to see the host, and
    the container's root at its own path.
    """
    plan = context.plan
    path = context.root_config.path
    if path[0] != "/":
        path = f"{context.request.bundle}/{path}"
    open_tree(context, "root.path", context.root, path, op.TREE_RECURSIVE)
    _propagation(context)
    if context.joined & MOUNT:
        return
    plan.child.add(op.PROPAGATION, "linux.rootfsPropagation", "/", _SLAVE, 1)
    # Whatever is asked for in the end: until then nothing mounted below may reach the host.
    plan.child.add(op.MOUNT_ATTRIBUTES, "root", context.root, 0, 0, _initial(context), 1)
    hooks = context.config.hooks
    visible = hooks is not None and (hooks.prestart or hooks.create_runtime or hooks.create_container)
    plan.child.add(op.ROOT_ATTACH, "root.path", context.root, path if visible else "/")


def _propagation(context: Context) -> tuple[int, bool]:
    word = context.linux.rootfs_propagation
    if not word:
        return 0, False
    value = _PROPAGATION.get(word) or _PROPAGATION.get(word[1:] if word[0] == "r" else "")
    if not value:
        raise ConfigError("linux.rootfsPropagation", f"unknown value {word!r}", hint="such as rprivate, rslave, shared")
    return value, word not in _PROPAGATION


def _initial(context: Context) -> int:
    return _PRIVATE if _propagation(context)[0] == _PRIVATE else _SLAVE


def hide_paths(context: Context) -> None:
    """Mask, make read-only, and give the root its last attributes."""
    plan, linux = context.plan, context.linux
    if linux.masked_paths:
        null = plan.private_slot()
        plan.child.add(op.OPEN_NULL, "linux.maskedPaths", null, _NULL)
        for index, path in enumerate(dict.fromkeys(linux.masked_paths)):
            base, rest = _below_mount(context, path)
            plan.child.add(op.MASK, f"linux.maskedPaths[{index}]", base, rest, null)
    for index, path in enumerate(linux.readonly_paths):
        base, rest = _below_mount(context, path)
        plan.child.add(op.READONLY, f"linux.readonlyPaths[{index}]", base, rest)
    if context.root_config.readonly:
        plan.child.add(op.MOUNT_ATTRIBUTES, "root.readonly", context.root, RDONLY, 0, 0, 0)


def _below_mount(context: Context, path: str) -> tuple[int, str]:
    # A path of /proc is looked up from the mount that was put there, whatever /proc is by now.
    for destination, slot in context.proc_mounts:
        if path.startswith(f"{destination}/"):
            return slot, path[len(destination) + 1 :]
    return context.root, path


def move_into_root(context: Context) -> None:
    """Make the root file system the process's root, and give it the propagation that is asked for."""
    in_own = context.request.pivot and not context.joined & MOUNT
    context.plan.child.add(op.PIVOT if in_own else op.CHROOT, "root.path", context.root)
    propagation, recursive = _propagation(context)
    # Only now: pivot_root(2) takes no shared mount.
    if propagation not in (0, _SLAVE, _PRIVATE):
        origin = "linux.rootfsPropagation"
        context.plan.child.add(op.MOUNT_ATTRIBUTES, origin, context.root, 0, 0, propagation, int(recursive))

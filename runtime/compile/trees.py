"""Trees that are brought into the container: from a path of the host, or of layers where a path stands for those."""

from __future__ import annotations

from firkin.runtime.compile.namespaces import USER, map_text
from firkin.runtime.plan import opcodes as op

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.oci.runtime_spec import Mount
    from firkin.runtime.compile.context import Context

__all__ = ["map_ids", "open_tree"]


def open_tree(context: Context, origin: str, slot: int, path: str, flags: int) -> None:
    """Let the parent open what `path` stands for as a detached tree, which fills the slot; `flags` are TREE_*.

    An overlay is never mounted on the host: it is a descriptor until the child attaches it in its own mount namespace.
    """
    overlay = context.request.trees.get(path)
    if overlay is None:
        context.plan.prepare.add(op.OPEN_TREE, origin, slot, path, flags)
        return
    users = _own_users(context)
    add = context.plan.prepare.add
    whole = context.plan.private_slot() if overlay.path else slot
    options = overlay.options
    if context.linux.mount_label:
        options += f"=context\0{context.linux.mount_label}\0".encode()
    add(op.OVERLAY, origin, whole, overlay.lower, overlay.upper, overlay.work, options, users)
    if overlay.path:
        add(op.SUBTREE, origin, slot, whole, overlay.path)
        add(op.CLOSE, origin, whole)


def map_ids(context: Context, origin: str, slot: int, mount: Mount, *, recursive: bool) -> None:
    """Let the files of an opened tree have the ids that the mount says, or the container's own where it does not.

    A file that belongs to a user of a mapping's `containerID` belongs to the one of its `hostID` in that mount (runtime
    specification, "mounts"; MOUNT_ATTR_IDMAP, Linux 5.12).
    """
    if mount.uid_mappings:
        users = _mapped(context, map_text(mount.uid_mappings), map_text(mount.gid_mappings), f"{origin}.uidMappings")
    else:
        users = _own_users(context)
    context.plan.prepare.add(op.MAP_IDS, f"{origin}.uidMappings", slot, users, int(recursive))


def _own_users(context: Context) -> int:
    """The slot of a user namespace that maps ids as the container's does; NO_SLOT if it has none of its own."""
    if not (context.new | context.joined) & USER:
        return op.NO_SLOT
    if context.users is not None:
        return context.users
    # The container's own is still to be made; what counts are the maps.
    linux = context.linux
    return _mapped(context, map_text(linux.uid_mappings), map_text(linux.gid_mappings), "linux.uidMappings")


def _mapped(context: Context, uids: bytes, gids: bytes, origin: str) -> int:
    if (uids, gids) not in context.mapped:
        slot = context.mapped[uids, gids] = context.plan.private_slot()
        context.plan.prepare.add(op.OPEN_USERS, origin, slot, uids, gids)
    return context.mapped[uids, gids]

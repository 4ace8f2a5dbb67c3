"""Mounts: made detached in the order of the list, given their attributes, attached to a resolved target."""

from __future__ import annotations

from firkin.errors import ConfigError, UnsupportedError
from firkin.runtime.compile.mount_options import RDONLY, parse_options
from firkin.runtime.compile.namespaces import CGROUP, USER
from firkin.runtime.compile.trees import map_ids, open_tree
from firkin.runtime.plan import opcodes as op

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.oci.runtime_spec import Mount
    from firkin.runtime.compile.context import Context
    from firkin.runtime.compile.mount_options import MountOptions

__all__ = ["add_mounts", "finish_mounts"]

_SLAVE = 1 << 19
# What lxcfs and friends may put over files of /proc.
_ON_PROC = frozenset(
    f"/proc/{name}"
    for name in (
        "cpuinfo",
        "diskstats",
        "meminfo",
        "stat",
        "swaps",
        "uptime",
        "loadavg",
        "slabinfo",
        "sys/kernel/ns_last_pid",
        "sys/crypto/fips_enabled",
    )
)


def add_mounts(context: Context) -> None:
    """Compile all mounts. Raises ConfigError or UnsupportedError with the path of the mount."""
    for index, mount in enumerate(context.config.mounts):
        _add(context, mount, f"mounts[{index}]")


def _add(context: Context, mount: Mount, origin: str) -> None:
    options = parse_options(mount.options)
    if mount.type == "bind" and not options.bind:
        options.bind = "bind"
    if options.unsupported:
        raise UnsupportedError(f"{origin}.options", f"{options.unsupported} is not supported")
    if (mount.uid_mappings or options.mapping) and (options.remount or not options.bind):
        raise UnsupportedError(f"{origin}.uidMappings", "only bind mounts can have their ids mapped")
    if "tmpcopyup" in options.extra and (mount.type != "tmpfs" or options.bind or options.remount):
        raise ConfigError(f"{origin}.options", "tmpcopyup is for a new tmpfs only")
    destination = _clean(mount.destination)
    if options.remount:
        _remount(context, options, destination, origin)
    elif options.bind:
        _bind(context, mount, options, destination, origin)
    else:
        _new(context, mount, options, destination, origin)


def _clean(path: str) -> str:
    # A relative destination is deprecated and starts at the root.
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)


def _attach(context: Context, slot: int, destination: str, origin: str, flags: int = 0) -> None:
    if destination == "/proc":
        flags |= op.ATTACH_PROC_ONLY | op.ATTACH_NO_FOLLOW
    elif destination in _ON_PROC:
        flags |= op.ATTACH_ON_PROC
    elif destination.startswith("/proc/"):
        raise ConfigError(
            f"{origin}.destination",
            f"{destination} is inside /proc",
            hint="what is mounted there could feign the kernel",
        )
    context.plan.child.add(op.ATTACH, origin, slot, context.root, destination, flags)


def _set_attributes(context: Context, slot: int, options: MountOptions, origin: str) -> None:
    add = context.plan.child.add
    if options.set or options.clear:
        add(op.MOUNT_ATTRIBUTES, origin, slot, options.set, options.clear, 0, 0)
    if options.recursive_set or options.recursive_clear:
        add(op.MOUNT_ATTRIBUTES, origin, slot, options.recursive_set, options.recursive_clear, 0, 1)


def _set_propagation(context: Context, slot: int, options: MountOptions, origin: str) -> None:
    add = context.plan.child.add
    if options.propagation:
        add(op.MOUNT_ATTRIBUTES, origin, slot, 0, 0, options.propagation, int(options.recursive_propagation))


def _bind(context: Context, mount: Mount, options: MountOptions, destination: str, origin: str) -> None:
    source = mount.source
    if not source:
        raise ConfigError(f"{origin}.source", "is empty, but a bind mount needs one")
    if source[0] != "/":
        source = f"{context.request.bundle}/{source}"
    slot = context.plan.shared_slot()
    flags = op.TREE_RECURSIVE if options.bind == "rbind" else 0
    if "src-nofollow" in options.extra:
        flags |= op.TREE_NO_FOLLOW
    open_tree(context, f"{origin}.source", slot, source, flags)
    if mount.uid_mappings or options.mapping:
        map_ids(context, origin, slot, mount, recursive=options.mapping == "ridmap")
    _set_attributes(context, slot, options, origin)
    if options.propagation:
        _set_propagation(context, slot, options, origin)
    else:
        # The copy is a peer of the host's mount: without a word it follows the host and never the other way.
        context.plan.child.add(op.MOUNT_ATTRIBUTES, origin, slot, 0, 0, _SLAVE, 1)
    if destination == "/dev":
        context.dev_is_bound = True
    _attach(context, slot, destination, origin, _no_follow(options))


def _no_follow(options: MountOptions) -> int:
    return op.ATTACH_NO_FOLLOW | op.ATTACH_ON_LINK if "dest-nofollow" in options.extra else 0


def _new(context: Context, mount: Mount, options: MountOptions, destination: str, origin: str) -> None:
    kind = {"cgroup": "cgroup2"}.get(mount.type, mount.type)
    if not kind:
        raise ConfigError(f"{origin}.type", "is empty, and the options ask for no bind mount")
    if context.linux.mount_label:
        from firkin.runtime.compile.labels import label_option

        options.data += filter(None, [label_option(kind, context.linux.mount_label)])
    if kind == "cgroup2" and context.new & USER and not (context.new | context.joined) & CGROUP:
        _cgroup(context, options, destination, origin)
        return
    if options.needs_legacy:
        _legacy(context, mount, options, destination, origin)
        return
    slot = context.plan.private_slot()
    attributes = options.set | options.recursive_set
    copies = "tmpcopyup" in options.extra
    if kind == "tmpfs":
        # Mounts and devices below it are still to come: read-only is for the end.
        attributes &= ~RDONLY
        if (options.set | options.recursive_set) & RDONLY:
            context.read_only_later.append((slot, origin))
    context.plan.child.add(op.MOUNT_NEW, origin, slot, kind, options.fsconfig(mount.source), attributes)
    _set_propagation(context, slot, options, origin)
    if kind in ("proc", "sysfs"):
        context.proc_mounts.append((destination, slot))
    if kind == "tmpfs" and not any(item.startswith("mode=") for item in options.data):
        context.plan.child.add(op.COPY_MODE, origin, slot, context.root, destination)
    if copies:
        context.plan.child.add(op.COPY_UP, origin, slot, context.root, destination)
    flags = op.ATTACH_NO_FOLLOW if kind in ("proc", "sysfs") else _no_follow(options)
    _attach(context, slot, destination, origin, flags)


def _cgroup(context: Context, options: MountOptions, destination: str, origin: str) -> None:
    # Only who owns the cgroup namespace may mount its tree: what is seen instead is the container's own cgroup.
    slot = context.plan.shared_slot()
    context.plan.prepare.add(op.SUBTREE, origin, slot, context.cgroup, ".")
    _set_attributes(context, slot, options, origin)
    context.plan.child.add(op.MOUNT_ATTRIBUTES, origin, slot, 0, 0, options.propagation or _SLAVE, 1)
    _attach(context, slot, destination, origin, _no_follow(options))


def _legacy(context: Context, mount: Mount, options: MountOptions, destination: str, origin: str) -> None:
    if destination == "/proc" or destination.startswith("/proc/"):
        raise ConfigError(f"{origin}.destination", f"{destination}: a mount with such options can't be put there")
    context.plan.child.add(
        op.MOUNT_LEGACY,
        origin,
        context.root,
        destination,
        mount.type,
        mount.source or "none",
        options.legacy_flags,
        # A label's level may have commas, which quotes keep together (mount(8), "context").
        ",".join(f'context="{item[8:]}"' if item.startswith("context=") else item for item in options.data),
    )


def _remount(context: Context, options: MountOptions, destination: str, origin: str) -> None:
    if options.superblock and not options.bind:
        raise UnsupportedError(f"{origin}.options", f"{options.superblock[0]} can't be changed by a remount")
    context.plan.child.add(
        op.REMOUNT,
        origin,
        context.root,
        destination,
        options.set | options.recursive_set,
        options.clear | options.recursive_clear,
        options.propagation,
        int(bool(options.recursive_set or options.recursive_clear)),
    )


def finish_mounts(context: Context) -> None:
    """What must wait until nothing more is made below the mounts."""
    for slot, origin in context.read_only_later:
        context.plan.child.add(op.MOUNT_ATTRIBUTES, origin, slot, RDONLY, 0, 0, 0)

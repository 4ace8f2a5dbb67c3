"""Namespaces: which are new, which are joined, and in what order that must happen.

A process can be born in new namespaces with one clone3(2). It needs a second birth where the first can not do it: a
joined pid namespace takes in only children; new namespaces must belong to a joined user namespace; a new user
namespace leaves a process without identity across the execution of firkin-init; and a new time namespace is
entered by children.
"""

from __future__ import annotations

from firkin.errors import UnsupportedError
from firkin.runtime.plan import opcodes as op

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from firkin.oci.runtime_spec import IdMapping, Linux
    from firkin.runtime.compile.context import Context
    from firkin.runtime.plan.builder import PlanBuilder

__all__ = ["CLONE_FLAGS", "become_root", "enter", "find_namespaces", "map_text"]

CLONE_FLAGS = {
    "mount": 0x00020000,
    "cgroup": 0x02000000,
    "uts": 0x04000000,
    "ipc": 0x08000000,
    "user": 0x10000000,
    "pid": 0x20000000,
    "network": 0x40000000,
    "time": 0x00000080,
}
MOUNT, CGROUP, IPC, USER, PID, TIME = (CLONE_FLAGS[n] for n in ("mount", "cgroup", "ipc", "user", "pid", "time"))


def find_namespaces(context: Context) -> None:
    """Set `context.new` and `context.joined`. Raises UnsupportedError without a mount namespace."""
    for namespace in context.linux.namespaces:
        if namespace.path:
            context.joined |= CLONE_FLAGS[namespace.type]
        else:
            context.new |= CLONE_FLAGS[namespace.type]
    if not (context.new | context.joined) & MOUNT:
        raise UnsupportedError(
            "linux.namespaces", "has no mount namespace", hint='add {"type": "mount"}: a container needs one'
        )
    if context.joined & MOUNT:
        _refuse_mounts(context)


def _refuse_mounts(context: Context) -> None:
    linux = context.linux
    for place, asked in (
        ("mounts", context.config.mounts),
        ("linux.maskedPaths", linux.masked_paths),
        ("linux.readonlyPaths", linux.readonly_paths),
        ("root.readonly", context.root_config.readonly),
        ("process.terminal", context.process.terminal),
    ):
        if asked:
            raise UnsupportedError(place, "needs mounts, which would stay behind in the joined mount namespace")


def enter(context: Context) -> None:
    """Everything from the child's birth to the moment when it has its namespaces and identity."""
    plan = context.plan
    # A cgroup namespace has its root where the process is when it is made, and the message queues of an ipc namespace
    # belong to who makes it: the root of a user namespace must exist first.
    later = context.new & (CGROUP | IPC if context.new & USER else CGROUP)
    plan.child.add(op.DUMPABLE, "", 0)
    is_born_twice = context.joined & (PID | USER) or context.new & (USER | TIME)
    if context.request.nursery and _go_into_nursery(context) and not is_born_twice:
        later |= MOUNT
    born_in = context.new & ~later
    _join(context, before_birth=True)
    if is_born_twice:
        if context.new & TIME:
            plan.child.add(op.UNSHARE, "linux.namespaces", TIME)
            _set_clocks(context)
        plan.child.add(op.CLONE, "process", born_in & ~TIME, context.cgroup)
    else:
        context.birth = (born_in, context.cgroup)
    _take_identity(context)
    _join(context, before_birth=False)
    plan.child.add(op.SETSID, "process")
    if later:
        plan.child.add(op.UNSHARE, "linux.namespaces", later)
    if context.new & CLONE_FLAGS["network"]:
        plan.child.add(op.LOOPBACK, "linux.namespaces")
    if context.linux.net_devices:
        _take_devices(context)


def _take_devices(context: Context) -> None:
    # With a socket of the container's namespace, so that addresses can be given there (config-linux.md "netDevices").
    plan, place = context.plan, "linux.netDevices"
    plan.child.add(op.LEND_NETWORK, place)
    plan.child.add(op.RENDEZVOUS, place, op.POINT_DEVICES)
    plan.meet.add(op.AWAIT, place, op.POINT_DEVICES)
    for device, wanted in context.linux.net_devices.items():
        plan.meet.add(op.NET_DEVICE, f"{place}.{device}", device, wanted.name or device)
    plan.meet.add(op.RELEASE, place, op.POINT_DEVICES)


def _set_clocks(context: Context) -> None:
    # Possible only until the first process is in the namespace (time_namespaces(7)).
    if not context.linux.time_offsets:
        return
    plan = context.plan
    proc = plan.shared_slot()
    plan.prepare.add(op.OPEN_PROC, "linux.timeOffsets", proc)
    for clock, offset in context.linux.time_offsets.items():
        line = f"{clock} {offset.secs} {offset.nanosecs}\n".encode()
        plan.child.add(op.PROC_WRITE, f"linux.timeOffsets.{clock}", proc, "self/timens_offsets", line)


def _go_into_nursery(context: Context) -> bool:
    # A new mount namespace is then a copy of that one: made by the second birth, or else by the child itself.
    from firkin.runtime.compile.nursery import can_be_born_in_nursery, enter_nursery

    if not can_be_born_in_nursery(context):
        return False
    enter_nursery(context.plan, context.request.nursery)
    return True


def _join(context: Context, *, before_birth: bool) -> None:
    ordered = sorted(enumerate(context.linux.namespaces), key=lambda item: _JOIN_ORDER.get(item[1].type, 1))
    for index, namespace in ordered:
        # With nsdelegate, nobody gets from one cgroup namespace into a cgroup outside of it.
        if not namespace.path or before_birth is (namespace.type == "cgroup"):
            continue
        flag = CLONE_FLAGS[namespace.type]
        slot = context.plan.shared_slot()
        origin = f"linux.namespaces[{index}]"
        context.plan.prepare.add(op.OPEN_NAMESPACE, f"{origin}.path", slot, namespace.path, flag)
        if flag == USER:
            context.users = slot
        context.plan.child.add(op.SETNS, origin, slot, flag)


# The user namespace first: it gives the rights to enter what belongs to it. The mount namespace last.
_JOIN_ORDER = {"user": 0, "mount": 2}


def _take_identity(context: Context) -> None:
    if (context.new | context.joined) & USER:
        become_root(context.plan, context.linux if context.new & USER else None)


def become_root(plan: PlanBuilder, maps: Linux | None) -> None:
    """Take the identity of root in a user namespace, whose id maps the parent writes first where it is new."""
    if maps:
        plan.child.add(op.RENDEZVOUS, "linux.uidMappings", op.POINT_MAPS)
        plan.meet.add(op.AWAIT, "linux.uidMappings", op.POINT_MAPS)
        for file, mappings in (("uid_map", maps.uid_mappings), ("gid_map", maps.gid_mappings)):
            if mappings:
                plan.meet.add(op.WRITE_CHILD, f"linux.{file[:3]}Mappings", file, map_text(mappings))
        plan.meet.add(op.RELEASE, "linux.uidMappings", op.POINT_MAPS)
    plan.child.add(op.SETGID, "linux.gidMappings", 0)
    plan.child.add(op.SETUID, "linux.uidMappings", 0)
    plan.child.add(op.DUMPABLE, "", 0)


def map_text(mappings: Sequence[IdMapping]) -> bytes:
    """The form of /proc/PID/uid_map."""
    return "".join(f"{m.container_id} {m.host_id} {m.size}\n" for m in mappings).encode()

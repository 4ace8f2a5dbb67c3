"""The cgroup: made, limited and given its device program before a process exists in it."""

from __future__ import annotations

from firkin.cgroupfs.delegatable import delegatable_files
from firkin.cgroupfs.device_program import assemble
from firkin.runtime.compile.namespaces import CGROUP, USER
from firkin.runtime.plan import opcodes as op

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from firkin.cgroupfs.resources import Write
    from firkin.oci.runtime_spec import IdMapping, Mount
    from firkin.runtime.compile.context import Context
    from firkin.runtime.compile.request import Host
    from firkin.runtime.plan.builder import PlanBuilder
    from firkin.runtime.scope import Scope

__all__ = ["cgroup_path", "finish_cgroup", "make_cgroup", "prepare_cgroup"]

_ORIGIN = "linux.cgroupsPath"
_PIDS = "pids.max"
# The controllers that systemd gives to a scope that is delegated; it leaves the others alone.
_OF_SYSTEMD = frozenset(("cpu", "cpuset", "io", "memory", "pids"))


def cgroup_path(asked: str, id: str) -> str:
    """The container's cgroup, relative to the mount; `asked` is `linux.cgroupsPath`, "" for the runtime's choice."""
    path = "/".join(part for part in asked.split("/") if part not in ("", "."))
    return path or f"firkin-{id}"


def prepare_cgroup(context: Context) -> None:
    """Make the cgroup below the hierarchy's root, write its limits, attach its device program.

    A scope of systemd exists already, as the cgroup of its placeholder.
    Raises UnsupportedError for a limit that has no cgroup v2 file here, naming its controller.
    """
    plan, scope = context.plan, context.request.scope
    writes, controllers = _limits(context)
    root = plan.private_slot()
    plan.prepare.add(op.CGROUP_ROOT, _ORIGIN, root, context.host.hierarchy.mount)
    if scope:
        _open_scope(context, scope, root, controllers)
    else:
        _make(context, root, controllers)
    for write in writes:
        value = write.value
        if scope and write.file == _PIDS and value.isdecimal():
            # The placeholder counts.
            value = str(int(value) + 1)
            context.settled.append(write)
        plan.prepare.add(op.CGROUP_WRITE, write.path, context.cgroup, write.file, value.encode(), int(write.optional))
    _devices(context)
    _give_to_root(context)


def _give_to_root(context: Context) -> None:
    # config-linux.md, "Cgroup ownership": who has a cgroup of its own in sight, and may write there, manages it.
    both = USER | CGROUP
    if context.new & both != both or not any(map(_is_writable_cgroup, context.config.mounts)):
        return
    root = _on_host(0, context.linux.uid_mappings)
    if root >= 0:
        files = delegatable_files()
        context.plan.prepare.add(op.CGROUP_OWNER, "linux.cgroupsPath", context.cgroup, root, files)


def _is_writable_cgroup(mount: Mount) -> bool:
    return mount.type in ("cgroup", "cgroup2") and "ro" not in mount.options and "rro" not in mount.options


def _on_host(id: int, mappings: Sequence[IdMapping]) -> int:
    for mapping in mappings:
        if mapping.container_id <= id < mapping.container_id + mapping.size:
            return mapping.host_id + id - mapping.container_id
    return -1


def _make(context: Context, root: int, controllers: list[str]) -> None:
    make_cgroup(context.plan, context.host, context.cgroup_path, root, context.cgroup, controllers)


def make_cgroup(plan: PlanBuilder, host: Host, path: str, root: int, out: int, required: Sequence[str] = ()) -> None:
    """Make the cgroup at `path` below that in the slot `root`, fill the slot `out` with it, and undo that.

    It gets all controllers that there are, as far as the kernel lets, and those that are `required`.
    """
    wanted = " ".join(f"+{name}" for name in sorted(host.hierarchy.controllers))
    parent, leaf = _descend(plan, path, root, wanted, required)
    plan.prepare.add(op.CGROUP_MAKE, _ORIGIN, out, parent, leaf, 1)
    plan.undo.add(op.CGROUP_REMOVE, _ORIGIN, parent, leaf, out)


def _descend(plan: PlanBuilder, path: str, parent: int, wanted: str, controllers: Sequence[str]) -> tuple[int, str]:
    # To the parent of the cgroup, enabling what is wanted on the way.
    required = " ".join(f"+{name}" for name in controllers)
    *ancestors, leaf = path.split("/")
    for name in ancestors:
        _enable(plan, parent, wanted, required)
        slot = plan.private_slot()
        plan.prepare.add(op.CGROUP_MAKE, _ORIGIN, slot, parent, name, 0)
        parent = slot
    _enable(plan, parent, wanted, required)
    return parent, leaf


def _open_scope(context: Context, scope: Scope, root: int, controllers: list[str]) -> None:
    others = [name for name in controllers if name not in _OF_SYSTEMD]
    if others:
        _descend(context.plan, context.cgroup_path, root, "", others)
    context.placeholder = context.plan.private_slot()
    context.plan.prepare.add(op.OPEN_PROCESS, _ORIGIN, context.placeholder, scope.pid, scope.started)
    context.plan.prepare.add(op.CGROUP_OF, _ORIGIN, context.cgroup, root, scope.pid)


def finish_cgroup(context: Context) -> None:
    """Once the container's process is in a scope, end what held its place there."""
    if context.placeholder is None:
        return
    meet = context.plan.meet
    meet.add(op.END_PROCESS, _ORIGIN, context.placeholder)
    for write in context.settled:
        meet.add(op.CGROUP_WRITE, write.path, context.cgroup, write.file, write.value.encode(), 0)


def _enable(plan: PlanBuilder, slot: int, wanted: str, required: str) -> None:
    if wanted or required:
        plan.prepare.add(op.CGROUP_ENABLE, "linux.resources", slot, wanted, required)


def _limits(context: Context) -> tuple[tuple[Write, ...], list[str]]:
    resources = context.linux.resources
    # The device list alone, which every engine gives, is no limit that a file holds.
    if resources is None or not vars(resources).keys() - {"devices", "extra"}:
        return (), []
    from firkin.cgroupfs.resources import writes

    hierarchy = context.host.hierarchy
    wanted = writes(resources, hierarchy.controllers, hierarchy.missing)
    return wanted, sorted({write.controller for write in wanted if write.controller})


def _devices(context: Context) -> None:
    resources = context.linux.resources
    program = assemble(resources.devices if resources else ())
    context.plan.prepare.add(op.CGROUP_DEVICES, "linux.resources.devices", context.cgroup, program)

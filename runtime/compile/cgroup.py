"""The cgroup: made, limited and given its device program before a process exists in it."""

from __future__ import annotations

from firkin.cgroupfs.device_program import assemble
from firkin.runtime.plan import opcodes as op

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.cgroupfs.resources import Write
    from firkin.runtime.compile.context import Context

__all__ = ["cgroup_path", "prepare_cgroup"]


def cgroup_path(asked: str, id: str, *, systemd: bool = False) -> str:
    """The container's cgroup, relative to the mount.

    Parameters: `asked` is `linux.cgroupsPath`, "" for the runtime's choice; with `systemd` it has the form
    `slice:prefix:name`, which becomes the path of that scope.
    """
    if systemd and asked.count(":") == 2:
        slice_name, prefix, name = asked.split(":")
        scope = f"{prefix}-{name}.scope" if prefix else f"{name}.scope"
        return f"{_slice_path(slice_name or 'system.slice')}/{scope}"
    path = "/".join(part for part in asked.split("/") if part not in ("", "."))
    return path or f"firkin-{id}"


def _slice_path(name: str) -> str:
    # "a-b.slice" lies in "a.slice"; "-.slice" is the root.
    stem = name.removesuffix(".slice").strip("-")
    parts = stem.split("-") if stem else []
    return "/".join("-".join(parts[: n + 1]) + ".slice" for n in range(len(parts)))


def prepare_cgroup(context: Context) -> None:
    """Make the cgroup below the hierarchy's root, write its limits, attach its device program.

    Raises UnsupportedError for a limit that has no cgroup v2 file here, naming its controller.
    """
    plan, hierarchy = context.plan, context.host.hierarchy
    path = cgroup_path(context.linux.cgroups_path, context.request.id, systemd=context.request.systemd_cgroup)
    context.cgroup_path = path
    writes, required = _limits(context)
    origin = "linux.cgroupsPath"
    parent = plan.private_slot()
    plan.prepare.add(op.CGROUP_ROOT, origin, parent, hierarchy.mount)
    wanted = " ".join(f"+{name}" for name in sorted(hierarchy.controllers))
    *ancestors, leaf = path.split("/")
    for name in ancestors:
        _enable(context, parent, wanted, required)
        slot = plan.private_slot()
        plan.prepare.add(op.CGROUP_MAKE, origin, slot, parent, name, 0)
        parent = slot
    _enable(context, parent, wanted, required)
    plan.prepare.add(op.CGROUP_MAKE, origin, context.cgroup, parent, leaf, 1)
    for write in writes:
        value = write.value.encode()
        plan.prepare.add(op.CGROUP_WRITE, write.path, context.cgroup, write.file, value, int(write.optional))
    _devices(context)
    plan.undo.add(op.CGROUP_REMOVE, origin, parent, leaf, context.cgroup)


def _enable(context: Context, slot: int, wanted: str, required: str) -> None:
    if wanted or required:
        context.plan.prepare.add(op.CGROUP_ENABLE, "linux.resources", slot, wanted, required)


def _limits(context: Context) -> tuple[tuple[Write, ...], str]:
    resources = context.linux.resources
    # The device list alone, which every engine gives, is no limit that a file holds.
    if resources is None or not vars(resources).keys() - {"devices", "extra"}:
        return (), ""
    from firkin.cgroupfs.resources import writes

    hierarchy = context.host.hierarchy
    wanted = writes(resources, hierarchy.controllers, hierarchy.missing)
    controllers = sorted({write.controller for write in wanted if write.controller})
    return wanted, " ".join(f"+{name}" for name in controllers)


def _devices(context: Context) -> None:
    resources = context.linux.resources
    program = assemble(resources.devices if resources else ())
    context.plan.prepare.add(op.CGROUP_DEVICES, "linux.resources.devices", context.cgroup, program)

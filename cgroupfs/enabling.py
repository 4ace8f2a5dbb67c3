"""Controllers are given from the root of the hierarchy downwards, all that are asked for or none.

Source: Documentation/admin-guide/cgroup-v2.rst, "Enabling and Disabling", "Top-down Constraint", "No Internal Process
Constraint".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from firkin.cgroupfs.handle import check_path
from firkin.cgroupfs.hierarchy import known_hierarchy
from firkin.cgroupfs.tree import Cgroup
from firkin.errors import CgroupBusyError, CgroupError, ControllerError

__all__ = ["enable", "give"]


def enable(group: Cgroup, controllers: Sequence[str]) -> None:
    """Make `group` and all its ancestors give the controllers to their children.

    Raises ControllerError, CgroupBusyError, CgroupPermissionError naming the cgroup that refuses; then nothing is
    enabled that was not before.
    """
    with _ancestors(group.path) as line, ExitStack() as undo:
        for member in [*line, group]:
            give(member, controllers, undo)
        undo.pop_all()


@contextmanager
def _ancestors(path: str) -> Iterator[list[Cgroup]]:
    # From the root of the hierarchy, open inside of the context.
    mount = known_hierarchy().mount
    with ExitStack() as opened:
        line: list[Cgroup] = []
        if path != mount:
            line.append(opened.enter_context(Cgroup(".")))
            for name in check_path(path.removeprefix(f"{mount}/")).split("/")[:-1]:
                line.append(opened.enter_context(line[-1].child(name)))
        yield line


def give(group: Cgroup, controllers: Sequence[str], undo: ExitStack) -> None:
    """Give the controllers to the children of one cgroup; `undo` gets what takes those back that are new.

    Raises ControllerError for one that it does not have itself, CgroupBusyError, CgroupPermissionError.
    """
    given = group.read("cgroup.subtree_control").split()
    lacking = [name for name in controllers if name not in given]
    available = group.read("cgroup.controllers").split()
    for name in lacking:
        if name not in available:
            raise _unavailable(group, name)
    if not lacking:
        return
    try:
        group.write("cgroup.subtree_control", " ".join(f"+{name}" for name in lacking))
    except CgroupBusyError as error:
        if pids := group.processes(recursive=False):
            error.hint = (
                f"{group.path} has {len(pids)} processes of its own ({_some(pids)}), and such a cgroup can give no "
                "domain controller to children: move them to a leaf first"
            )
        raise
    undo.callback(_take_back, group, lacking)


def _unavailable(group: Cgroup, name: str) -> CgroupError:
    hierarchy = known_hierarchy()
    reason = hierarchy.missing().get(name) if group.path == hierarchy.mount else None
    hint = "boot with cgroup_no_v1=all" if reason and "v1" in reason else ""
    why = reason or ("its parent does not give it" if group.path != hierarchy.mount else "unknown to this kernel")
    return ControllerError(
        f"enable {name} in {group.path}: the controller is not there: {why}", verb="enable", file=group.path,
        value=name, hint=hint,
    )  # fmt: skip


def _take_back(group: Cgroup, controllers: Sequence[str]) -> None:
    try:
        group.disable(controllers)
    except CgroupBusyError:
        # Somebody else enabled it further down meanwhile: it is theirs now.
        return


def _some(pids: Sequence[int]) -> str:
    return ", ".join(str(pid) for pid in pids[:3]) + (", ..." if len(pids) > 3 else "")

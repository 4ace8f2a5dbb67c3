"""Making a cgroup with all that is missing above it, and undoing that if it fails."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from firkin.cgroupfs.enabling import give
from firkin.cgroupfs.handle import check_path
from firkin.cgroupfs.tree import Cgroup
from firkin.errors import CgroupError, CgroupGoneError, CgroupPathError

__all__ = ["make"]


def make(path: str, controllers: Sequence[str]) -> Cgroup:
    """The cgroup at `path` below the root of the hierarchy, made where it is missing, with the controllers.

    Raises CgroupError; what was made or enabled on the way is undone then.
    """
    names = check_path(path).split("/")
    if names == ["."]:
        raise CgroupPathError("make .: the root of the hierarchy is there already", verb="make", file=path)
    with ExitStack() as opened, ExitStack() as undo:
        line = [opened.enter_context(Cgroup("."))]
        for name in names:
            give(line[-1], controllers, undo)
            line.append(_child(line[-1], name, undo))
            if len(line) <= len(names):
                opened.enter_context(line[-1])
        undo.pop_all()
    return line[-1]


def _child(group: Cgroup, name: str, undo: ExitStack) -> Cgroup:
    try:
        return group.child(name)
    except CgroupGoneError:
        child = group.make_child(name, exist_ok=True)
        undo.callback(_remove, group, name)
        return child


def _remove(group: Cgroup, name: str) -> None:
    try:
        group.remove_child(name)
    except CgroupError:
        # It is in use by somebody else already.
        return

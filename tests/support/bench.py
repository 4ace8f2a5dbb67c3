"""What runs of `firkin bench models` leave behind, and whether they do."""

from __future__ import annotations

from firkin.cgroupfs import Cgroup
from firkin.errors import CgroupGoneError
from firkin.workbench.place import PLACE

__all__ = ["loads", "nothing_left"]


def nothing_left() -> bool:
    """Whether no group of the workbench is there."""
    try:
        with Cgroup(PLACE):
            return False
    except CgroupGoneError:
        return True


def loads() -> list[int]:
    """The processes in its groups."""
    try:
        with Cgroup(PLACE) as place:
            return place.processes()
    except CgroupGoneError:
        return []

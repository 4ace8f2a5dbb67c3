"""What runs of `firkin bench models` leave behind, and whether they do."""

from __future__ import annotations

from pathlib import Path

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


def loads(parent: int = 0) -> list[int]:
    """The processes in its groups; only the children of `parent`, if it is given, as another run may go on."""
    try:
        with Cgroup(PLACE) as place:
            found = place.processes()
    except CgroupGoneError:
        return []
    return [pid for pid in found if not parent or _parent(pid) == parent]


def _parent(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next(int(line.split()[1]) for line in lines if line.startswith("PPid:"))

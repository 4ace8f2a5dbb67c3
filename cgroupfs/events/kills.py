"""Which cgroup the kernel's out-of-memory killer hit, and whose limit made it.

memory.events counts what happens anywhere below a cgroup, memory.events.local what happens to itself: `oom` where the
limit was hit, `oom_kill` where the killed process was. Of a cgroup that is removed before its files could be read the
count remains in its ancestors: what their memory.events say beyond the sum of those that are known.

Source: Documentation/admin-guide/cgroup-v2.rst, "Memory Interface Files"; memcg_memory_event() in
include/linux/memcontrol.h, which counts the cgroup itself before its ancestors.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from firkin.cgroupfs.events.event import Event, OutOfMemory

if TYPE_CHECKING:
    from firkin.cgroupfs.events.forest import Forest
    from firkin.cgroupfs.events.member import Member

__all__ = ["Kills"]

_ALL, _OWN = "memory.events", "memory.events.local"
# Between a limit that is hit and its kills the kernel writes a report, which a serial console makes take seconds.
_TOGETHER = 10_000_000_000


class Kills:
    """What is not reported yet: kills by the member they hit, and members below which a kill may have been missed."""

    def __init__(self, forest: Forest, emit: Callable[[Event], None]) -> None:
        self._forest = forest
        self._emit = emit
        self._killed: dict[Member, int] = {}
        self._doubtful: list[Member] = []

    def begin(self, member: Member) -> None:
        """Take what happened so far as known, of a member whose children are members already."""
        while _ALL in member.values:
            before = member.last(_ALL, "oom_kill")
            member.missed_kills = before - _known(member)
            # Read again last: unless it is the same, a kill came between the readings.
            for child in member.children.values():
                self._forest.look(child, _ALL)
            self._forest.look(member, _OWN)
            self._forest.look(member, _ALL)
            if member.last(_ALL, "oom_kill") == before and member.missed_kills == before - _known(member):
                return

    def note(self, member: Member, file: str, key: str, rise: int, now: int) -> None:
        """A count of a member rose at the time `now`."""
        if rise <= 0:
            return
        if (file, key) == (_ALL, "oom_kill"):
            self._doubt(member)
        elif file != _OWN:
            return
        elif key == "oom":
            member.limit_hit = now
        elif key == "oom_kill":
            self._killed[member] = self._killed.get(member, 0) + rise
        elif key == "oom_group_kill":
            member.killed_whole = now

    def lose(self, member: Member) -> None:
        """A member is gone, and with it what was not read yet; what was is reported before its end is."""
        if member in self._killed:
            self._report(member, _hit(member))
        if parent := member.parent:
            parent.missed_kills += member.last(_ALL, "oom_kill")
            parent.lost.append(member.path)
            self._doubt(parent)

    def _doubt(self, member: Member) -> None:
        if member not in self._doubtful:
            self._doubtful.append(member)

    def settle(self) -> None:
        """Report the kills that the changes read so far tell of."""
        while self._killed or self._doubtful:
            if self._killed:
                member = next(iter(self._killed))
                limit = self._limit(member)
                # Unless it was lost in looking.
                if member in self._killed:
                    self._report(member, limit)
            else:
                self._look_below(self._doubtful.pop())

    def _report(self, member: Member, limit: str | None) -> None:
        is_whole = any(_is_recent(above.killed_whole) for above in member.lineage())
        self._emit(OutOfMemory(member.path, self._killed.pop(member), limit, is_whole, time.time_ns()))

    def _limit(self, member: Member) -> str | None:
        for above in list(member.lineage()):
            if _OWN in above.values:
                self._forest.look(above, _OWN)
        return _hit(member)

    def _look_below(self, member: Member) -> None:
        if not self._forest.check(member) or not {_ALL, _OWN} <= member.values.keys():
            return
        # From above downwards: what an ancestor counts its descendants have counted before.
        self._forest.look(member, _ALL)
        total = member.last(_ALL, "oom_kill")
        if member.recursive:
            self._forest.find_children(member, is_new=True)
        for child in list(member.children.values()):
            if _ALL in child.values:
                self._forest.look(child, _ALL)
        if _OWN in member.values:
            self._forest.look(member, _OWN)
        if (missed := total - _known(member) - member.missed_kills) > 0:
            member.missed_kills += missed
            lost = tuple(member.lost)
            limit = self._limit(member)
            self._emit(OutOfMemory(member.path, missed, limit, False, time.time_ns(), below=True, removed=lost))
        member.lost.clear()


def _hit(member: Member) -> str | None:
    return next((above.path for above in member.lineage() if _is_recent(above.limit_hit)), None)


def _is_recent(moment: int | None) -> bool:
    return moment is not None and time.time_ns() - moment < _TOGETHER


def _known(member: Member) -> int:
    return member.last(_OWN, "oom_kill") + sum(child.last(_ALL, "oom_kill") for child in member.children.values())

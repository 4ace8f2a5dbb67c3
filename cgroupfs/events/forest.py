"""All the cgroups under watch, kept up to date by what inotify tells: which are made, which are gone, what changed.

Each notice only says where to look. What is reported is the difference to what was read last, and a watch is always set
before the first reading, so that nothing falls between. Below Linux 7.0 the removal of a cgroup is told to those alone
who watch its parent, and nothing on any file of its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TypeAlias

from firkin.cgroupfs.events import inotify
from firkin.cgroupfs.events.event import Changed, Created, Event, PartitionChanged, Removed
from firkin.cgroupfs.events.kills import Kills
from firkin.cgroupfs.events.member import PARTITION, Member, Values
from firkin.cgroupfs.failure import failed
from firkin.cgroupfs.handle import Handle
from firkin.errors import CgroupGoneError

__all__ = ["Forest"]

Handler: TypeAlias = Callable[[inotify.Notice], object]

_CONTROL = "cgroup.subtree_control"
_EMPTY = ("cgroup.events", "populated")


class Forest:
    """The members by their inode, and what is to be done about a notice of each watch; `emit` takes the events.

    Raises CgroupLimitError.
    """

    def __init__(self, emit: Callable[[Event], None], on_drop: Callable[[Member], None]) -> None:
        self.inotify = inotify.Inotify()
        self.members: dict[int, Member] = {}
        self.kills = Kills(self, emit)
        self._emit = emit
        self._on_drop = on_drop
        self._handlers: dict[int, dict[tuple[int, str], Handler]] = {}

    def close(self) -> None:
        """End all watches and close what is held."""
        for member in self.members.values():
            self._on_drop(member)
            member.handle.close()
        self.members.clear()
        self.inotify.close()

    def add(self, handle: Handle, patterns: tuple[str, ...], *, recursive: bool) -> Member:
        """Watch a cgroup, with all below it if `recursive`; the handle becomes the forest's.

        Raises CgroupGoneError, CgroupPermissionError, CgroupLimitError; then it is not watched.
        """
        member = Member(handle, None, patterns, recursive=recursive)
        if known := self.members.get(member.inode):
            handle.close()
            return self._widen(known, patterns, recursive=recursive)
        self.members[member.inode] = member
        try:
            self._watch_from_above(member)
            self._watch_inside(member, is_new=False)
            if not member.is_there():
                raise CgroupGoneError(f"watch {member.path}: the cgroup was removed", verb="watch", file=member.path)
        except BaseException:
            self._forget(member)
            raise
        return member

    def _widen(self, member: Member, patterns: tuple[str, ...], *, recursive: bool) -> Member:
        member.patterns = tuple(dict.fromkeys(member.patterns + patterns))
        member.recursive = member.recursive or recursive
        self._watch_inside(member, is_new=False)
        return member

    def take(self, notices: list[inotify.Notice]) -> None:
        """Do what the notices ask for."""
        # The same again in one reading says nothing more.
        for notice in dict.fromkeys(notices):
            if notice.mask & inotify.OVERFLOW:
                self._look_everywhere()
            for key in list(self._handlers.get(notice.watch, ())):
                # One handler may end what another one is for.
                if handler := self._handlers.get(notice.watch, {}).get(key):
                    handler(notice)

    def watch(self, member: Member, name: str, mask: int, handler: Handler) -> bool:
        """Have `handler` called for `name` in a member's directory; False if that is so already. Raises CgroupError."""
        watch = self.inotify.add(member.handle, name, mask)
        if member.watches.get(name) == watch:
            return False
        self._unwatch(member, name)
        member.watches[name] = watch
        self._handlers.setdefault(watch, {})[member.inode, name] = handler
        return True

    def _unwatch(self, member: Member, name: str) -> None:
        watch = member.watches.pop(name, None)
        if watch is None or watch not in self._handlers:
            return
        del self._handlers[watch][member.inode, name]
        if not self._handlers[watch]:
            del self._handlers[watch]
            # Nobody else does: the mark of a removed file lives as long as the inotify instance.
            self.inotify.remove(watch)

    def _watch_from_above(self, member: Member) -> None:
        fd = member.handle.fileno()
        try:
            if os.stat("..", dir_fd=fd).st_dev != os.fstat(fd).st_dev:
                return
        except OSError as error:
            raise failed("watch", member.path, error) from error
        self.watch(member, "..", inotify.DELETE, lambda notice: self.check(member))
        self.watch(member, f"../{_CONTROL}", inotify.MODIFY, lambda notice: self._find_files(member, is_new=True))

    def _watch_inside(self, member: Member, *, is_new: bool) -> None:
        mask = inotify.CREATE | inotify.DELETE | inotify.DELETE_SELF
        self.watch(member, ".", mask, lambda notice: self._on_directory(member, notice))
        self._find_files(member, is_new=is_new)
        if member.recursive:
            self.watch(member, _CONTROL, inotify.MODIFY, lambda notice: self._on_control(member))
            self.find_children(member, is_new=is_new)
        if not is_new:
            self.kills.begin(member)

    def _find_files(self, member: Member, *, is_new: bool) -> None:
        # Enabling and disabling a controller brings and takes files; those that come count from 0.
        files = member.list_files()
        for file in [file for file in member.values if file not in files]:
            self._unwatch(member, file)
            del member.values[file]
        for file in files:
            try:
                is_other = self.watch(member, file, inotify.MODIFY, lambda notice, file=file: self.look(member, file))  # type: ignore[misc]
            except CgroupGoneError:
                continue
            if is_other and (values := member.read(file)) is not None:
                member.values[file] = _initial(file) if is_new else values
                self._compare(member, file, values)

    def find_children(self, member: Member, *, is_new: bool) -> None:
        """Begin to watch the children that are not members yet; `is_new` says that they were made just now."""
        for name in member.list_children():
            self._meet(member, name, is_new=is_new)

    def _meet(self, parent: Member, name: str, *, is_new: bool) -> None:
        known = parent.children.get(name)
        if known and known.is_there():
            return
        if known:
            self.drop(known)
        if handle := parent.open_child(name):
            self._adopt(parent, name, Member(handle, parent, parent.patterns, recursive=True), is_new=is_new)

    def _adopt(self, parent: Member, name: str, member: Member, *, is_new: bool) -> None:
        if known := self.members.get(member.inode):
            member.handle.close()
            member = known
            member.parent, member.recursive = parent, True
        member.name = name
        parent.children[name] = self.members[member.inode] = member
        if is_new and member is not known:
            self._emit(Created(member.path, time.time_ns()))
        try:
            self._watch_inside(member, is_new=is_new and member is not known)
        except CgroupGoneError:
            self.drop(member)

    def _on_directory(self, member: Member, notice: inotify.Notice) -> None:
        if notice.mask & (inotify.DELETE_SELF | inotify.IGNORED):
            self.check(member)
        elif notice.mask & inotify.ISDIR and member.recursive and self.check(member):
            if (known := member.children.get(notice.name)) and not known.is_there():
                self.drop(known)
            self._meet(member, notice.name, is_new=True)

    def _on_control(self, member: Member) -> None:
        for child in list(member.children.values()):
            self._find_files(child, is_new=True)

    def look(self, member: Member, file: str) -> None:
        """Report what changed in `file` since it was read last."""
        if self.members.get(member.inode) is not member:
            return
        values = member.read(file)
        if values is not None and file in member.values:
            self._compare(member, file, values)
        elif self.check(member):
            self._find_files(member, is_new=True)

    def _compare(self, member: Member, file: str, values: Values) -> None:
        old, now = member.values[file], time.time_ns()
        member.values[file] = values
        if isinstance(values, str) or isinstance(old, str):
            if values != old:
                self._emit(PartitionChanged(member.path, str(old), str(values), now))
            return
        for key, new in values.items():
            if (before := old.get(key, 0)) != new:
                self._emit(Changed(member.path, file, key, before, new, now))
                self.kills.note(member, file, key, new - before, now)

    def check(self, member: Member) -> bool:
        """Whether a member is still there; if it is not, that is reported."""
        if self.members.get(member.inode) is member and not member.is_there():
            self.drop(member)
        return self.members.get(member.inode) is member

    def drop(self, member: Member) -> None:
        """Report that a member is gone, after all below it."""
        for child in list(member.children.values()):
            self.drop(child)
        if self.members.get(member.inode) is not member:
            return
        # What is removed has no process; if the kernel told so, its file could not be read any more.
        if member.last(*_EMPTY):
            self._emit(Changed(member.path, *_EMPTY, 1, 0, time.time_ns()))
        self.kills.lose(member)
        self._forget(member)
        self._emit(Removed(member.path, time.time_ns()))

    def _forget(self, member: Member) -> None:
        for child in list(member.children.values()):
            self._forget(child)
        for name in list(member.watches):
            self._unwatch(member, name)
        if member.parent and member.parent.children.get(member.name) is member:
            del member.parent.children[member.name]
        self.members.pop(member.inode, None)
        self._on_drop(member)
        member.handle.close()

    def _look_everywhere(self) -> None:
        # The queue of notices overflowed: whatever happened shows in the difference all the same.
        for member in list(self.members.values()):
            if not self.check(member):
                continue
            self._find_files(member, is_new=True)
            for file in list(member.values):
                self.look(member, file)
            if member.recursive:
                self.find_children(member, is_new=True)


def _initial(file: str) -> Values:
    return "member" if file == PARTITION else {}

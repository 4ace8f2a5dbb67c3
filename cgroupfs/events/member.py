"""One cgroup under watch: its place among the others, its files, and what they said last."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import TypeAlias

from firkin.cgroupfs.controllers.core import Core
from firkin.cgroupfs.failure import failed
from firkin.cgroupfs.handle import Handle

__all__ = ["PARTITION", "Member", "Values", "decode"]

PARTITION = "cpuset.cpus.partition"
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_GONE = (errno.ENOENT, errno.ENODEV)

Values: TypeAlias = dict[str, int] | str
"""What a file says: numbers by key, or the text of cpuset.cpus.partition."""


class Member:
    """A cgroup under watch, held by descriptor.

    `patterns` are those of the files that are watched; `parent` is the member above, None for one that was asked for
    by itself; `values` is what each file said last, `watches` the numbers of the files' watches. Of kills is known
    `missed_kills`, how many hit cgroups below that are no members (any more), `lost`, which were members and were
    removed, and when the member's own limit was hit last, and all its processes were killed as one: `limit_hit` and
    `killed_whole`.
    """

    def __init__(self, handle: Handle, parent: Member | None, patterns: tuple[str, ...], *, recursive: bool) -> None:
        self.handle = handle
        self.path = handle.path
        self.name = handle.path.rpartition("/")[2]
        self.inode = os.fstat(handle.fileno()).st_ino
        self.parent = parent
        self.patterns = patterns
        self.recursive = recursive
        self.children: dict[str, Member] = {}
        self.values: dict[str, Values] = {}
        self.watches: dict[str, int] = {}
        self.missed_kills = 0
        self.limit_hit: int | None = None
        self.killed_whole: int | None = None
        self.lost: list[str] = []

    def lineage(self) -> Iterator[Member]:
        """This member and those above it, upwards."""
        member: Member | None = self
        while member:
            yield member
            member = member.parent

    def is_there(self) -> bool:
        """Whether the cgroup has not been removed."""
        return os.access("cgroup.procs", os.F_OK, dir_fd=self.handle.fileno())

    def list_files(self) -> list[str]:
        """The files that the cgroup has and that are to be watched. A cgroup that is gone has none."""
        names = os.listdir(self.handle.fileno())
        return sorted(name for name in names if any(fnmatchcase(name, pattern) for pattern in self.patterns))

    def list_children(self) -> list[str]:
        """The names of the child cgroups. A cgroup that is gone has none."""
        with os.scandir(self.handle.fileno()) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))

    def open_child(self, name: str) -> Handle | None:
        """The child cgroup, None if it is gone. Raises CgroupError."""
        try:
            fd = os.open(name, _DIRECTORY, dir_fd=self.handle.fileno())
        except OSError as error:
            if error.errno in _GONE:
                return None
            raise failed("open", f"{self.path}/{name}", error) from error
        return Handle(f"{self.path}/{name}", fd)

    def read(self, file: str) -> Values | None:
        """What a file says now, None if the file or the cgroup is gone. Raises CgroupError."""
        try:
            fd = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.handle.fileno())
            try:
                return decode(file, os.read(fd, 1 << 16).decode())
            finally:
                os.close(fd)
        except OSError as error:
            if error.errno in _GONE:
                return None
            raise failed("read", f"{self.path}/{file}", error) from error

    def last(self, file: str, key: str) -> int:
        """The number that `file` said last for `key`, 0 if it said none."""
        values = self.values.get(file)
        return values.get(key, 0) if isinstance(values, dict) else 0


def decode(file: str, text: str) -> Values:
    """The values in the text of an events file, or of cpuset.cpus.partition."""
    return text.strip() if file == PARTITION else Core.events.decode(text)

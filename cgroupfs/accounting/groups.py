"""The rows of a reader: which cgroups there are, and which files they have."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeAlias

from firkin.cgroupfs.accounting.layout import Layout
from firkin.cgroupfs.accounting.values import MISSING, UNKEPT
from firkin.errors import CgroupGoneError

if TYPE_CHECKING:
    from firkin.cgroupfs.accounting.changes import Changes

__all__ = ["AT_FDCWD", "DIRECTORY", "UNWATCHED", "Place", "Row", "find_rows", "place_below"]

AT_FDCWD = -100
"""In place of a directory's descriptor: paths are as they are."""

UNWATCHED = -1
"""In place of a watch's number."""

Place: TypeAlias = tuple[int, bytes]
"""Where a cgroup is: a row's `base` and `path`."""

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""How a cgroup is opened."""


class Row:
    """A cgroup of a reader, with the descriptors that are kept of it.

    `name` is its path as shown; `path` leads to it from the descriptor `base`, `id` is its cgroup id (the inode
    number of its directory), `parent` the number of the parent's row or -1. `dir_fd` is its directory, and `fds` has
    a descriptor for each file of the layout; `UNKEPT` and `MISSING` stand in their places. `children` are the names
    of what is below, and `links` the directory's number of links when they were listed. `watch` is the number of
    the directory's watch, or `UNWATCHED`.
    """

    __slots__ = ("base", "children", "dir_fd", "fds", "id", "links", "name", "parent", "path", "watch")

    def __init__(self, name: str, base: int, path: bytes, *, parent: int = -1) -> None:
        self.name = name
        self.base = base
        self.path = path
        self.parent = parent
        self.id = 0
        self.dir_fd = UNKEPT
        self.fds: list[int] = []
        self.children: list[str] = []
        self.links = 0
        self.watch = UNWATCHED

    @property
    def place(self) -> Place:
        """Where it is."""
        return self.base, self.path

    def be_as(self, other: Row) -> None:
        """Have the same cgroup, children and files as another row, until `take_over` has its descriptors."""
        self.id, self.links, self.children, self.watch = other.id, other.links, other.children, other.watch
        self.fds = other.fds

    def close(self) -> None:
        """Close what is kept."""
        for fd in (self.dir_fd, *self.fds):
            if fd >= 0:
                os.close(fd)
        self.dir_fd = UNKEPT
        self.fds = [MISSING if fd == MISSING else UNKEPT for fd in self.fds]

    def take_over(self, other: Row) -> None:
        """Have the descriptors that another row of the same cgroup keeps, which has none after that."""
        self.dir_fd, other.dir_fd = other.dir_fd, UNKEPT
        if self.fds is not other.fds:
            for number, fd in enumerate(other.fds):
                if fd >= 0:
                    self.fds[number] = fd
        other.fds = []


def find_rows(
    rows: list[Row],
    layout: Layout,
    *,
    subtree: bool,
    known: dict[Place, Row] | None = None,
    changes: Changes | None = None,
) -> list[Row]:
    """Those of `rows` whose cgroups exist, with their ids and files; with `subtree`, each is followed by what is below.

    Children come in the order of their names. No descriptor is left open. Groups of `known` are taken to have the
    files that they had, and are listed only if children came or went: that is what `changes` say, which watch all rows
    from now on; without them each group is looked at.
    Raises OSError where a directory is there but can not be listed, CgroupLimitError for too many watches.
    """
    found: list[Row] = []
    waiting = list(reversed(rows))
    while waiting:
        row = waiting.pop()
        try:
            if not (known and _is_as_before(row, known, changes)):
                _look(row, layout, changes)
        except (FileNotFoundError, NotADirectoryError, CgroupGoneError) as error:
            if isinstance(error, NotADirectoryError) and row.parent < 0:
                raise
            continue
        number = len(found)
        found.append(row)
        if subtree:
            waiting += [_child(row, number, name) for name in reversed(row.children)]
    return found


def _is_as_before(row: Row, known: dict[Place, Row], changes: Changes | None) -> bool:
    old = known.get(row.place)
    if old is None:
        return False
    if changes and not changes.lost:
        if row.place in changes.parents or row.place in changes.children:
            return False
    elif not _looks_as_before(row, old, known):
        return False
    row.be_as(old)
    # Another row of the same place has descriptors of its own.
    del known[row.place]
    return True


def _looks_as_before(row: Row, old: Row, known: dict[Place, Row]) -> bool:
    # The number of links is two more than that of children, on the file systems that count them. A child that went
    # while another came is found by its id.
    if old.links < 2:
        return False
    status = _status(row.base, row.path)
    if (status.st_ino, status.st_nlink) != (old.id, old.links):
        return False
    return all(_is_known(row, name, known) for name in old.children)


def _is_known(parent: Row, name: str, known: dict[Place, Row]) -> bool:
    child = known.get(place_below(parent.place, name))
    try:
        return child is not None and _status(child.base, child.path).st_ino == child.id
    except FileNotFoundError:
        return False


def _status(base: int, path: bytes) -> os.stat_result:
    return os.stat(path, dir_fd=None if base == AT_FDCWD else base, follow_symlinks=False)


def _look(row: Row, layout: Layout, changes: Changes | None) -> None:
    # Fills in the id, the children, and what is missing.
    dir_fd = os.open(row.path, DIRECTORY, dir_fd=None if row.base == AT_FDCWD else row.base)
    try:
        if changes:
            # Before it is listed, so that nothing falls between.
            changes.add(row, dir_fd)
        status = os.fstat(dir_fd)
        # Two links: the file system counts directories, and this one has none. Most are such leaves.
        kinds = dict.fromkeys(os.listdir(dir_fd), False) if status.st_nlink == 2 else _list_kinds(dir_fd)
    finally:
        os.close(dir_fd)
    row.id, row.links = status.st_ino, status.st_nlink
    row.fds = [UNKEPT if file.name in kinds else MISSING for file in layout.files]
    row.children = sorted(name for name, is_directory in kinds.items() if is_directory)


def _list_kinds(dir_fd: int) -> dict[str, bool]:
    # Whether each entry is a directory.
    with os.scandir(dir_fd) as entries:
        return {entry.name: entry.is_dir(follow_symlinks=False) for entry in entries}


def _child(row: Row, number: int, name: str) -> Row:
    base, path = place_below(row.place, name)
    return Row(f"{row.name.rstrip('/')}/{name}", base, path, parent=number)


def place_below(parent: Place, name: str) -> Place:
    """Where a child is."""
    base, path = parent
    return base, os.fsencode(name) if path == b"." else path + b"/" + os.fsencode(name)

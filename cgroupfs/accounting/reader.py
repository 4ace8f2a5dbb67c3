"""Reads the statistics of one cgroup, of a list of them, or of a subtree, again and again."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol, Self

from firkin.cgroupfs.accounting import _reader
from firkin.cgroupfs.accounting.descriptors import default_descriptors, keep_open
from firkin.cgroupfs.accounting.groups import AT_FDCWD, Place, Row, find_rows
from firkin.cgroupfs.accounting.layout import STATISTICS, Layout, build_layout
from firkin.cgroupfs.accounting.records import DeviceIo, parse_io_devices
from firkin.cgroupfs.accounting.sample import Sample
from firkin.cgroupfs.accounting.twin import Table as TwinTable
from firkin.cgroupfs.accounting.values import GONE
from firkin.cgroupfs.failure import failed
from firkin.errors import CgroupGoneError, CgroupLimitError

if TYPE_CHECKING:
    from firkin.cgroupfs.accounting.changes import Changes

__all__ = ["Reader", "SupportsFileno"]

_ABSENT = (errno.ENOENT, errno.ENODEV, errno.ESTALE)


class SupportsFileno(Protocol):
    """An open cgroup: `firkin.cgroupfs.Cgroup`, or whatever else has its directory's descriptor."""

    def fileno(self) -> int:
        """The descriptor."""


class Reader:
    """A reader over `groups`: paths, descriptors of directories, or open cgroups. Close it, or use it in `with`.

    Parameters: `subtree` adds everything below the groups, now and at each `refresh`. `quantities` selects what is
    read (`layout.QUANTITIES`, or names of files). `descriptors` is how many may be kept open between passes (half
    of the soft RLIMIT_NOFILE); files beyond that are opened in each pass. Each kept file also holds a page of
    kernel memory. `threads` share a pass: it takes less time, and as much of the processors. `watch` has the kernel
    tell which groups of a subtree come and go, by an inotify watch for each; without it, and
    where there is no /proc or the user may have no more of them, they are looked for. `table` reads: `twin.Table`
    instead of the module in C gives the same, slowly.
    Raises CgroupError for a group that is not there, or can not be listed, ValueError for less than one thread.
    """

    def __init__(
        self,
        *groups: str | int | SupportsFileno,
        subtree: bool = False,
        quantities: Iterable[str] = STATISTICS,
        descriptors: int | None = None,
        threads: int = 1,
        watch: bool = False,
        table: type[_reader.Table] | type[TwinTable] = _reader.Table,
    ) -> None:
        self.layout: Layout = build_layout(quantities)
        self._subtree = subtree
        self._descriptors = default_descriptors() if descriptors is None else descriptors
        self._table = table(self.layout, threads)
        self._lock = threading.Lock()
        self._changes: Changes | None = None
        self._bases: list[int] = []
        self._rows: tuple[Row, ...] = ()
        try:
            self._roots = [self._root(group) for group in groups]
            if watch and subtree:
                self._watch()
            self.refresh()
            if len(self._rows) < len(groups):
                self._complain()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def __len__(self) -> int:
        """The number of rows, those included that are gone since the last `refresh`."""
        return len(self._rows)

    def close(self) -> None:
        """Close all descriptors. A sample that was taken stays as it is."""
        with self._lock:
            self._table.place([])
            for row in self._rows:
                row.close()
            for base in self._bases:
                os.close(base)
            self._rows, self._bases = (), []
            self._unwatch()

    @property
    def threads(self) -> int:
        """How many threads share a pass; it can be set at any time. Raises ValueError for less than one."""
        return self._table.threads

    @threads.setter
    def threads(self, threads: int) -> None:
        with self._lock:
            self._table.threads = threads

    @property
    def kept(self) -> int:
        """How many descriptors are open."""
        return len(self._bases) + sum(fd >= 0 for row in self._rows for fd in (row.dir_fd, *row.fds))

    @property
    def rows(self) -> tuple[Row, ...]:
        """The groups, row by row; a row's `parent` is the number of another one."""
        return self._rows

    @property
    def paths(self) -> tuple[str, ...]:
        """The groups' paths, row by row."""
        return tuple(row.name for row in self._rows)

    def refresh(self, *, files: bool = True) -> None:
        """Look again for groups and their files: drop the rows of those that are gone, add those that are new.

        A child's row comes after its parent's, siblings are in the order of their names. Files appear and go as
        controllers are given to groups and taken away; without `files`, groups that were there before are taken to
        have the same ones, which is several times faster. Raises CgroupError where a directory can not be listed.
        """
        with self._lock:
            known = None if files else {row.place: row for row in self._rows}
            if self._changes:
                self._changes.take()
            try:
                self._exchange(self._find(known))
            except OSError as error:
                name = str(error.filename or ", ".join(root.name for root in self._roots))
                raise failed("list", name, error) from error

    def _find(self, known: dict[Place, Row] | None) -> list[Row]:
        try:
            roots = [Row(root.name, root.base, root.path) for root in self._roots]
            return find_rows(roots, self.layout, subtree=self._subtree, known=known, changes=self._changes)
        except CgroupLimitError:
            self._unwatch()
            return self._find(known)

    def _exchange(self, rows: list[Row]) -> None:
        old = {(row.id, row.place): row for row in self._rows}
        self._table.place([])
        for row in rows:
            if (same := old.pop((row.id, row.place), None)) is not None:
                row.take_over(same)
        for row in self._rows:
            row.close()
        self._rows = tuple(rows)
        if self._changes:
            self._changes.keep(rows)
            self._changes.forget()
        try:
            keep_open(rows, self.layout, max(0, self._descriptors - len(self._bases)))
        finally:
            self._table.place(rows)

    def _watch(self) -> None:
        from firkin.cgroupfs.accounting.changes import Changes

        try:
            # A descriptor is watched by its name in /proc.
            self._changes = Changes() if os.path.isdir("/proc/self/fd") else None
        except CgroupLimitError:
            # No more inotify instances for this user.
            self._changes = None

    def _unwatch(self) -> None:
        if self._changes:
            self._changes.close()
            self._changes = None

    @property
    def is_watching(self) -> bool:
        """Whether the kernel tells which groups come and go."""
        return self._changes is not None

    def is_stale(self) -> bool:
        """Whether `refresh` would find other groups, as the kernel tells where it watches.

        Else: whether one is gone, or the subtree has another number of descendants. It costs one read of a file for
        each root. Raises CgroupError.
        """
        with self._lock:
            if any(self._table.states) or (self._changes and self._changes.take()):
                return True
        if not self._subtree:
            return False
        try:
            # Fails where a root is gone.
            count = sum(1 + _descendants(root) for root in self._roots)
            return count != len(self._rows) and not self._changes
        except FileNotFoundError:
            return True
        except OSError as error:
            raise failed("read", f"{self._roots[0].name}/cgroup.stat", error) from error

    def read(self, rows: Sequence[int] | None = None, files: Iterable[str] | None = None) -> Sample:
        """One pass over all groups. What was removed meanwhile is marked in the sample, and never an exception.

        Parameters: `rows` limits it to rows of these numbers, in ascending order; the others stay as they are in the
        sample. `files` limits it to files of these names; what the rows have of others is absent then.
        The sample shows the reader's own matrix: it changes with the next `read`. `Sample.copy` keeps one.
        Raises IndexError for what is no row, and KeyError for a file that is not among the selected ones.
        """
        with self._lock:
            self._table.read(rows, None if files is None else [self._file(name) for name in files])
            return self._sample()

    def _file(self, name: str) -> int:
        number = self.layout.file(name)
        if number < 0:
            raise KeyError(name)
        return number

    def sample(self) -> Sample:
        """The same as `read().copy()`."""
        return self.read().copy()

    def io_devices(self, group: str | int) -> list[DeviceIo]:
        """io.stat of one of the groups, device by device, read now.

        Parameters: `group` is its path or the number of its row. Raises CgroupError, and KeyError or IndexError for
        others.
        """
        with self._lock:
            row = group if isinstance(group, int) else self._find_row(group)
            try:
                return parse_io_devices(self._table.text(row, self.layout.file("io.stat")).decode())
            except OSError as error:
                raise failed("read", f"{self._rows[row].name}/io.stat", error) from error

    def _find_row(self, path: str) -> int:
        found = next((number for number, row in enumerate(self._rows) if row.name == path), None)
        if found is None:
            raise KeyError(path)
        return found

    def unreadable(self) -> list[tuple[str, str, int]]:
        """What the last pass could not read though it is there: path of the group, name of the file, errno.

        EOPNOTSUPP is that of pressure on a kernel that was started without it, EACCES a matter of rights, EMFILE one
        of RLIMIT_NOFILE.
        """
        with self._lock:
            errors, files = self._table.errors, self.layout.files
            return [
                (self._rows[place // len(files)].name, files[place % len(files)].name, errors[place])
                for place in range(len(errors))
                if errors[place] and errors[place] not in _ABSENT and self._table.states[place // len(files)] != GONE
            ]

    def _root(self, group: str | int | SupportsFileno) -> Row:
        if isinstance(group, str):
            return Row(os.path.abspath(group), AT_FDCWD, os.fsencode(os.path.abspath(group)))
        fd = group if isinstance(group, int) else group.fileno()
        try:
            self._bases.append(os.dup(fd))
        except OSError as error:
            raise failed("open", f"/proc/self/fd/{fd}", error) from error
        name = getattr(group, "path", None) or os.readlink(f"/proc/self/fd/{fd}")
        return Row(str(name), self._bases[-1], b".")

    def _sample(self) -> Sample:
        table = self._table
        return Sample(self.layout, self._rows, table.values, table.clocks, table.states)

    def _complain(self) -> None:
        there = {row.name for row in self._rows}
        name = next(root.name for root in self._roots if root.name not in there)
        raise CgroupGoneError(f"read cgroup {name}: there is no such cgroup", verb="read", file=name)


def _descendants(root: Row) -> int:
    path = os.path.join(root.path, b"cgroup.stat")
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=None if root.base == AT_FDCWD else root.base)
    try:
        first = os.pread(fd, 4096, 0).split(b"\n", 1)[0]
    finally:
        os.close(fd)
    return int(first.removeprefix(b"nr_descendants "))

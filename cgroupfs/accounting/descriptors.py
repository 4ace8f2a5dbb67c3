"""Which descriptors of a reader's rows are kept open between its passes.

An open file of the cgroup file system holds a page of kernel memory besides its descriptor, so what is kept has a
budget. What does not fit is opened in each pass, which costs two more system calls for each file.
"""

from __future__ import annotations

import errno
import os
import resource

from firkin.cgroupfs.accounting.groups import AT_FDCWD, DIRECTORY, Row
from firkin.cgroupfs.accounting.layout import Layout
from firkin.cgroupfs.accounting.values import MISSING, UNKEPT

__all__ = ["default_descriptors", "keep_open"]

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


def default_descriptors() -> int:
    """How many descriptors a reader keeps open if it is not told: half of what RLIMIT_NOFILE permits at this time."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1 << 20 if soft == resource.RLIM_INFINITY else soft // 2


def keep_open(rows: list[Row], layout: Layout, budget: int) -> None:
    """Open and close until `rows` keep what the budget permits.

    Where it is enough for all files, no directory is kept. Else directories come first, which every file of a
    group profits from, then the files in the order of the layout. A process that may not open so many (EMFILE)
    keeps what it got; the pass opens the rest.
    """
    wanted = sum(len(row.fds) - row.fds.count(MISSING) for row in rows)
    try:
        if wanted <= budget:
            for row in rows:
                _keep_files(row, layout)
        else:
            _keep_directories(rows, layout, budget)
    except OSError as error:
        if error.errno not in (errno.EMFILE, errno.ENFILE):
            raise


def _keep_files(row: Row, layout: Layout) -> None:
    if UNKEPT in row.fds:
        directory = _open_directory(row)
        if directory >= 0:
            try:
                for number in range(len(row.fds)):
                    _keep_file(row, number, directory, layout)
            finally:
                os.close(directory)
    if row.dir_fd >= 0:
        os.close(row.dir_fd)
        row.dir_fd = UNKEPT


def _keep_directories(rows: list[Row], layout: Layout, budget: int) -> None:
    for row in rows[budget:]:
        row.close()
    for row in rows[:budget]:
        if row.dir_fd < 0:
            row.dir_fd = _open_directory(row)
    remaining = budget - len(rows)
    for number in range(len(layout.files)):
        for row in rows[:budget]:
            remaining -= row.fds[number] != MISSING
            if remaining >= 0:
                _keep_file(row, number, row.dir_fd, layout)
            elif row.fds[number] >= 0:
                os.close(row.fds[number])
                row.fds[number] = UNKEPT


def _keep_file(row: Row, number: int, directory: int, layout: Layout) -> None:
    if row.fds[number] == UNKEPT and directory >= 0:
        try:
            row.fds[number] = os.open(layout.files[number].name, _FILE, dir_fd=directory)
        except (FileNotFoundError, PermissionError):
            return  # gone, or not for this user: the pass notes which


def _open_directory(row: Row) -> int:
    # UNKEPT if the group is gone, as the pass will find out too.
    try:
        fd = os.open(row.path, DIRECTORY, dir_fd=None if row.base == AT_FDCWD else row.base)
    except FileNotFoundError:
        return UNKEPT
    if os.fstat(fd).st_ino != row.id:
        os.close(fd)
        return UNKEPT
    return fd

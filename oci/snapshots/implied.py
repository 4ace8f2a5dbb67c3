"""Directories that a layer does not have itself, though files in them: they are what they are in the layers below.

An archive that has `a/b` without `a` says nothing of the directory `a`. In a directory of the layer's own it was made
with mode 0, and would hide the one below: here it becomes like that.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable

from firkin.errors import KernelError

__all__ = ["DEFAULT_MODE", "complete", "is_told", "make_alike"]

DEFAULT_MODE = 0o755
_PLACE = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PRIVATE = ("trusted.overlay.", "user.overlay.")


def is_told(directory: int) -> bool:
    """Whether an entry of an archive told what the open directory is like: else it still has no mode."""
    return stat.S_IMODE(os.fstat(directory).st_mode) != 0


def complete(layer: int, below: int, paths: Iterable[str]) -> bool:
    """Let directories of a layer be like those of the same paths below; both are open roots.

    Parameters: `paths` are those that no entry told of when they were made, each before what is in it; `below` is -1
    where nothing lies below.
    Returns False if one of them is a symbolic link below: then the files in it belong to where that leads. Raises
    KernelError.
    """
    try:
        return all(_complete_one(layer, below, path) for path in paths)
    except OSError as error:
        raise KernelError("look at the layers below", error.errno or 0) from error


def _complete_one(layer: int, below: int, path: str) -> bool:
    there = _descend(layer, path)
    # A later entry may have removed it, or told of it.
    if there < 0:
        return True
    found = -1
    try:
        if is_told(there):
            return True
        found = _descend(below, path) if below >= 0 else -1
        if found < 0:
            os.fchmod(there, DEFAULT_MODE)
        elif stat.S_ISDIR(os.fstat(found).st_mode):
            make_alike(found, there)
        elif stat.S_ISLNK(os.fstat(found).st_mode):
            return False
        else:
            os.fchmod(there, DEFAULT_MODE)
        return True
    finally:
        os.close(there)
        if found >= 0:
            os.close(found)


def _descend(root: int, path: str) -> int:
    """What lies at the path, or the first thing on the way that is no directory; -1 for nothing."""
    at = os.dup(root)
    for name in path.split("/"):
        try:
            next_at = os.open(name, _PLACE, dir_fd=at)
        except FileNotFoundError:
            os.close(at)
            return -1
        os.close(at)
        at = next_at
        if not stat.S_ISDIR(os.fstat(at).st_mode):
            return at
    return _reopened(at)


def _reopened(place: int) -> int:
    try:
        return os.open(".", _DIRECTORY, dir_fd=place)
    finally:
        os.close(place)


def make_alike(source: int, target: int) -> None:
    """Give an open directory owner, mode, attributes and times of another. Raises OSError."""
    status = os.fstat(source)
    os.fchown(target, status.st_uid, status.st_gid)
    os.fchmod(target, stat.S_IMODE(status.st_mode))
    for name in os.listxattr(source):
        if not name.startswith(_PRIVATE) and name != "security.selinux":
            _copy_attribute(source, target, name)
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


def _copy_attribute(source: int, target: int, name: str) -> None:
    try:
        os.setxattr(target, name, os.getxattr(source, name))
    except OSError as error:
        # A file system that knows no attributes of this kind has directories without.
        if error.errno != errno.EOPNOTSUPP:
            raise

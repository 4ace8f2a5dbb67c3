"""Mounts on the node: the binding of csrc/volume.h, and what is mounted where."""

from __future__ import annotations

import errno
import os

from firkin.errors import KernelError
from firkin.kubelet._volume import lib

__all__ = ["bind", "is_mount", "mount_hugetlbfs", "mount_tmpfs", "mounts_below", "open_below", "unmount"]

_PATH = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


def mount_tmpfs(path: str, size: int = 0, *, swap: bool = True) -> None:
    """Mount a tmpfs on a directory.

    Parameters: `size` is in bytes, 0 for what tmpfs allows itself; with `swap` false its pages stay in memory, where
    the kernel can do that. Raises KernelError.
    """
    fd = _open(path, _PATH | os.O_DIRECTORY)
    try:
        _check(lib.volume_tmpfs(fd, str(size).encode() if size else b"", not swap), f"mount tmpfs on {path}")
    finally:
        os.close(fd)


def mount_hugetlbfs(path: str, page: int = 0) -> None:
    """Mount a file system of huge pages on a directory.

    Parameters: `page` is their size in bytes, 0 for the machine's default. Raises KernelError.
    """
    fd = _open(path, _PATH | os.O_DIRECTORY)
    try:
        _check(lib.volume_hugetlbfs(fd, str(page).encode() if page else b""), f"mount hugetlbfs on {path}")
    finally:
        os.close(fd)


def bind(source: int, path: str) -> None:
    """Bind what is open at `source` to an existing file or directory. Raises KernelError."""
    fd = _open(path, _PATH)
    try:
        _check(lib.volume_bind(source, fd), f"bind to {path}")
    finally:
        os.close(fd)


def open_below(directory: int, path: str, flags: int = os.O_PATH) -> int:
    """Open `path` below the open directory, through symbolic links as long as they do not lead out of it.

    Raises OSError: EXDEV for what leads out, ENOENT.
    """
    fd = lib.volume_open(directory, os.fsencode(path) or b".", flags)
    if fd < 0:
        raise OSError(-fd, os.strerror(-fd), path)
    return fd


def unmount(path: str) -> None:
    """Take away what is mounted on `path`, also while it is in use; it may be gone. Raises KernelError."""
    _check(lib.volume_unmount(os.fsencode(path)), f"unmount {path}")


def is_mount(path: str) -> bool:
    """Whether something is mounted on the directory `path`, which may be missing."""
    return path in mounts_below(os.path.dirname(path))


def mounts_below(directory: str) -> list[str]:
    """Where something is mounted below `directory`, in the order in which it was mounted; a path per mount."""
    inside = os.fsencode(os.path.realpath(directory)).rstrip(b"/") + b"/"
    with open("/proc/self/mountinfo", "rb") as file:
        places = [_unescape(line.split(b" ", 5)[4]) for line in file]
    return [os.fsdecode(place) for place in places if place.startswith(inside)]


def _unescape(path: bytes) -> bytes:
    # Space, tab, newline and backslash are written as three octal digits.
    head, *rest = path.split(b"\\")
    return head + b"".join(bytes([int(part[:3], 8)]) + part[3:] for part in rest)


def _open(path: str, flags: int) -> int:
    try:
        return os.open(path, flags)
    except OSError as error:
        raise KernelError(f"open {path}", error.errno or errno.EIO) from error


def _check(result: int, what: str) -> None:
    if result < 0:
        raise KernelError(what, -result)

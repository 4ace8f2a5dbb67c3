"""inotify(7), which Python has no module for.

What is watched is named relative to an open directory, so that a path whose cgroup was made anew is never taken for
the old one.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterator
from typing import NamedTuple

from firkin.cgroupfs.failure import failed
from firkin.cgroupfs.handle import Handle
from firkin.errors import CgroupError, CgroupLimitError

__all__ = ["CREATE", "DELETE", "DELETE_SELF", "IGNORED", "ISDIR", "MODIFY", "OVERFLOW", "Inotify", "Notice"]

MODIFY = 0x0000_0002
CREATE = 0x0000_0100
DELETE = 0x0000_0200
DELETE_SELF = 0x0000_0400
OVERFLOW = 0x0000_4000
IGNORED = 0x0000_8000
ISDIR = 0x4000_0000
_DONT_FOLLOW = 0x0200_0000
_MASK_ADD = 0x2000_0000

_HEADER = struct.Struct("iIII")
_ROOM = 1 << 16

_libc = ctypes.CDLL(None, use_errno=True)
_libc.inotify_add_watch.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32)
_libc.inotify_rm_watch.argtypes = (ctypes.c_int, ctypes.c_int)


class Notice(NamedTuple):
    """struct inotify_event: the watch, what happened, and to which entry of a directory, "" for the watched itself."""

    watch: int
    mask: int
    name: str


class Inotify:
    """An inotify instance, which does not block. Raises CgroupLimitError if the user has too many of them."""

    def __init__(self) -> None:
        self._fd: int = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise _limit("make an inotify instance", ctypes.get_errno(), "fs.inotify.max_user_instances")

    def fileno(self) -> int:
        """The descriptor: readable when there are notices. Raises ValueError once it is closed."""
        if self._fd < 0:
            raise ValueError("the inotify instance is closed")
        return self._fd

    def close(self) -> None:
        """End all watches."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def add(self, directory: Handle, name: str, mask: int) -> int:
        """Watch `name` in an open cgroup, "." for the cgroup itself, for `mask` beside what it is watched for already.

        Returns the number of the watch, one for each file however often it is added.
        Raises CgroupGoneError if it is not there, CgroupLimitError if the user has too many watches.
        """
        path = os.fsencode(f"/proc/self/fd/{directory.fileno()}/{name}")
        watch: int = _libc.inotify_add_watch(self.fileno(), path, mask | _DONT_FOLLOW | _MASK_ADD)
        if watch < 0:
            number = ctypes.get_errno()
            place = directory.path if name == "." else f"{directory.path}/{name}"
            if number == errno.ENOSPC:
                raise _limit(f"watch {place}", number, "fs.inotify.max_user_watches")
            raise failed("watch", place, OSError(number, os.strerror(number)))
        return watch

    def remove(self, watch: int) -> None:
        """End a watch; the kernel may have done so already."""
        # EINVAL is what that is answered with, and the only answer there can be.
        _libc.inotify_rm_watch(self.fileno(), watch)

    def read(self) -> list[Notice]:
        """All notices that have come, none if there are none."""
        notices: list[Notice] = []
        try:
            while data := os.read(self.fileno(), _ROOM):
                notices += parse(data)
        except BlockingIOError:
            pass
        return notices


def parse(data: bytes) -> Iterator[Notice]:
    """The notices in what was read from an inotify instance."""
    at = 0
    while at < len(data):
        watch, mask, _, size = _HEADER.unpack_from(data, at)
        at += _HEADER.size
        yield Notice(watch, mask, os.fsdecode(data[at : at + size].rstrip(b"\0")))
        at += size


def _limit(what: str, number: int, setting: str) -> CgroupError:
    reason = f"{os.strerror(number)} [{errno.errorcode.get(number, number)}]"
    hint = f"raise the sysctl {setting}" if number in (errno.ENOSPC, errno.EMFILE) else ""
    return CgroupLimitError(f"{what}: {reason}", verb="watch", errno=number, hint=hint)

"""inotify(7) for files and directories by path, on the loop."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
from typing import Self

from firkin.cgroupfs.events.inotify import Notice, parse
from firkin.errors import KernelError

__all__ = ["CLOSE_WRITE", "CREATE", "DELETE", "DELETE_SELF", "MODIFY", "MOVED_FROM", "MOVED_TO", "MOVE_SELF",
           "FileNotices"]  # fmt: skip

MODIFY = 0x0000_0002
CLOSE_WRITE = 0x0000_0008
MOVED_FROM = 0x0000_0040
MOVED_TO = 0x0000_0080
CREATE = 0x0000_0100
DELETE = 0x0000_0200
DELETE_SELF = 0x0000_0400
MOVE_SELF = 0x0000_0800

_ROOM = 1 << 16
_libc = ctypes.CDLL(None, use_errno=True)
_libc.inotify_add_watch.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32)


class FileNotices:
    """What happens to the paths that are watched. To be made within the loop, and closed.

    Raises KernelError if the user has too many instances (the sysctl fs.inotify.max_user_instances).
    """

    def __init__(self) -> None:
        self._fd: int = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise _failed("make an inotify instance", "fs.inotify.max_user_instances")
        self._loop = asyncio.get_running_loop()
        self._is_readable = asyncio.Event()
        self._loop.add_reader(self._fd, self._is_readable.set)

    def watch(self, path: str, mask: int) -> int:
        """Watch a file or a directory; returns the number of the watch. Raises KernelError."""
        number: int = _libc.inotify_add_watch(self._fd, os.fsencode(path), mask)
        if number < 0:
            raise _failed(f"watch {path}", "fs.inotify.max_user_watches")
        return number

    async def read(self) -> list[Notice]:
        """What has happened; waits until something has. An overflow is a notice of the watch -1."""
        while True:
            await self._is_readable.wait()
            self._is_readable.clear()
            try:
                notices = list(parse(os.read(self._fd, _ROOM)))
            except BlockingIOError:
                continue
            if notices:
                # There may be more than one read had room for.
                self._is_readable.set()
                return notices

    def close(self) -> None:
        """End all watches."""
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _failed(what: str, setting: str) -> KernelError:
    number = ctypes.get_errno()
    return KernelError(
        what, number, hint=f"raise the sysctl {setting}" if number in (errno.ENOSPC, errno.EMFILE) else ""
    )

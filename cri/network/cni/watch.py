"""Noticing that something in a directory changes, which need not be there yet. Source: inotify(7)."""

from __future__ import annotations

import ctypes
import errno
import os

from firkin.cgroupfs.events.inotify import CREATE, DELETE, DELETE_SELF, parse
from firkin.errors import KernelError

__all__ = ["DirectoryWatch"]

_CLOSE_WRITE, _MOVED_FROM, _MOVED_TO, _MOVE_SELF, _ONLYDIR = 0x8, 0x40, 0x80, 0x800, 0x0100_0000
_NAMES = CREATE | DELETE | _MOVED_FROM | _MOVED_TO | DELETE_SELF | _MOVE_SELF | _ONLYDIR
_CONTENT = _NAMES | _CLOSE_WRITE
_ROOM = 1 << 16

_libc = ctypes.CDLL(None, use_errno=True)
_libc.inotify_add_watch.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32)


class DirectoryWatch:
    """A watch of the directory `path` with the directories in it, and of those above it, for when it is made.

    Raises KernelError if the user has too many watches.
    """

    def __init__(self, path: str) -> None:
        self._path = os.path.abspath(path)
        self._fd: int = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise _limit("make an inotify instance", "fs.inotify.max_user_instances")
        # What is wanted of a watched directory: the name of the next on the way, or anything.
        self._wanted: dict[int, str] = {}
        try:
            self._arm()
        except BaseException:
            self.close()
            raise

    def fileno(self) -> int:
        """A descriptor that is readable when `changed` may say so."""
        return self._fd

    def close(self) -> None:
        """End the watch."""
        os.close(self._fd)

    def changed(self) -> bool:
        """Whether anything changed since this was asked last. Raises KernelError."""
        has_changed = False
        try:
            while data := os.read(self._fd, _ROOM):
                for notice in parse(data):
                    wanted = self._wanted.get(notice.watch, "")
                    has_changed = has_changed or not wanted or notice.name in ("", wanted)
        except BlockingIOError:
            pass
        if has_changed:
            self._arm()
        return has_changed

    def _arm(self) -> None:
        # Downwards: what is made after its parent is watched is either seen, or watched itself.
        self._wanted.clear()
        parts = self._path.strip("/").split("/")
        for depth, part in enumerate(parts):
            if not self._add("/" + "/".join(parts[:depth]), _NAMES, part):
                return
        if self._add(self._path, _CONTENT, ""):
            with os.scandir(self._path) as entries:
                for entry in entries:
                    if entry.is_dir():
                        self._add(entry.path, _CONTENT, "")

    def _add(self, path: str, mask: int, wanted: str) -> bool:
        watch: int = _libc.inotify_add_watch(self._fd, os.fsencode(path), mask)
        if watch >= 0:
            self._wanted[watch] = wanted
        elif ctypes.get_errno() not in (errno.ENOENT, errno.ENOTDIR):
            raise _limit(f"watch {path}", "fs.inotify.max_user_watches")
        return watch >= 0


def _limit(what: str, setting: str) -> KernelError:
    number = ctypes.get_errno()
    hint = f"raise the sysctl {setting}" if number in (errno.ENOSPC, errno.EMFILE) else ""
    return KernelError(what, number, hint=hint)

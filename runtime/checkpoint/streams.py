"""Standard streams whose files are outside of the container: CRIU does not dump them, and is given others to restore.

A restored process has the streams of who restores it, where the dumped one had those of who started it: a pipe, a file
of the host, somebody's terminal. The host's null device stays what it is.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection

from firkin.runtime.checkpoint.mountinfo import mount_of_descriptor

__all__ = ["Stream", "inherited", "look_at"]

_NULL = os.makedev(1, 3)
_TERMINALS = range(136, 144)


class Stream:
    """One stream: `key` is what CRIU calls a file that is outside, "" for one inside.

    `is_pipe` is true of what CRIU knows to have another end, and needs no word about; `is_null` of the null device.
    """

    def __init__(self, key: str, *, is_null: bool = False) -> None:
        self.key = key
        self.is_null = is_null

    @property
    def is_pipe(self) -> bool:
        """Whether the key is that of a pipe or a socket, which CRIU dumps without being told that it is external."""
        return self.key.startswith(("pipe:", "socket:"))


def look_at(pid: int, mounts: Collection[int]) -> list[Stream]:
    """The three streams of a process that sees these mounts; one that is closed is as one inside."""
    return [_stream(pid, fd, mounts) for fd in range(3)]


def _stream(pid: int, fd: int, mounts: Collection[int]) -> Stream:
    path = f"/proc/{pid}/fd/{fd}"
    try:
        target, status = os.readlink(path), os.stat(path)
        mount = mount_of_descriptor(pid, fd)
    except OSError:
        return Stream("")
    if target.startswith(("pipe:[", "socket:[")):
        return Stream(target)
    if mount in mounts or target.startswith("anon_inode:"):
        return Stream("")
    if stat.S_ISCHR(status.st_mode) and os.major(status.st_rdev) in _TERMINALS:
        return Stream(f"tty[{status.st_rdev:x}:{status.st_dev:x}]")
    return Stream(f"file[{mount:x}:{status.st_ino:x}]", is_null=_is_null(status))


def _is_null(status: os.stat_result) -> bool:
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == _NULL


def inherited(streams: list[Stream]) -> list[tuple[str, int]]:
    """The keys with descriptors of this process that take their places, which a new program inherits.

    The first stream of a key counts: several that were one file are one again.
    """
    found: dict[str, int] = {}
    for fd, stream in enumerate(streams):
        if not stream.key or stream.key in found:
            continue
        opened = os.open("/dev/null", os.O_RDWR) if stream.is_null or not _is_open(fd) else os.dup(fd)
        found[stream.key] = _moved(opened)
    return list(found.items())


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _moved(fd: int) -> int:
    # Standard streams may be closed here, whose places are not for others.
    from fcntl import F_DUPFD, fcntl

    moved = fcntl(fd, F_DUPFD, 3)
    os.close(fd)
    return moved

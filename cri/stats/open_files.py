"""What the processes of containers have open. Source: proc(5), /proc/PID/fd, /proc/PID/limits."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass

from firkin.cri._open_files import ffi, lib
from firkin.errors import KernelError

__all__ = ["OpenFiles", "open_files", "open_files_limit"]

_GONE = (errno.ENOENT, errno.ENODEV, errno.ESRCH)
_FORBIDDEN = (errno.EACCES, errno.EPERM)
_LIMIT = b"Max open files"
_LIMITS_SIZE = 4096


@dataclass(frozen=True, slots=True)
class OpenFiles:
    """How many processes there are, how many descriptors they have, and how many of these are sockets."""

    processes: int
    descriptors: int
    sockets: int


def open_files(cgroup: str) -> OpenFiles | None:
    """Those of the processes in a cgroup, its path given, and in all below it; a cgroup that is gone has none.

    None where nobody may look, for want of CAP_SYS_PTRACE. Raises KernelError.
    """
    counts = ffi.new("struct open_files *")
    for path in _subtree(cgroup):
        try:
            fd = os.open(f"{path}/cgroup.procs", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            result = lib.open_files_count(fd, counts)
        finally:
            os.close(fd)
        if -result in _FORBIDDEN:
            return None
        # The processes of a threaded cgroup are told by the one above it.
        if result < 0 and -result not in (*_GONE, errno.EOPNOTSUPP):
            raise KernelError(f"count the open files of {path}", -result)
    return OpenFiles(counts.processes, counts.descriptors, counts.sockets)


def _subtree(cgroup: str) -> Iterator[str]:
    waiting = [cgroup]
    while waiting:
        path = waiting.pop()
        yield path
        try:
            # A cgroup has a link for each that is in it, besides its own two.
            if os.stat(path).st_nlink != 2:
                with os.scandir(path) as entries:
                    waiting += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError as error:
            if error.errno not in _GONE:
                raise KernelError(f"list {path}", error.errno or 0) from error


def open_files_limit(pid: int) -> int | None:
    """The soft limit of descriptors of a process; None if it is gone, or has none."""
    try:
        with open(f"/proc/{pid}/limits", "rb", buffering=0) as file:
            text = file.read(_LIMITS_SIZE)
    except (FileNotFoundError, ProcessLookupError):
        return None
    line = next((line for line in text.splitlines() if line.startswith(_LIMIT)), b"")
    words = line.removeprefix(_LIMIT).split()
    return int(words[0]) if words and words[0].isdigit() else None

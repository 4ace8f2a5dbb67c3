"""The mounts of a process, and which of them a path inside its root leads to."""

from __future__ import annotations

import os

from firkin.cgroupfs.hierarchy import unescape
from firkin.errors import KernelError
from firkin.oci._resolve import lib

__all__ = ["Mounted", "mount_of", "mount_of_descriptor", "read_mounts"]


class Mounted:
    """One line of mountinfo (proc_pid_mountinfo(5)): ids of mount and parent, root in the file system, where, type."""

    def __init__(self, line: str) -> None:
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        self.id, self.parent = int(fields[0]), int(fields[1])
        self.root, self.point = unescape(fields[3]), unescape(fields[4])
        self.type = after.split(" ", 1)[0]


def read_mounts(pid: int) -> dict[int, Mounted]:
    """The mounts that a process sees, by their ids. Raises KernelError."""
    try:
        with open(f"/proc/{pid}/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            return {mounted.id: mounted for mounted in map(Mounted, file.read().splitlines())}
    except OSError as error:
        raise KernelError(f"read /proc/{pid}/mountinfo", error.errno or 0) from error


def mount_of(root: int, path: str) -> int:
    """Id of the mount that a path inside the root `root` leads to, -1 if it leads nowhere."""
    # The root belongs to the container, and so do its symbolic links: none leads out of it.
    fd = lib.resolve_open(root, os.fsencode(path), os.O_PATH | os.O_CLOEXEC)
    if fd < 0:
        return -1
    try:
        return mount_of_descriptor("self", fd)
    finally:
        os.close(fd)


def mount_of_descriptor(process: int | str, fd: int) -> int:
    """Id of the mount that the file of a descriptor was opened on (proc_pid_fdinfo(5))."""
    with open(f"/proc/{process}/fdinfo/{fd}", encoding="ascii") as file:
        return next(int(line[7:]) for line in file if line.startswith("mnt_id:"))

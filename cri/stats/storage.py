"""Disks, and the file systems on them.

Source: Documentation/ABI/stable/sysfs-block; proc(5), mountinfo; statvfs(3).
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from firkin.cgroupfs.hierarchy import unescape
from firkin.errors import KernelError

__all__ = ["FileSystemSize", "device_name", "file_system_size"]

_NAME = "DEVNAME="


@dataclass(frozen=True, slots=True)
class FileSystemSize:
    """A file system: the name of its disk, or of what else it is mounted from; bytes, inodes, and inodes not used."""

    device: str
    bytes: int
    inodes: int
    free_inodes: int


def device_name(number: str) -> str:
    """The path of the disk `MAJOR:MINOR`; "" if there is none."""
    try:
        with open(f"/sys/dev/block/{number}/uevent", encoding="utf-8", errors="replace") as file:
            names = [line.removeprefix(_NAME).rstrip() for line in file if line.startswith(_NAME)]
    except OSError:
        # Unplugged, or none that is listed: the numbers say enough.
        return ""
    return f"/dev/{names[0]}" if names else ""


def file_system_size(directory: str) -> FileSystemSize:
    """That of the file system that the directory lies on. Raises KernelError."""
    try:
        number = os.stat(directory).st_dev
        size = os.statvfs(directory)
        device = device_name(f"{os.major(number)}:{os.minor(number)}") or _source(os.path.realpath(directory))
    except OSError as error:
        raise KernelError(f"look at the file system of {directory}", error.errno or 0) from error
    return FileSystemSize(device, size.f_blocks * size.f_frsize, size.f_files, size.f_ffree)


def _source(path: str) -> str:
    # What is mounted furthest up: the last of the longest.
    place, found = "", ""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            before, _, after = line.partition(" - ")
            target = unescape(before.split()[4])
            if len(target) >= len(place) and f"{path}/".startswith(f"{target.rstrip('/')}/"):
                place, found = target, unescape(after.split()[1])
    return found.encode("utf-8", "surrogateescape").decode("utf-8", "replace")

"""What is mounted on the host for another runtime while it makes a container: its root, and images."""

from __future__ import annotations

import re
from collections.abc import Iterator

from firkin.cri.sandboxes.shm import unmount_shm

__all__ = ["mounts_below", "unmount_below"]

_ESCAPE = re.compile(r"\\([0-7]{3})")


def mounts_below(directory: str, mountinfo: str) -> Iterator[str]:
    """The mount points below a directory, the last one first.

    Parameters: `mountinfo` is the text of /proc/PID/mountinfo (proc_pid_mountinfo(5)).
    """
    for line in reversed(mountinfo.splitlines()):
        point = _ESCAPE.sub(lambda found: chr(int(found[1], 8)), line.split(" ", 5)[4])
        if point.startswith(f"{directory}/"):
            yield point


def unmount_below(directory: str) -> None:
    """Take away all that is mounted below a directory. Raises KernelError."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        text = file.read()
    for point in mounts_below(directory, text):
        unmount_shm(point)

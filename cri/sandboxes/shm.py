"""The /dev/shm of a pod: a tmpfs in the directory of its sandbox, which its containers have bound."""

from __future__ import annotations

import os

from firkin.cri._shm import lib
from firkin.errors import KernelError

__all__ = ["mount_shm", "unmount_shm"]

_SIZE = b"65536k"


def mount_shm(path: str) -> None:
    """Make the directory `path` and mount the tmpfs there. Raises KernelError."""
    os.mkdir(path, 0o755)
    fd = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        result = lib.shm_mount(fd, _SIZE)
    finally:
        os.close(fd)
    if result < 0:
        raise KernelError(f"mount tmpfs on {path}", -result)


def unmount_shm(path: str) -> None:
    """Take the tmpfs away, for all who do not use it still; it may be gone. Raises KernelError."""
    result = lib.shm_unmount(os.fsencode(path))
    if result < 0:
        raise KernelError(f"unmount {path}", -result)

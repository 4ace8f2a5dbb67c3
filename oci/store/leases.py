"""Who is at work: a lease is a file that its process keeps locked, so a lease ends with the process, however that ends.

What a lease keeps is in the metadata. The row is written after the file is locked, and removed before that is let go.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from firkin.errors import KernelError
from firkin.oci.store.metadata import Metadata

__all__ = ["end_dead_leases", "lease_file"]

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def lease_file(directory: str) -> Iterator[str]:
    """A locked file of a new name, which is the id of the lease. Raises KernelError."""
    id = os.urandom(16).hex()
    path = f"{directory}/{id}"
    try:
        os.makedirs(directory, 0o700, exist_ok=True)
        fd = _lock_new(path)
    except OSError as error:
        raise KernelError(f"lock {path}", error.errno or 0) from error
    try:
        yield id
    finally:
        _unlink(path)
        os.close(fd)


def _lock_new(path: str) -> int:
    # A collection that finds the file before it is locked takes it for one of the dead.
    while True:
        fd = os.open(path, _FILE | os.O_CREAT, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX)
        if os.fstat(fd).st_nlink:
            return fd
        os.close(fd)


def end_dead_leases(metadata: Metadata, directory: str) -> None:
    """End all leases of processes that are not there any more. Raises KernelError, StateError."""
    files = set(os.listdir(directory)) if os.path.isdir(directory) else set()
    for id in files | set(metadata.leases()):
        if _is_dead(f"{directory}/{id}"):
            metadata.end_lease(id)
            _unlink(f"{directory}/{id}")


def _is_dead(path: str) -> bool:
    try:
        fd = os.open(path, _FILE)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
    return True


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return

"""Network namespaces by descriptor: opened once, checked, and entered by one thread.

Source: network_namespaces(7), setns(2), ioctl_nsfs(2).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
from collections.abc import Iterator

from firkin.errors import KernelError, NetworkError

__all__ = ["entered", "is_namespace", "open_namespace", "open_pod", "own_namespace"]

_CLONE_NEWNET = 0x4000_0000
_NS_GET_NSTYPE = 0xB703
_OWN = "/proc/thread-self/ns/net"

_libc = ctypes.CDLL(None, use_errno=True)
_libc.setns.argtypes = (ctypes.c_int, ctypes.c_int)


def own_namespace() -> int:
    """A descriptor of the calling thread's network namespace. Raises OSError."""
    return os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)


def open_namespace(path: str) -> int:
    """A descriptor of the network namespace at `path`, a bind mount or a link of /proc.

    Raises NetworkError if it is none, FileNotFoundError if there is nothing, OSError.
    """
    # Not to wait where it is a fifo.
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        kind = fcntl.ioctl(fd, _NS_GET_NSTYPE)
    except OSError as error:
        kind = 0
        if error.errno not in (errno.ENOTTY, errno.EINVAL):
            os.close(fd)
            raise
    if kind != _CLONE_NEWNET:
        os.close(fd)
        raise NetworkError(f"open {path}: is no network namespace", hint="is it still mounted there?")
    return fd


def open_pod(path: str, home: int) -> int:
    """A descriptor of a pod's network namespace, which is not that of `home`. Raises NetworkError."""
    try:
        pod = open_namespace(path)
    except OSError as error:
        raise NetworkError(f"open network namespace {path}: {error.strerror}") from None
    if os.path.sameopenfile(pod, home):
        os.close(pod)
        raise NetworkError(f"attach {path}: it is the network namespace of the host")
    return pod


def is_namespace(path: str) -> bool:
    """Whether there is a network namespace at `path`. Raises OSError if that can not be told."""
    try:
        os.close(open_namespace(path))
    except (FileNotFoundError, NotADirectoryError, NetworkError):
        return False
    return True


@contextlib.contextmanager
def entered(namespace: int, home: int) -> Iterator[None]:
    """Put the calling thread into a network namespace, and back into that of `home` at the end.

    /proc/sys/net and new sockets are then those of the namespace. Raises KernelError.
    """
    _setns(namespace)
    try:
        yield
    finally:
        _setns(home)


def _setns(fd: int) -> None:
    if _libc.setns(fd, _CLONE_NEWNET):
        raise KernelError("enter a network namespace", ctypes.get_errno())

"""Standard streams of a container that nobody stays with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from firkin.errors import KernelError

__all__ = ["detached_streams"]


@contextmanager
def detached_streams(output: str) -> Iterator[None]:
    """Let what is started meanwhile read nothing, and write to the file `output`; then all is as before.

    Raises KernelError.
    """
    # A container would hold its caller's pipes for as long as it runs.
    kept = [os.dup(fd) for fd in range(3)]
    try:
        try:
            _replace(os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC), 0)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
            _replace(os.open(output, flags, 0o600), 1, 2)
        except OSError as error:
            raise KernelError(f"open {output}", error.errno or 0) from error
        yield
    finally:
        for fd, before in enumerate(kept):
            _replace(before, fd)


def _replace(new: int, *fds: int) -> None:
    for fd in fds:
        os.dup2(new, fd)
    os.close(new)

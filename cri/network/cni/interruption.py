"""Plug-ins that run on though the process that called them is gone.

While a plug-in runs it holds the lock of a file, as do the processes that it starts. When the call returns the file is
removed, so what a plug-in leaves running on purpose is not meant. If the caller is killed the file stays, and the next
call for the same pod ends who holds its lock before anything else: else the plug-in could add what was deleted before.
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import os
import signal
from collections.abc import Iterator

__all__ = ["uninterrupted"]


@contextlib.contextmanager
def uninterrupted(path: str) -> Iterator[int]:
    """A descriptor for a plug-in to inherit, of the file at `path`; processes of an earlier call are ended first.

    Raises OSError.
    """
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    end_interrupted(path)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield fd
    finally:
        os.unlink(path)
        os.close(fd)


def end_interrupted(path: str) -> None:
    """Kill the processes of an earlier call that was interrupted, if it was, and wait until they are gone."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            for process in _holders(path):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            # Their descriptors are closed while they die.
            fcntl.flock(fd, fcntl.LOCK_EX)
        os.unlink(path)
    finally:
        os.close(fd)


def _holders(path: str) -> set[int]:
    held, own = os.stat(path), os.getpid()
    found = set()
    for name in glob.iglob("/proc/[0-9]*/fd/*"):
        try:
            if os.path.samestat(os.stat(name), held):
                found.add(int(name.split("/")[2]))
        except OSError:
            # It has ended, or closed it, or it is none that can be asked.
            continue
    return found - {own}

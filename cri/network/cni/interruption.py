"""Plug-ins that run on though the process that called them is gone.

While a plug-in runs it holds the lock of a file, as do the processes that it starts. When the call returns the file is
removed, so what a plug-in leaves running on purpose is not meant. If the caller is killed the file stays, and the next
call for the same pod ends who holds its lock before anything else: else the plug-in could add what was deleted before.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
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
        # One that was killed may have started another just before.
        while not _is_locked(fd) and _kill(_holders(path)):
            pass
        fcntl.flock(fd, fcntl.LOCK_EX)
        os.unlink(path)
    finally:
        os.close(fd)


def _is_locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _kill(processes: list[int]) -> bool:
    # Whether there was one, held by a descriptor: its lock is free when it has ended.
    for process in processes:
        try:
            signal.pidfd_send_signal(process, signal.SIGKILL)
            select.select([process], [], [])
        except ProcessLookupError:
            continue
        finally:
            os.close(process)
    return bool(processes)


def _holders(path: str) -> list[int]:
    held, found = os.stat(path), []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid() and _holds(name, held):
            with contextlib.suppress(ProcessLookupError):
                process = os.pidfd_open(int(name))
                # Its number may be another's by now.
                if _holds(name, held):
                    found.append(process)
                else:
                    os.close(process)
    return found


def _holds(process: str, held: os.stat_result) -> bool:
    directory = f"/proc/{process}/fd"
    try:
        return any(os.path.samestat(os.stat(f"{directory}/{name}"), held) for name in os.listdir(directory))
    except OSError:
        # It has ended, or closes what it had.
        return False

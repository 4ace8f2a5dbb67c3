"""A process that does nothing but be in a cgroup: systemd starts no scope without one.

It ends soon after whoever made it, however that ends: what it reads is a pipe whose other end nobody else holds.
"""

from __future__ import annotations

import os
from _signal import SIGKILL, pidfd_send_signal

from firkin.errors import KernelError
from firkin.runtime.store import start_time

__all__ = ["Placeholder"]


class Placeholder:
    """The process, alive until `close` or this process ends; a context manager.

    `pid` and `started`, its start time in clock ticks since boot, name it. Raises KernelError.
    """

    def __init__(self) -> None:
        path = os.path.dirname(__file__) + "/firkin-init"
        reader, self._writer = os.pipe2(os.O_CLOEXEC)
        actions = [(os.POSIX_SPAWN_DUP2, reader, 0)]
        try:
            # In a process group of its own no key of a terminal ends it.
            self.pid = os.posix_spawn(path, ["firkin-init"], {}, file_actions=actions, setpgroup=0)
        except OSError as error:
            os.close(self._writer)
            raise KernelError(f"execute {path}", error.errno or 0) from error
        finally:
            os.close(reader)
        self._pidfd = os.pidfd_open(self.pid)
        self.started = start_time(self.pid)

    def __enter__(self) -> Placeholder:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End it, if nobody else has, and wait until it is gone."""
        if self._pidfd < 0:
            return
        try:
            pidfd_send_signal(self._pidfd, SIGKILL)
            os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED)
        except (ProcessLookupError, ChildProcessError):
            # The plan has ended and reaped it.
            pass
        os.close(self._writer)
        os.close(self._pidfd)
        self._pidfd = -1

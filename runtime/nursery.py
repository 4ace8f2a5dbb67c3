"""The nursery of a server: made once, held by a descriptor (`firkin.runtime.compile.nursery`)."""

from __future__ import annotations

import os
from _signal import SIGKILL, pidfd_send_signal

from firkin.errors import KernelError
from firkin.runtime.compile.nursery import compile_nursery

__all__ = ["Nursery"]


class Nursery:
    """A mount namespace with next to nothing in it; a context manager.

    `path` names it for `SandboxRequest.nursery`, and for plans that this process runs, as long as it is not closed;
    plans for monitors name `firkin.runtime.monitor.launch.NURSERY`. Mounts that the host makes later are not in it, and
    need not be. Raises FirkinError if it can't be made: without the rights of root.
    """

    def __init__(self) -> None:
        from firkin.runtime.create import run_or_raise

        outcome = run_or_raise(compile_nursery())
        try:
            self._fd = os.open(f"/proc/{outcome.pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise KernelError("open the nursery", error.errno or 0) from error
        finally:
            pidfd_send_signal(outcome.pidfd, SIGKILL)
            os.waitid(os.P_PIDFD, outcome.pidfd, os.WEXITED)
            os.close(outcome.pidfd)
        self.path = f"/proc/self/fd/{self._fd}"

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def fileno(self) -> int:
        """The descriptor that holds it."""
        return self._fd

    def close(self) -> None:
        """Let go of it; containers that were born in it are not affected."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

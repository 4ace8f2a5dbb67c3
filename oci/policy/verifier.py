"""The program that decides about an image: what it is given, how long it may take, what it says.

Standard input is the document that the name stands for, a manifest or an index, byte for byte. The environment has

    FIRKIN_REFERENCE    the name of the image
    FIRKIN_DIGEST       the digest of the document
    FIRKIN_MEDIA_TYPE   its type
    FIRKIN_MANIFEST     the digest of the manifest for the platform that is asked for; of an index one of its own

Status 0 allows the image; any other refuses it, for the reason in the first line of standard error.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

__all__ = ["Process", "Task"]

_MOST_REASON = 4096


class Task(NamedTuple):
    """What to run: `argv`, with `environment` beside the caller's and `document` on standard input."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    document: bytes
    timeout: float


class Process:
    """A verifier that runs while this is entered; at the end it and what it started are killed. Raises OSError."""

    def __init__(self, task: Task) -> None:
        self.timeout = task.timeout
        self._said = os.memfd_create("said", os.MFD_CLOEXEC)
        given = os.memfd_create("document", os.MFD_CLOEXEC)
        try:
            with open(given, "wb", closefd=False) as file:
                file.write(task.document)
            os.lseek(given, 0, os.SEEK_SET)
            # No pipe: what it started may hold the end of one for ever. A group of its own can be killed as a whole.
            self._process = subprocess.Popen(
                task.argv,
                stdin=given,
                stdout=subprocess.DEVNULL,
                stderr=self._said,
                env={**os.environ, **task.environment},
                process_group=0,
            )
            self.pidfd = self._open()
            """Readable once it has ended."""
        except BaseException:
            os.close(self._said)
            raise
        finally:
            os.close(given)

    def _open(self) -> int:
        try:
            return os.pidfd_open(self._process.pid)
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        # As long as it is not reaped, the group is its own.
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self.pidfd)
        os.close(self._said)

    def wait(self) -> bool:
        """Wait until it has ended, for its time at most: whether it has."""
        poller = select.poll()
        poller.register(self.pidfd, select.POLLIN)
        return bool(poller.poll(self.timeout * 1000))

    def objection(self) -> str:
        """Why it refuses, "" if it does not. It has ended."""
        ended = os.waitid(os.P_PIDFD, self.pidfd, os.WEXITED | os.WNOWAIT)
        if ended is None or not ended.si_status:
            return ""
        text = os.pread(self._said, _MOST_REASON, 0).decode(errors="replace").strip()
        first = text.splitlines()[0] if text else "it says nothing"
        reason = "".join(letter if letter.isprintable() else "?" for letter in first)[:200]
        how = "status" if ended.si_code == os.CLD_EXITED else "signal"
        return f"{how} {ended.si_status}: {reason}"

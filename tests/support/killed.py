"""SIGKILL before each step that a piece of work takes on disk."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

__all__ = ["killed_before_each_step"]

# The functions of the interpreter that change files, or the database.
_STEPS = frozenset(
    {
        "execute",
        "executemany",
        "fchmod",
        "fsync",
        "ftruncate",
        "link",
        "makedirs",
        "mkdir",
        "open",
        "pwrite",
        "rename",
        "unlink",
        "write",
    }
)


def killed_before_each_step(
    place: Path, work: Callable[[Path], None], check: Callable[[Path], None], *, stride: int = 1
) -> int:
    """Do `work` in new directories below `place`, each time in a process that is killed before a later step of it.

    After each, `check` is called with the directory; the last process comes to the end. Returns how many there were.
    """
    count = 0
    while True:
        directory = place / str(count)
        directory.mkdir()
        pid = os.fork()
        if not pid:
            _run(work, directory, 1 + count * stride)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        check(directory)
        count += 1
        if status == 0:
            return count
        assert status == -signal.SIGKILL, f"status {status} at step {1 + count * stride}"


def _run(work: Callable[[Path], None], directory: Path, last: int) -> None:
    left = last
    lock = threading.Lock()

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal left
        if event == "c_call" and argument.__name__ in _STEPS:
            with lock:
                left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    status = 1
    try:
        threading.setprofile(profile)
        sys.setprofile(profile)
        work(directory)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.setprofile(None)
        os._exit(status)

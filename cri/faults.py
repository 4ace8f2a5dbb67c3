"""Points at which a test has the server killed: it may be killed anywhere, and there the tests see what comes of it.

FIRKIN_FAULT in the environment is the path of a file. Whenever the server comes by a point it reads that file, and if
it holds the point, CALL.STEP, or CALL.STEP:N for the N-th time since the file has changed, the server ends itself by
SIGKILL. Where the variable is not set nothing is looked at.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Mapping

from firkin import log

__all__ = ["STEPS", "points", "reach"]

_WRITTEN = ("record-before", "record-after")
_FORGOTTEN = ("forget-before", "forget-after")
_CUT_OFF = ("network-ports", "network-retired", "network-plugin", "network-forgotten")
_REMOVED = ("settled", "runtime-record", "snapshot", "container-directory", *_FORGOTTEN)
_RELEASED = (*_CUT_OFF, "unpinned", "shm-gone", "files-gone")
_ATTACHED = (
    "network-record", "network-link", "network-port-of-the-bridge", "network-bandwidth", "network-ports-of-the-host",
    "network-plugin", "network-result",
)  # fmt: skip

STEPS: Mapping[str, tuple[str, ...]] = {
    "RunPodSandbox": ("begin", *_WRITTEN, "directory", "pinned", *_ATTACHED, "files", "shm", "undone", *_RELEASED,
                      *_FORGOTTEN, "answer"),
    "StopPodSandbox": ("begin", *_WRITTEN, "killed", *_CUT_OFF, "unpinned", "answer"),
    "RemovePodSandbox": ("begin", *_WRITTEN, "killed", *_RELEASED, *_REMOVED, "answer"),
    "CreateContainer": ("begin", "directory", "file-system", "plan", *_WRITTEN, "undone", "answer"),
    "StartContainer": ("begin", "launched", "answered", *_WRITTEN, "answer"),
    "StopContainer": ("begin", "signalled", "answer"),
    "RemoveContainer": ("begin", *_WRITTEN, *_REMOVED, "answer"),
    "UpdateContainerResources": ("begin", "applied", *_WRITTEN, "answer"),
    "ReopenContainerLog": ("begin", "answer"),
    "CheckpointContainer": ("begin", "frozen", "packed", "answer"),
    "ExecSync": ("begin", "launched", "answer"),
    "Exec": ("begin", "answer"),
    "Attach": ("begin", "answer"),
    "PortForward": ("begin", "answer"),
    "PullImage": ("begin", "pulled", "unpacked", "answer"),
    "RemoveImage": ("begin", "unnamed", "collected", "answer"),
    "UpdatePodSandboxResources": ("begin", "answer"),
    "UpdateRuntimeConfig": ("begin", "answer"),
    # What is no call: streams that a client has come for, the end of a container, the begin of the server.
    "stream": ("launched", "attached"),
    "exit": ("told", *_WRITTEN),
    "recovery": ("loaded", *_WRITTEN, *_RELEASED, *_FORGOTTEN, "sandboxes", "containers", "collected"),
}  # fmt: skip
"""The steps of each call in which the server may be killed, each after what it is named for."""

_FILE = os.environ.get("FIRKIN_FAULT", "")


def points() -> Iterator[str]:
    """All points that there are, CALL.STEP."""
    for call, steps in STEPS.items():
        yield from (f"{call}.{step}" for step in steps)


def reach(step: str, *, call: str = "") -> None:
    """Come by a step of `call`, or of the call that this task belongs to."""
    if _FILE:
        _COUNTER.pass_by(call or log.field("call"), step)


class _Counter:
    # Several threads come by points.
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted = ""
        self._passed = 0

    def pass_by(self, call: str, step: str) -> None:
        if call and step not in STEPS.get(call, ()):
            raise LookupError(f"{call}.{step}: is not in the table of steps")
        with self._lock, open(_FILE, encoding="utf-8") as file:
            wanted = file.read().strip()
            if wanted != self._wanted:
                self._wanted, self._passed = wanted, 0
            point, _, number = wanted.partition(":")
            if point == f"{call}.{step}":
                self._passed += 1
                if self._passed == int(number or 1):
                    os.kill(os.getpid(), signal.SIGKILL)


_COUNTER = _Counter()

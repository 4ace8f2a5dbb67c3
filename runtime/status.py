"""The states of a container, and what may be done in which.

Source: runtime.md "Lifecycle"; `paused` is an addition that all runtimes share.
"""

from __future__ import annotations

from firkin.errors import StateError

__all__ = ["CREATED", "CREATING", "PAUSED", "RUNNING", "STOPPED", "check"]

CREATING, CREATED, RUNNING, PAUSED, STOPPED = "creating", "created", "running", "paused", "stopped"

# Operation -> states it is legal in, and the words for a container in another one. Engines look for some of them.
_MOVES = {
    "start": ((CREATED,), "cannot start a {status} container"),
    "exec": ((CREATED, RUNNING), "cannot exec in a {status} container"),
    "kill": ((CREATED, RUNNING, PAUSED), "container not running"),
    "pause": ((CREATED, RUNNING), "container not running: it is {status}"),
    "checkpoint": ((RUNNING, PAUSED), "cannot checkpoint a {status} container"),
    "resume": ((PAUSED,), "container not paused: it is {status}"),
    "update": ((CREATED, RUNNING, PAUSED), "container not running: it is {status}"),
    "events": ((CREATED, RUNNING, PAUSED), "container not running: it is {status}"),
    "ps": ((CREATED, RUNNING, PAUSED, STOPPED), "container not running: it is {status}"),
    "delete": ((STOPPED, CREATED, CREATING), "cannot delete container {id} that is not stopped: {status}"),
}
_HINTS = {"delete": "use --force to kill it first"}


def check(operation: str, id: str, status: str) -> None:
    """Raise StateError if a container in `status` can not be the object of `operation`."""
    legal, words = _MOVES[operation]
    if status not in legal:
        raise StateError(words.format(id=id, status=status), hint=_HINTS.get(operation, ""))

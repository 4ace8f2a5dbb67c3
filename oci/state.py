"""What a runtime tells others of a container: its state, and the state of a process under seccomp notification."""

from __future__ import annotations

from firkin.oci.encoding import encode
from firkin.oci.json_text import dump
from firkin.oci.record import NOTHING, Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from firkin.oci.record import Int32

__all__ = ["STATUSES", "ContainerProcessState", "State", "state_text"]

STATUSES = ("creating", "created", "running", "stopped")
"""The values of `State.status` that the specification defines, in the order of a container's life."""


class State(Record):
    """The state of a container (runtime.md#state).

    `pid` is as the host sees it and left out when there is no process; `bundle` is an absolute path.
    """

    oci_version: str
    id: str
    status: str
    pid: Int32 | None = None
    bundle: str
    annotations: Mapping[str, str] = NOTHING


class ContainerProcessState(Record):
    """What a seccomp agent gets with its descriptors; `fds` names them in order (config-linux.md#seccomp)."""

    oci_version: str
    fds: tuple[str, ...] = ()
    pid: Int32
    metadata: str = ""
    state: State


def state_text(state: State | ContainerProcessState, indent: int = 0) -> str:
    """The JSON text of a state, for the standard input of hooks and for seccomp agents.

    Parameters: `indent` is the number of spaces per level; 0 gives one line.
    """
    return dump(encode(state), indent)

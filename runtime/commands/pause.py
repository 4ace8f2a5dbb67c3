"""`firkin pause`: stop all processes of a container for a while."""

from __future__ import annotations

from firkin.cgroupfs.tree import Cgroup
from firkin.runtime.cli.options import Command
from firkin.runtime.status import check
from firkin.runtime.store import Container

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

COMMAND = Command(
    "pause",
    "stop all processes of a container for a while",
    "CONTAINER",
    group="Life of a container",
    examples=(("firkin pause web", "halt the container web where it stands"),),
)


def run(invocation: Invocation) -> int:
    """Stop all processes of the container; returns 0."""
    with Container(invocation.root, invocation.container) as container:
        container.lock()
        check("pause", container.id, container.status())
        with Cgroup(container.cgroup) as cgroup:
            cgroup.freeze()
    return 0

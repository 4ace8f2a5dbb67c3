"""`firkin resume`: let a paused container go on."""

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
    "resume",
    "let a paused container go on",
    "CONTAINER",
    group="Life of a container",
    examples=(("firkin resume web", "let the container web go on"),),
)


def run(invocation: Invocation) -> int:
    """Continue all processes of the container; returns 0."""
    with Container(invocation.root, invocation.container) as container:
        container.lock()
        check("resume", container.id, container.status())
        with Cgroup(container.cgroup) as cgroup:
            cgroup.thaw()
    return 0

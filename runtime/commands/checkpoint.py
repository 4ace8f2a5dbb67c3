"""`firkin checkpoint`: write the processes of a container to files."""

from __future__ import annotations

from firkin.runtime.checkpoint.options import OPTIONS
from firkin.runtime.cli.options import Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

COMMAND = Command(
    "checkpoint",
    "write the processes of a container to files, with CRIU",
    "CONTAINER",
    group="Life of a container",
    options=(
        Option("leave-running", "R", help="let the container run on"),
        Option("pre-dump", help="write the memory only, so that the next checkpoint has less to write"),
        Option("parent-path", "", "DIR", "checkpoint that this one continues, relative to --image-path"),
        *OPTIONS,
    ),
    description=(
        "Stops the processes of a running container where they stand, has CRIU write them to the directory of "
        "--image-path, and deletes the container, unless --leave-running is given. The files of its root are not in "
        "the checkpoint, those of its own tmpfs are. What runs by firkin exec is none of the processes. A container of "
        "an image is left stopped."
    ),
    examples=(
        ("firkin checkpoint --image-path /var/tmp/web web", "write the container web, and end it"),
        ("firkin checkpoint --leave-running --tcp-established web", "to ./checkpoint; connections stay"),
        ("firkin checkpoint --pre-dump --image-path /var/tmp/web/1 web", "most of the memory, ahead of time"),
        ("firkin checkpoint --parent-path ../1 --image-path /var/tmp/web/2 web", "what has changed since"),
    ),
)


def run(invocation: Invocation) -> int:
    """Write the checkpoint; returns 0."""
    from firkin.runtime.checkpoint.dump import checkpoint

    checkpoint(invocation)
    return 0

"""`firkin run`: make a container and start it."""

from __future__ import annotations

import os

from firkin.runtime.cli.commands import container_options
from firkin.runtime.cli.options import Command, Option
from firkin.runtime.create import create

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

COMMAND = Command(
    "run",
    "make a container, start it, and wait for it to end",
    "CONTAINER",
    group="Life of a container",
    options=(
        *container_options(),
        Option("detach", "d", help="return as soon as the container runs"),
        Option("keep", help="do not delete the container when it has ended"),
    ),
    description="Does what create, start and delete do, and passes the program's exit code on.",
    examples=(
        ("firkin run -b /bundles/web web", "run the container web in the foreground"),
        ("firkin run --detach --bundle /bundles/web web", "run it in the background"),
    ),
    exit_codes=(
        ("N", "what the program returned, or 128 + the number of the signal that ended it"),
        ("126", "the program is not executable"),
        ("127", "there is no such program"),
    ),
)


def run(invocation: Invocation) -> int:
    """Run the container; returns the program's exit code, or 0 with `--detach`."""
    if invocation.flag("detach"):
        os.close(create(invocation, run=True).pidfd)
        return 0
    from firkin.runtime.foreground import Attendant

    attendant = Attendant()
    code = attendant.attend(create(invocation, run=True, foreground=True))
    if not invocation.flag("keep"):
        from firkin.runtime.delete import delete

        delete(invocation.root, invocation.container, force=True, warn=invocation.log.warning)
    return code

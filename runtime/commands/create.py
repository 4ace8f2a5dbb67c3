"""`firkin create`: make a container, and leave it ready to start."""

from __future__ import annotations

from firkin.runtime.cli.commands import container_options
from firkin.runtime.cli.options import Command
from firkin.runtime.create import create

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

COMMAND = Command(
    "create",
    "make a container from a bundle, ready to start",
    "CONTAINER",
    group="Life of a container",
    options=container_options(),
    description=(
        "Sets up everything that config.json in the bundle asks for, up to the point where only the container's "
        "program is missing, and returns. firkin start runs the program."
    ),
    examples=(
        ("firkin create --bundle /bundles/web web", "make the container web"),
        ("firkin create -b . --pid-file web.pid --console-socket tty.sock web", "the same, as an engine would"),
    ),
    exit_codes=(("126", "the program is not executable"), ("127", "there is no such program")),
)


def run(invocation: Invocation) -> int:
    """Create the container; returns 0."""
    create(invocation, run=False)
    return 0

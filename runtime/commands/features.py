"""`firkin features`: show what the runtime supports."""

from __future__ import annotations

from firkin.oci.json_text import dump
from firkin.runtime.cli.options import Command
from firkin.runtime.features import features

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

COMMAND = Command(
    "features",
    "show as JSON what this runtime supports",
    group="About this host",
    examples=(("firkin features", "the features document of the runtime specification"),),
)


def run(invocation: Invocation) -> int:
    """Print the features; returns 0."""
    print(dump(features(), 2))
    return 0

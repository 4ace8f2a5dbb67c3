"""`firkin doctor`: examine the host."""

from __future__ import annotations

from firkin.oci.json_text import dump
from firkin.runtime.cli.options import Command, Option
from firkin.runtime.doctor import examine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

COMMAND = Command(
    "doctor",
    "say what this host can do, and what would make it faster",
    group="About this host",
    options=(Option("json", help="write the findings as JSON"),),
    examples=(
        ("firkin doctor", "the findings, with what to do about them"),
        ("firkin doctor --json", "the same for a program"),
    ),
    exit_codes=(("1", "containers can not run here, or the command failed"),),
)


def run(invocation: Invocation) -> int:
    """Print the findings; returns 0 if containers can run here, else 1."""
    findings = examine()
    if invocation.flag("json"):
        print(dump([finding.as_dict() for finding in findings], 2))
    else:
        for finding in findings:
            print(finding.line())
    return 1 if any(finding.level == "error" for finding in findings) else 0

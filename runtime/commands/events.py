"""`firkin events`: tell what a container uses and whether it runs out of memory."""

from __future__ import annotations

from firkin.cgroupfs.tree import Cgroup
from firkin.errors import UsageError
from firkin.oci.json_text import dump
from firkin.runtime.cli.options import Command, Option
from firkin.runtime.status import check
from firkin.runtime.store import Container

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}

COMMAND = Command(
    "events",
    "tell what a container uses, and when it runs out of memory",
    "CONTAINER",
    group="Looking at containers",
    options=(
        Option("interval", "", "TIME", "time between two statistics, such as 500ms, 5s or 1m", default="5s"),
        Option("stats", help="show statistics once, and return"),
    ),
    description="Prints one JSON object on a line for each event, until the container's first process has ended.",
    examples=(
        ("firkin events web", "statistics every five seconds, and oom when it happens"),
        ("firkin events --stats web", "statistics as they are now"),
    ),
)


def run(invocation: Invocation) -> int:
    """Print the events; returns 0."""
    from firkin.runtime.events import follow, statistics

    interval = _seconds(invocation.text("interval"))
    with Container(invocation.root, invocation.container) as container:
        check("events", container.id, container.status())
        with Cgroup(container.cgroup) as group:
            if invocation.flag("stats"):
                print(dump({"type": "stats", "id": container.id, "data": statistics(group)}))
                return 0
            for event in follow(container, group, interval):
                print(dump(event), flush=True)
    return 0


def _seconds(text: str) -> float:
    digits = text.rstrip("hms")
    unit = _UNITS.get(text[len(digits) :] or "s")
    whole, _, fraction = digits.partition(".")
    if unit is None or not (whole + fraction).isdecimal() or not float(digits):
        raise UsageError(f"events: option --interval: '{text}' is not a time", hint="such as 500ms or 5s")
    return float(digits) * unit

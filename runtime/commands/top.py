"""`firkin top`: show what cgroups use, live."""

from __future__ import annotations

from firkin.errors import UsageError
from firkin.runtime.cli.options import Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation
    from firkin.runtime.top.model import Model

__all__ = ["COMMAND", "run"]

_LONGEST = 3600.0
# Each kept file holds a page in the kernel besides.
_MOST_DESCRIPTORS = 8192
_RESERVED = 64


def _check(invocation: Invocation) -> None:
    if invocation.flag("json") and not invocation.flag("once"):
        raise UsageError("top: --json needs --once")
    _interval(invocation)


def _interval(invocation: Invocation) -> float:
    text = invocation.text("interval")
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0.1 <= seconds <= _LONGEST:
        raise UsageError(f"top: --interval {text}: not a number of seconds from 0.1 to {_LONGEST:.0f}")
    return seconds


COMMAND = Command(
    "top",
    "show what cgroups use, live",
    "[GROUP]",
    group="Cgroups",
    options=(
        Option("interval", "i", "SECONDS", "time between two readings", default="1"),
        Option("sort", "s", "COLUMN", "name, or a column by its name in JSON", default="name"),
        Option("once", help="print one table, of one interval, and exit"),
        Option("json", help="with --once: print an array with an object for each group"),
    ),
    description=(
        "GROUP is a path relative to the mount of cgroup v2, whose root is meant where none is given. "
        "Processor time and pressure are in percent of the time, so that two busy processors are 200; pressure is "
        "the share of the time in which some task waited. An empty cell means that the group has no such file. "
        "Keys: q quits; < and > choose the column to sort by, a letter chooses one at once (n name, c CPU, m memory, "
        "r read, w write, p pids, s e i pressure of cpu, memory, io, x g cpu.max and weight, M memory.max, P "
        "pids.max, o io.weight), again or R turns the order round; enter, left and right fold and unfold; / filters "
        "by a part of the path, escape ends that."
    ),
    examples=(
        ("firkin top", "the whole tree"),
        ("firkin top --sort cpu_percent --interval 2 system.slice", "a part of it, the busiest first"),
        ("firkin top --once --json", "one reading, for a program"),
    ),
    check=_check,
)


def run(invocation: Invocation) -> int:
    """Show the view, or print the table; returns 0. Raises CgroupError, and UsageError without a terminal."""
    import gc
    import sys

    once = invocation.flag("once")
    if not once and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("top: standard input and output are no terminal", hint="--once prints a table")
    # Off for commands that end soon.
    gc.enable()
    group = invocation.arguments[0] if invocation.arguments else "."
    return _show(group, invocation.text("sort"), _interval(invocation), once=once, as_json=invocation.flag("json"))


def _show(group: str, sort: str, interval: float, *, once: bool, as_json: bool) -> int:
    import time

    from firkin.cgroupfs.tree import Cgroup
    from firkin.runtime.top.columns import COLUMNS
    from firkin.runtime.top.model import BY_NAME, Model

    names = [BY_NAME, *(column.name for column in COLUMNS)]
    if sort not in names:
        raise UsageError(f"top: --sort {sort}: no such column", hint=f"one of {', '.join(names)}")
    with Cgroup(group) as cgroup, Model(cgroup, sort=sort, descriptors=_descriptors()) as model:
        if not once:
            from firkin.runtime.top.view import show

            show(model, interval)
            return 0
        time.sleep(interval)
        model.tick()
        _print(model, as_json=as_json)
    return 0


def _descriptors() -> int:
    # This process is its own: what is soft about its limit can be used up.
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, _MOST_DESCRIPTORS) if hard != resource.RLIM_INFINITY else _MOST_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return (wanted if soft == resource.RLIM_INFINITY else min(soft, wanted)) - _RESERVED


def _print(model: Model, *, as_json: bool) -> None:
    from firkin.oci.json_text import dump
    from firkin.runtime.top.table import records, table

    print(dump(records(model)) if as_json else table(model).rstrip("\n"))

"""`firkin cgroup`: look at cgroups, set them, act on them."""

from __future__ import annotations

from firkin.errors import UsageError
from firkin.runtime.cli.options import Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["ACTIONS", "COMMAND", "run"]

# Name, least and most number of arguments after the group, and whether the group may be left out.
_ARGUMENTS = {
    "ls": (0, 0, True),
    "tree": (0, 0, True),
    "show": (0, 1000, True),
    "stat": (0, 0, True),
    "set": (1, 1000, False),
    "events": (0, 0, False),
    "kill": (0, 0, False),
    "freeze": (0, 0, False),
    "thaw": (0, 0, False),
}
ACTIONS = tuple(_ARGUMENTS)
"""What can be done."""


def _check(invocation: Invocation) -> None:
    action, *rest = invocation.arguments
    if action not in _ARGUMENTS:
        raise UsageError(f"cgroup: unknown action '{action}'", hint=f"one of {', '.join(ACTIONS)}")
    least, most, optional = _ARGUMENTS[action]
    if not rest and not optional:
        raise UsageError(f"cgroup {action}: argument GROUP is missing", hint="a path such as a/b; firkin cgroup tree")
    if rest and not least <= len(rest) - 1 <= most:
        problem = "argument FILE=VALUE is missing" if len(rest) == 1 else f"unexpected argument '{rest[1 + most]}'"
        raise UsageError(f"cgroup {action}: {problem}")


COMMAND = Command(
    "cgroup",
    "look at cgroups, set their files, stop and kill them",
    "ACTION [GROUP] [ARGUMENT...]",
    group="Cgroups",
    options=(
        Option("all", "a", help="show: every file, also counters and what only has a default"),
        Option("recursive", "r", help="stat: all cgroups below the group too"),
        Option("trigger", "t", "TRIGGER", "events: tell of pressure too, such as 'memory some 100ms 1s'", repeat=True),
        Option("json", help="write JSON; events write a line of it for each"),
    ),
    description=(
        "GROUP is a path relative to the mount of cgroup v2; its root is . and is meant where none is given. "
        "Actions: ls (children), tree (all below), show [FILE...] (interface files), stat (accounting), "
        "set FILE=VALUE... (all of them or none), events (follow until interrupted), kill, freeze, thaw."
    ),
    examples=(
        ("firkin cgroup tree", "all cgroups, with their processes"),
        ("firkin cgroup show build", "the settings of one"),
        ("firkin cgroup show build memory.stat --json", "one file, for a program"),
        ("firkin cgroup set build memory.max=1.5G cpu.max='50ms 100ms'", "limits, with units"),
        ("firkin cgroup set build io.max='8:0 rbps=10m wiops=max'", "a limit of one disk"),
        ("firkin cgroup events build", "what happens to it and below it"),
    ),
    check=_check,
)


def run(invocation: Invocation) -> int:
    """Do what is asked for; returns 0. Raises CgroupError."""
    action, *rest = invocation.arguments
    group = rest[0] if rest else "."
    # Each action's module is imported for it alone.
    if action in ("ls", "tree"):
        from firkin.runtime.cgroups import listing

        return listing.ls(invocation, group) if action == "ls" else listing.tree(invocation, group)
    if action in ("show", "set"):
        from firkin.runtime.cgroups import files

        act = files.show if action == "show" else files.set_files
        return act(invocation, group, rest[1:])
    if action == "stat":
        from firkin.runtime.cgroups.statistics import stat

        return stat(invocation, group)
    if action == "events":
        from firkin.runtime.cgroups.following import follow

        return follow(invocation, group)
    return _act(action, group)


def _act(action: str, path: str) -> int:
    from firkin.cgroupfs.tree import Cgroup

    with Cgroup(path) as group:
        if action == "kill":
            group.kill()
            group.wait_empty()
        elif action == "freeze":
            group.freeze()
        else:
            group.thaw()
    return 0

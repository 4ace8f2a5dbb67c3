"""A process that makes many cgroups, limits and fills them, kills what is in them, and removes them.

    python many_groups.py CGROUP COUNT

What it makes is below CGROUP/many, with the controllers that CGROUP gives. Each step is a line on standard output, so
that it can be killed at any; between filling and killing it reads a byte, or the end, from standard input.
"""

from __future__ import annotations

import os
import resource
import sys

from firkin.cgroupfs import Cgroup
from firkin.cgroupfs.spawn import Spawned

__all__ = ["NAME", "STEPS"]

NAME = "many"
"""The group that all others are in."""

STEPS = ("made", "limited", "filled", "killed", "reaped", "removed")
"""The first words of the lines: one with each group's number, but for `killed`."""

_LIMITS = {"cpu.max": "50000 100000", "memory.max": "64m", "pids.max": "8", "cpu.weight": "50", "memory.low": "1m"}
_ALWAYS = {"cgroup.max.depth": "1", "cgroup.max.descendants": "4"}


def _say(step: str, number: int = 0) -> None:
    os.write(1, f"{step} {number}\n".encode())


def _limit(group: Cgroup, controllers: list[str]) -> None:
    limits = {file: value for file, value in _LIMITS.items() if file.partition(".")[0] in controllers}
    for file, value in (_ALWAYS | limits).items():
        controller, _, attribute = file.partition(".")
        owner = group.core if controller == "cgroup" else getattr(group, controller)
        setattr(owner, attribute.replace(".", "_"), value)
    if "hugetlb" in controllers:
        group.hugetlb("2MB").max = "4m"


def _fill(parent: Cgroup, count: int, controllers: list[str]) -> list[Spawned]:
    processes = []
    for number in range(count):
        with parent.make_child(f"g{number}") as group:
            _say("made", number)
            _limit(group, controllers)
            _say("limited", number)
            processes.append(group.spawn(["sleep", "100000"]))
            _say("filled", number)
    return processes


def _empty(parent: Cgroup, processes: list[Spawned]) -> None:
    parent.kill()
    _say("killed")
    for number, process in enumerate(processes):
        process.wait()
        _say("reaped", number)
    parent.wait_empty()
    for number in range(len(processes)):
        parent.remove_child(f"g{number}")
        _say("removed", number)


def main(path: str, count: int) -> None:
    """Do all of it. Raises AssertionError if a descriptor stays open."""
    before = os.listdir("/proc/self/fd")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with Cgroup(path) as above, above.make_child(NAME) as parent:
        controllers = parent.read("cgroup.controllers").split()
        parent.enable(controllers)
        processes = _fill(parent, count, controllers)
        os.read(0, 1)
        _empty(parent, processes)
        above.remove_child(NAME)
    assert os.listdir("/proc/self/fd") == before


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

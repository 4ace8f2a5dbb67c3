"""A thousand cgroups with limits and processes leave the tree as it was, whenever who made them is killed."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from firkin.cgroupfs import Cgroup
from tests.support import many_groups

GROUPS = 1000
SOME = 60
_HERE = pytest.mark.requires("root", "cgroup2")
_LIMITED = pytest.mark.requires("root", "cgroup2", "cpu", "memory", "pids")


@contextmanager
def maker(cgroup: Cgroup, stdin: int, groups: int) -> Iterator[subprocess.Popen[str]]:
    """The process that makes so many groups; it is killed at the end if it has not ended."""
    command = [sys.executable, "-P", many_groups.__file__, cgroup.path, str(groups)]
    with subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def tree(cgroup: Cgroup) -> dict[str, tuple[str, ...]]:
    """What there is: every group with what it gives, its limits, and the processes in it."""
    files = ("cgroup.subtree_control", "cgroup.max.descendants", "cgroup.max.depth", "cgroup.procs", "cgroup.events")
    return {group.path: tuple(group.read(file) for file in files) for group in cgroup.walk()}


def processes_in(cgroup: Cgroup) -> list[str]:
    """The processes anywhere whose cgroup is or was below this one, zombies too."""
    place = f"/{cgroup.path.rpartition('/')[2]}/"
    found = []
    for file in Path("/proc").glob("[0-9]*/cgroup"):
        try:
            text = file.read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        found += [file.parent.name] if place in text else []
    return found


def read_until(process: subprocess.Popen[str], line: str) -> list[str]:
    """What the process said, up to that line or its end."""
    assert process.stdout
    found = []
    for said in process.stdout:
        found.append(said)
        if said == f"{line}\n":
            break
    return found


@pytest.mark.parametrize("controllers", [pytest.param("", marks=_HERE), pytest.param("limited", marks=_LIMITED)])
def test_a_thousand_groups_leave_the_tree_as_it_was(cgroup: Cgroup, controllers: str) -> None:
    cgroup.enable(cgroup.read("cgroup.controllers").split())
    before = tree(cgroup)
    with maker(cgroup, subprocess.PIPE, GROUPS) as process:
        said = read_until(process, f"filled {GROUPS - 1}")
        assert len(said) == 3 * GROUPS
        with cgroup.child(many_groups.NAME) as parent:
            assert len(tree(parent)) == GROUPS + 1
            if controllers:
                with parent.child("g999") as last:
                    assert (last.memory.max, last.pids.max, last.pids.current) == (64 << 20, 8, 1)
        assert process.stdin
        process.stdin.close()
        said = read_until(process, f"removed {GROUPS - 1}")
        assert [line.split()[0] for line in said].count("reaped") == GROUPS
        assert process.wait() == 0
    assert tree(cgroup) == before
    assert processes_in(cgroup) == []


@pytest.mark.parametrize(
    "step",
    [
        *(pytest.param(step, marks=_HERE) for step in many_groups.STEPS),
        pytest.param("filled", marks=_LIMITED, id="filled-limited"),
    ],
)
def test_cleaning_up_after_a_maker_that_was_killed_leaves_the_tree_as_it_was(
    cgroup: Cgroup, step: str, record_property: Callable[[str, object], None]
) -> None:
    number = 0 if step == "killed" else random.randrange(SOME)
    record_property("killed at", f"{step} {number}")
    cgroup.enable(cgroup.read("cgroup.controllers").split())
    before = tree(cgroup)
    with maker(cgroup, subprocess.DEVNULL, SOME) as process:
        # It goes on until the signal comes.
        said = read_until(process, f"{step} {number}")
        process.kill()
        assert said[-1] == f"{step} {number}\n"
    Cgroup.destroy(f"{cgroup.path}/{many_groups.NAME}")
    assert tree(cgroup) == before, f"killed at {step} {number}"

"""The placeholder of a scope, put into a plan that was made before there was one."""

from __future__ import annotations

import pytest

from firkin.errors import FirkinError
from firkin.runtime.plan import opcodes as op
from firkin.runtime.plan.builder import PlanBuilder
from firkin.runtime.plan.disassemble import read_plan
from firkin.runtime.plan.patch import with_placeholder


def plan(pid: int, started: int, *, scope: bool = True) -> bytes:
    builder = PlanBuilder()
    root, process, cgroup = (builder.private_slot() for _ in range(3))
    builder.prepare.add(op.CGROUP_ROOT, "linux.cgroupsPath", root, "/sys/fs/cgroup")
    if scope:
        builder.prepare.add(op.OPEN_PROCESS, "linux.cgroupsPath", process, pid, started)
        builder.prepare.add(op.CGROUP_OF, "linux.cgroupsPath", cgroup, root, pid)
    builder.meet.add(op.END_PROCESS, "linux.cgroupsPath", process)
    return builder.encode()


def test_a_plan_that_is_told_its_placeholder_is_the_plan_that_was_made_for_it() -> None:
    assert with_placeholder(plan(0, 0), 4321, 1 << 40) == plan(4321, 1 << 40)
    found = {one.name: one.arguments for one in read_plan(with_placeholder(plan(0, 0), 7, 8))}
    assert (found["open-process"]["pid"], found["open-process"]["start_time"], found["cgroup-of"]["pid"]) == (7, 8, 7)


def test_a_plan_without_a_scope_is_refused() -> None:
    with pytest.raises(FirkinError, match="is not of a container in a scope"):
        with_placeholder(plan(0, 0, scope=False), 1, 1)

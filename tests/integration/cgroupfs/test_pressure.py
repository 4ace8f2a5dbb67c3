"""Pressure triggers fire when tasks wait, are told once, and end with their cgroup."""

from __future__ import annotations

import asyncio
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from firkin.cgroupfs import Cgroup
from firkin.cgroupfs.events import Event, Pressure, PressureOff, Removed, Trigger, Watch
from firkin.errors import CgroupFileError, CgroupGoneError, CgroupValueError
from tests.support.cgroup_worker import spin
from tests.support.cgroups import scratch_name
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.requires("root", "cgroup2", "psi")

TRIGGER = Trigger("cpu", "some", 20_000, 2_000_000)
"""Of the window that everybody may have."""


# Never met: now and then one of the loops does run.
HARD = Trigger("cpu", "full", 2_000_000, 2_000_000)


@contextmanager
def contention(group: Cgroup) -> Iterator[None]:
    """Loops in the cgroup that share one processor, and leave it to others who want it."""
    loops = [spin(group) for _ in range(2)]
    try:
        for loop in loops:
            os.sched_setaffinity(loop.pid, {min(os.sched_getaffinity(0))})
            os.setpriority(os.PRIO_PROCESS, loop.pid, 19)
        yield
    finally:
        group.kill()
        for loop in loops:
            loop.wait()


def pressure(events: list[Event]) -> list[Event]:
    return [event for event in events if isinstance(event, Pressure)]


def first(watch: Watch, kind: type[Event]) -> Event:
    """The first event of a kind, which must come."""
    while True:
        events = watch.wait(timeout=SECONDS)
        assert events, f"no {kind.__name__} came"
        for event in events:
            if isinstance(event, kind):
                return event


@dataclass(frozen=True)
class Told:
    """What watches of `busy` were told first: by itself, with its sibling, with two triggers, by epoll in epoll."""

    busy: str
    alone: Event
    with_sibling: Event
    with_two: Event
    through_epoll: list[Event]


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    """All of it in one time of contention, as a window takes two seconds."""
    name = scratch_name()
    with Cgroup.make(name) as top, top.make_child("busy") as busy, top.make_child("idle") as idle:
        try:
            yield watched(busy, idle)
        finally:
            Cgroup.destroy(name)


def watched(busy: Cgroup, idle: Cgroup) -> Told:
    with (
        Watch(busy, triggers=[TRIGGER]) as alone,
        Watch(busy, idle, triggers=[TRIGGER]) as both,
        Watch(busy, files=(), triggers=[HARD, TRIGGER]) as two,
        Watch(busy, files=(), triggers=[TRIGGER]) as nested,
        contention(busy),
    ):
        events = await_through_epoll(nested)
        return Told(busy.path, first(alone, Pressure), first(both, Pressure), first(two, Pressure), events)


def await_through_epoll(watch: Watch) -> list[Event]:
    """What is told to who waits for the descriptor by epoll in epoll."""
    with select.epoll() as inner, select.epoll() as outer:
        inner.register(watch.fileno(), select.EPOLLIN)
        outer.register(inner.fileno(), select.EPOLLIN)
        while True:
            assert outer.poll(SECONDS)
            assert inner.poll(0)
            if events := watch.read():
                return events


def test_waiting_for_a_processor_fires(told: Told) -> None:
    assert told.alone == Pressure(told.busy, TRIGGER, told.alone.time)


def test_pressure_of_one_cgroup_is_not_that_of_its_sibling(told: Told) -> None:
    assert told.with_sibling.cgroup == told.busy


def test_two_triggers_of_one_file_are_told_apart(told: Told) -> None:
    assert isinstance(told.with_two, Pressure)
    assert told.with_two.trigger == TRIGGER


def test_who_waits_for_the_descriptor_through_epoll_in_epoll_loses_nothing(told: Told) -> None:
    assert pressure(told.through_epoll) == told.through_epoll != []


def test_it_fires_again_and_at_most_once_in_a_window(cgroup: Cgroup) -> None:
    begin = time.time_ns()
    with Watch(cgroup, triggers=["cpu some 20ms 2s"]) as watch, contention(cgroup):
        last = [first(watch, Pressure).time for _ in range(2)][-1]
    # Who reads late reads at any distance; but so often it can not have fired in less than a whole window.
    assert last - begin > 1_900_000_000


def test_idleness_does_not_fire(cgroup: Cgroup) -> None:
    hard = Trigger("cpu", "some", 1_900_000, 2_000_000)
    with Watch(cgroup, files=(), triggers=[hard, "io full 2s 2s"]) as watch, cgroup.spawn(["sleep", "1000"]):
        assert watch.wait(timeout=2.5) == []


def test_asyncio_is_told(cgroup: Cgroup) -> None:
    async def main() -> Event:
        with Watch(cgroup, files=(), triggers=[TRIGGER]) as watch, contention(cgroup):
            return await asyncio.wait_for(anext(watch), SECONDS)

    event = asyncio.run(main())
    assert event == Pressure(cgroup.path, TRIGGER, event.time)


def test_a_trigger_ends_with_its_cgroup(cgroup: Cgroup) -> None:
    with cgroup.make_child("x") as child, Watch(child, triggers=[TRIGGER, "memory full 1s 2s"]) as watch:
        cgroup.remove_child("x")
        (event,) = watch.wait(timeout=SECONDS)
        assert event == Removed(child.path, event.time)
        assert watch.is_over


def test_turning_pressure_off_is_told(cgroup: Cgroup) -> None:
    with Watch(cgroup, triggers=[TRIGGER]) as watch:
        cgroup.write("cgroup.pressure", "0")
        event = first(watch, PressureOff)
        assert event == PressureOff(cgroup.path, TRIGGER, event.time)
        assert watch.wait(timeout=0.05) == []
        with cgroup.spawn(["sleep", "1000"]):
            assert len(watch.wait(timeout=SECONDS)) == 1


def test_a_trigger_where_pressure_is_off_is_refused(cgroup: Cgroup) -> None:
    cgroup.write("cgroup.pressure", "0")
    with pytest.raises(CgroupFileError, match=r"cpu\.pressure"):
        Watch(cgroup, triggers=[TRIGGER])


def test_a_trigger_of_a_cgroup_that_is_gone_is_refused(cgroup: Cgroup) -> None:
    with cgroup.make_child("x") as child:
        cgroup.remove_child("x")
        with pytest.raises(CgroupGoneError):
            TRIGGER.arm(child)


@pytest.mark.parametrize("resource", ["cpu", "memory", "io"])
@pytest.mark.parametrize("kind", ["some", "full"])
@pytest.mark.parametrize(("stall", "window"), [(1, 2_000_000), (2_000_000, 2_000_000), (1, 10_000_000)])
def test_what_is_in_range_the_kernel_takes(cgroup: Cgroup, resource: str, kind: str, stall: int, window: int) -> None:
    os.close(Trigger(resource, kind, stall, window).arm(cgroup))


_UNPRIVILEGED = """
import sys
import time
from firkin.cgroupfs import Cgroup
from firkin.cgroupfs.events import Trigger
Trigger.parse(sys.argv[2]).arm(Cgroup(sys.argv[1]))
print("armed")
"""


def arm_without_privilege(group: Cgroup, text: str) -> subprocess.CompletedProcess[str]:
    drop = ["setpriv", "--bounding-set=-sys_resource", "--inh-caps=-sys_resource"]
    script = [sys.executable, "-P", "-c", _UNPRIVILEGED, group.path, text]
    return subprocess.run([*drop, *script], capture_output=True, text=True, check=False)


def test_windows_of_two_seconds_are_everybodys(cgroup: Cgroup) -> None:
    for window in ("2s", "4s", "10s"):
        assert arm_without_privilege(cgroup, f"memory some 100ms {window}").stdout == "armed\n"


def test_a_window_that_is_not_everybodys_is_refused_with_the_reason(cgroup: Cgroup) -> None:
    done = arm_without_privilege(cgroup, "memory some 100ms 3s")
    assert done.returncode != 0
    assert "without CAP_SYS_RESOURCE the window must be a multiple of 2s" in done.stderr.splitlines()[-1]


def test_descriptors_of_refused_triggers_are_given_back(cgroup: Cgroup) -> None:
    before = os.listdir("/proc/self/fd")
    with pytest.raises(CgroupValueError):
        Watch(cgroup, triggers=["memory some 3s 2s"])
    assert os.listdir("/proc/self/fd") == before

"""Counts that controllers raise are told, and a kill for want of memory is laid at the right door."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from firkin.cgroupfs import Cgroup
from firkin.cgroupfs.events import Changed, Event, OutOfMemory, PartitionChanged, Removed, Watch
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.requires("root", "cgroup2")
MIB = 1 << 20
GREEDY = ["sh", "-c", "x=aaaaaaaa; while :; do x=$x$x; done"]


def collect(watch: Watch, is_complete: Callable[[list[Event]], object]) -> list[Event]:
    """All events until they are complete, which they must become."""
    found: list[Event] = []
    while not is_complete(found):
        events = watch.wait(timeout=SECONDS)
        assert events, f"nothing came any more after {found}"
        found += events
    return found


def killed(events: Iterable[Event], group: Cgroup) -> int:
    """How many processes of a cgroup were killed."""
    return sum(event.killed for event in events if isinstance(event, OutOfMemory) and event.cgroup == group.path)


def removals(events: list[Event]) -> list[Removed]:
    return [event for event in events if isinstance(event, Removed)]


def counts(events: list[Event]) -> dict[tuple[str, str], int]:
    """What the files said last, by file and key."""
    return {(event.file, event.key): event.new for event in events if isinstance(event, Changed)}


def kills(events: list[Event]) -> list[OutOfMemory]:
    return [event for event in events if isinstance(event, OutOfMemory)]


def rises(watch: Watch, group: Cgroup, file: str, key: str) -> Changed:
    """The first change of a count, which must come."""
    while True:
        events = watch.wait(timeout=SECONDS)
        assert events, f"{file} {key} did not rise"
        for event in events:
            if isinstance(event, Changed) and (event.cgroup, event.file, event.key) == (group.path, file, key):
                return event


@pytest.fixture
def small(cgroup: Cgroup) -> Iterator[Cgroup]:
    """A cgroup whose memory ends soon, whose children have the memory controller."""
    cgroup.enable(["memory"])
    cgroup.memory.max = 24 * MIB
    cgroup.memory.swap_max = 0
    yield cgroup


@pytest.mark.requires("memory")
def test_a_kill_is_of_the_cgroup_whose_limit_was_hit(cgroup: Cgroup) -> None:
    cgroup.memory.max = 24 * MIB
    cgroup.memory.swap_max = 0
    both = {"memory.events", "memory.events.local"}
    with Watch(cgroup) as watch, cgroup.spawn(GREEDY) as process:
        # The kernel counts and notifies one file after the other, each at most once in 10 ms: a kill is known
        # from memory.events.local before memory.events tells of it.
        found = collect(watch, lambda events: {file for file, key in counts(events) if key == "oom_kill"} == both)
        assert process.wait() == -9
    (kill,) = kills(found)
    assert kill == OutOfMemory(cgroup.path, 1, cgroup.path, whole=False, time=kill.time)
    last = counts(found)
    assert last["memory.events", "oom_kill"] == last["memory.events.local", "oom_kill"] == 1
    assert last["memory.events.local", "oom"] >= 1


@pytest.mark.requires("memory")
def test_a_kill_below_a_limit_names_both_cgroups(small: Cgroup) -> None:
    with small.make_child("a") as a, a.make_child("victim") as victim, small.make_child("other") as other:
        a.enable(["memory"])
        with Watch(small, recursive=True) as watch, other.spawn(["sleep", "1000"]), victim.spawn(GREEDY):
            (kill,) = kills(collect(watch, kills))
    assert kill == OutOfMemory(victim.path, 1, small.path, whole=False, time=kill.time)


@pytest.mark.requires("memory")
def test_the_nearest_limit_that_was_hit_is_named(small: Cgroup) -> None:
    small.memory.max = 200 * MIB
    with small.make_child("a") as a, a.make_child("victim") as victim:
        a.enable(["memory"])
        a.memory.max = 24 * MIB
        with Watch(small, recursive=True) as watch, victim.spawn(GREEDY):
            (kill,) = kills(collect(watch, kills))
    assert (kill.cgroup, kill.limit) == (victim.path, a.path)


@pytest.mark.requires("memory")
def test_a_limit_that_is_not_watched_is_not_guessed(small: Cgroup) -> None:
    with small.make_child("victim") as victim, Watch(victim) as watch, victim.spawn(GREEDY):
        (kill,) = kills(collect(watch, kills))
    assert (kill.cgroup, kill.killed, kill.limit) == (victim.path, 1, None)


@pytest.mark.requires("memory")
def test_a_cgroup_killed_as_a_whole_is_told_as_such(small: Cgroup) -> None:
    small.memory.oom_group = 1
    found: list[OutOfMemory] = []
    with (
        small.make_child("a") as a, small.make_child("b") as b, Watch(small, recursive=True) as watch,
        a.spawn(["sleep", "1000"]), a.spawn(["sleep", "1000"]), b.spawn(GREEDY),
    ):  # fmt: skip
        # In which order the files of several cgroups are notified is not said.
        while killed(found, a) < 2 or killed(found, b) < 1:
            found += kills(collect(watch, kills))
    assert killed(found, a) == 2
    # The kernel counts the first one again when it goes through the whole.
    assert killed(found, b) in (1, 2)
    assert {kill.limit for kill in found} == {small.path}
    assert any(kill.whole for kill in found)


@pytest.mark.requires("memory")
def test_kills_below_a_cgroup_that_is_watched_alone_are_told_as_below(small: Cgroup) -> None:
    with small.make_child("victim") as victim, Watch(small) as watch, victim.spawn(GREEDY):
        (kill,) = kills(collect(watch, kills))
    assert kill == OutOfMemory(small.path, 1, small.path, whole=False, time=kill.time, below=True)


@pytest.mark.requires("memory")
def test_a_kill_in_a_cgroup_that_is_gone_before_anybody_looked(small: Cgroup) -> None:
    with small.make_child("victim") as victim, Watch(small, recursive=True) as watch:
        with victim.spawn(GREEDY) as process:
            assert process.wait() == -9
        victim.wait_empty()
        small.remove_child("victim")
        found = collect(watch, removals)
    (kill,) = kills(found)
    assert kill == OutOfMemory(
        small.path, 1, small.path, whole=False, time=kill.time, below=True, removed=(victim.path,)
    )


@pytest.mark.requires("memory")
def test_the_end_of_a_cgroup_is_told_after_its_kills(small: Cgroup) -> None:
    with small.make_child("victim") as victim, Watch(small, recursive=True) as watch:
        with victim.spawn(GREEDY) as process:
            process.wait()
            found = collect(watch, kills)
        victim.wait_empty()
        small.remove_child("victim")
        found += collect(watch, removals)
    own = [event for event in found if event.cgroup == victim.path]
    assert isinstance(own[-1], Removed)
    assert [(kill.cgroup, kill.killed) for kill in kills(found)] == [(victim.path, 1)]


@pytest.mark.requires("memory")
def test_kills_from_before_the_watch_are_not_told(small: Cgroup) -> None:
    with small.make_child("gone") as gone, gone.spawn(GREEDY) as process:
        process.wait()
        gone.wait_empty()
    small.remove_child("gone")
    with small.make_child("victim") as victim, victim.spawn(GREEDY) as process:
        process.wait()
        victim.wait_empty()
        with Watch(small, recursive=True) as watch:
            assert watch.wait(timeout=0.1) == []
            with victim.spawn(GREEDY):
                (kill,) = kills(collect(watch, kills))
    assert (kill.cgroup, kill.killed, kill.below) == (victim.path, 1, False)


@pytest.mark.requires("memory")
def test_every_kill_is_counted_once_among_many_cgroups(small: Cgroup) -> None:
    small.memory.max = 400 * MIB
    groups = [small.make_child(f"{number}") for number in range(6)]
    with Watch(small, recursive=True) as watch:
        for group in groups:
            group.memory.max = 16 * MIB
        processes = [group.spawn(GREEDY) for group in groups]
        for process in processes:
            assert process.wait() == -9
        for group in groups[::2]:
            group.wait_empty()
            small.remove_child(group.path.rpartition("/")[2])
        found = kills(collect(watch, lambda events: sum(kill.killed for kill in kills(events)) >= len(groups)))
        found += kills(watch.wait(timeout=0.5))
    for group in groups:
        group.close()
    assert sum(kill.killed for kill in found) == len(groups)
    for kill in found:
        assert kill.below or kill.limit == kill.cgroup


@pytest.mark.requires("memory")
def test_counts_of_memory_limits_rise(cgroup: Cgroup) -> None:
    cgroup.memory.high = 8 * MIB
    cgroup.memory.swap_max = 0
    read = ["sh", "-c", "dd if=/dev/zero bs=24M count=1 2>/dev/null | tail -c 1 >/dev/null"]
    with Watch(cgroup) as watch, cgroup.spawn(read):
        assert rises(watch, cgroup, "memory.events", "high").new >= 1


@pytest.mark.requires("memory", "swap")
def test_a_swap_limit_that_is_hit_is_told(cgroup: Cgroup) -> None:
    cgroup.memory.max = 24 * MIB
    # Less than reclaim takes at once: without any it would not even try.
    cgroup.memory.swap_max = 25 * 4096
    with Watch(cgroup, files=["memory.swap.events"]) as watch, cgroup.spawn(GREEDY):
        assert rises(watch, cgroup, "memory.swap.events", "fail").new >= 1


@pytest.mark.requires("pids")
def test_a_fork_that_is_refused_is_told(cgroup: Cgroup) -> None:
    cgroup.pids.max = 1
    with Watch(cgroup) as watch, cgroup.spawn(["sh", "-c", "sleep 1000 & sleep 1000"]):
        event = rises(watch, cgroup, "pids.events", "max")
    assert (event.old, event.new) == (0, 1)


_HUGE = """
import mmap
flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40000
area = mmap.mmap(-1, 2 << 20, flags=flags)
area[0] = 1
"""


@pytest.mark.requires("hugetlb")
def test_a_huge_page_that_is_refused_is_told(cgroup: Cgroup) -> None:
    pool = Path("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages")
    before = pool.read_text()
    pool.write_text("4")
    try:
        cgroup.write("hugetlb.2MB.max", "0")
        with Watch(cgroup) as watch, cgroup.spawn([sys.executable, "-c", _HUGE]):
            names = {"hugetlb.2MB.events", "hugetlb.2MB.events.local"}
            found: set[tuple[str, str, int]] = set()
            while {name for name, _, _ in found} < names:
                events = watch.wait(timeout=SECONDS)
                assert events, found
                changes = [event for event in events if isinstance(event, Changed)]
                found |= {(event.file, event.key, event.new) for event in changes if event.file in names}
            assert found == {(name, "max", 1) for name in names}
    finally:
        pool.write_text(before)


@pytest.mark.requires("cpuset")
def test_a_partition_that_changes_is_told(cgroup: Cgroup) -> None:
    if os.cpu_count() == 1:
        pytest.skip("a partition needs a processor that the root does not")
    cgroup.cpuset.cpus = "1"
    with Watch(cgroup) as watch:
        cgroup.write("cpuset.cpus.partition", "root")
        (event,) = watch.wait(timeout=SECONDS)
        assert event == PartitionChanged(cgroup.path, "member", "root", event.time)
        cgroup.write("cpuset.cpus.partition", "member")
        (event,) = watch.wait(timeout=SECONDS)
        assert event == PartitionChanged(cgroup.path, "root", "member", event.time)


@pytest.mark.requires("pids")
def test_files_of_a_controller_that_is_enabled_later_are_watched(cgroup: Cgroup) -> None:
    with cgroup.make_child("a") as a, Watch(a) as alone, Watch(cgroup, recursive=True) as below:
        assert not a.has("pids.events")
        cgroup.enable(["pids"])
        assert alone.wait(timeout=0.1) == below.wait(timeout=0.1) == []
        a.pids.max = 1
        with a.spawn(["sh", "-c", "sleep 1000 & sleep 1000"]):
            for watch in (alone, below):
                event = rises(watch, a, "pids.events", "max")
                assert (event.old, event.new) == (0, 1)


@pytest.mark.requires("pids")
def test_disabling_a_controller_takes_its_files_out_of_the_watch(cgroup: Cgroup) -> None:
    cgroup.enable(["pids"])
    with cgroup.make_child("a") as a, Watch(a) as watch:
        cgroup.disable(["pids"])
        assert watch.wait(timeout=0.1) == []
        with a.spawn(["sleep", "1000"]):
            (event,) = watch.wait(timeout=SECONDS)
        assert isinstance(event, Changed)
        assert event.key == "populated"

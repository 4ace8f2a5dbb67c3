"""The memory controller: limits, protections, reclaim, the OOM killer."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from firkin.cgroupfs import Cgroup
from firkin.errors import CgroupFileError, CgroupReclaimError
from tests.support.cgroup_values import assert_refused, put, refusal, value
from tests.support.cgroup_worker import Worker, spin

pytestmark = pytest.mark.requires("root", "cgroup2", "unified", "memory", "swap")

MIB = 1 << 20

ROUND_TRIPS = [
    ("memory.max", "512m", 512 * MIB),
    ("memory.max", "1.5G", 1536 * MIB),
    ("memory.max", "max", "max"),
    ("memory.high", 64 * MIB, 64 * MIB),
    ("memory.high", "max", "max"),
    ("memory.low", "16MiB", 16 * MIB),
    ("memory.low", "max", "max"),
    ("memory.min", "8192k", 8 * MIB),
    ("memory.min", 0, 0),
    ("memory.swap.max", "1g", 1024 * MIB),
    ("memory.swap.max", 0, 0),
    ("memory.swap.high", "10m", 10 * MIB),
    ("memory.swap.high", "max", "max"),
    ("memory.oom.group", True, True),
    ("memory.oom.group", "0", False),
]

REFUSED = [
    *((f"memory.{name}", text) for name in ("min", "low", "high", "max") for text in ("-1", "lots")),
    ("memory.swap.max", "5q"),
    ("memory.swap.high", "-4096"),
    ("memory.oom.group", "2"),
    ("memory.reclaim", "all"),
    ("memory.reclaim", "1m priority=3"),
]


@pytest.fixture
def pair(cgroup: Cgroup) -> Iterator[list[Cgroup]]:
    """Two children with the memory controller."""
    cgroup.enable(["memory"])
    with ExitStack() as stack:
        yield [stack.enter_context(cgroup.make_child(name)) for name in ("one", "other")]


def shrink(group: Cgroup, size: str) -> None:
    """Limit the cgroup to less than it has; what is written to a slow disk meanwhile kills nobody."""
    group.memory.high = size
    group.memory.max = size


@pytest.mark.parametrize(("file", "written", "read"), ROUND_TRIPS)
def test_what_is_written_is_read(shared_cgroup: Cgroup, file: str, written: object, read: object) -> None:
    put(shared_cgroup, file, written)
    assert value(shared_cgroup, file) == read


def test_bytes_are_rounded_down_to_pages(cgroup: Cgroup) -> None:
    cgroup.memory.max = 10 * MIB + 4095
    assert cgroup.memory.max == 10 * MIB


@pytest.mark.parametrize(("file", "text"), REFUSED)
def test_bad_value_is_refused_before_the_kernel(shared_cgroup: Cgroup, file: str, text: str) -> None:
    assert_refused(shared_cgroup, file, text)


@pytest.mark.covers("memory.max", "memory.events", "memory.events.local", "memory.peak")
def test_who_takes_more_than_the_limit_is_killed(cgroup: Cgroup) -> None:
    cgroup.enable(["memory"])
    with cgroup.make_child("child") as child:
        child.memory.max = "32m"
        child.memory.swap_max = 0
        with Worker(child) as worker:
            with pytest.raises(EOFError):
                worker.take(64)
            assert worker.process.wait() == -9
        assert child.memory.events["oom_kill"] == child.memory.events_local["oom_kill"] == 1
        assert child.memory.events["max"] > 0
        assert 24 * MIB < child.memory.peak <= 32 * MIB
    assert cgroup.memory.events["oom_kill"] == 1
    assert cgroup.memory.events_local["oom_kill"] == 0


@pytest.mark.covers("memory.max", "memory.current", "memory.stat", "memory.numa_stat")
def test_who_takes_less_lives(cgroup: Cgroup) -> None:
    cgroup.memory.max = "64m"
    with Worker(cgroup) as worker:
        before = cgroup.memory.stat["anon"]
        worker.take(32)
        assert 32 * MIB <= cgroup.memory.current <= 64 * MIB
        assert 31 * MIB <= cgroup.memory.stat["anon"] - before <= 34 * MIB
        assert cgroup.memory.numa_stat["anon"]["N0"] == pytest.approx(cgroup.memory.stat["anon"], abs=MIB)
    assert cgroup.memory.events["oom_kill"] == 0


@pytest.mark.covers("memory.max", "memory.swap.current", "memory.swap.max")
def test_limit_below_what_is_in_use_moves_it_to_swap(cgroup: Cgroup) -> None:
    with Worker(cgroup) as worker:
        worker.take(32)
        shrink(cgroup, "16m")
        assert cgroup.memory.current <= 16 * MIB
        assert cgroup.memory.swap_current >= 14 * MIB
        assert worker("held[0][0]") == ord("x")


@pytest.mark.covers("memory.oom.group", "memory.events")
@pytest.mark.parametrize("group", [False, True])
def test_oom_ends_one_process_or_all(cgroup: Cgroup, group: bool) -> None:
    cgroup.memory.max = "32m"
    cgroup.memory.swap_max = 0
    cgroup.memory.oom_group = group
    with spin(cgroup) as bystander, Worker(cgroup) as worker:
        with pytest.raises(EOFError):
            worker.take(64)
        assert worker.process.wait() == -9
        if group:
            assert bystander.wait() == -9
        else:
            assert cgroup.core.procs == [bystander.pid]
    assert cgroup.memory.events["oom_kill"] >= (2 if group else 1)
    assert cgroup.memory.events["oom_group_kill"] == group


@pytest.mark.covers("memory.high", "memory.events", "memory.pressure")
@pytest.mark.requires("psi")
def test_memory_above_high_is_reclaimed_and_its_taker_slowed(cgroup: Cgroup) -> None:
    cgroup.memory.high = "16m"
    with Worker(cgroup) as worker:
        for _ in range(6):
            worker.take(4)
        assert cgroup.memory.current <= 18 * MIB
        assert cgroup.memory.swap_current >= 5 * MIB
    assert cgroup.memory.events["high"] > 0
    assert cgroup.memory.events["oom_kill"] == 0
    stalled = cgroup.core.memory_pressure.some
    assert stalled is not None and stalled.total > 0


@pytest.mark.covers("memory.min", "memory.low")
@pytest.mark.parametrize("file", ["memory.min", "memory.low"])
def test_protected_memory_stays_when_a_limit_reclaims(cgroup: Cgroup, pair: list[Cgroup], file: str) -> None:
    put(pair[0], file, "40m")
    with Worker(pair[0]) as protected, Worker(pair[1]) as other:
        protected.take(32)
        other.take(32)
        held = pair[0].memory.current
        shrink(cgroup, "40m")
        assert cgroup.memory.current <= 40 * MIB
        assert held - pair[0].memory.current < 2 * MIB
        assert pair[1].memory.current < 16 * MIB
    assert pair[0].memory.events["low"] == 0


@pytest.mark.covers("memory.min", "memory.low")
def test_unprotected_memory_is_reclaimed_from_all(cgroup: Cgroup, pair: list[Cgroup]) -> None:
    with Worker(pair[0]) as one, Worker(pair[1]) as other:
        one.take(32)
        other.take(32)
        shrink(cgroup, "32m")
        assert [group.memory.swap_current > 4 * MIB for group in pair] == [True, True]


@pytest.mark.covers("memory.low", "memory.min", "memory.events")
@pytest.mark.parametrize("file", ["memory.low", "memory.min"])
def test_low_gives_way_where_nothing_else_is_left_and_min_does_not(cgroup: Cgroup, file: str) -> None:
    cgroup.enable(["memory"])
    with cgroup.make_child("child") as child:
        put(child, file, "64m")
        with Worker(child) as worker:
            worker.take(32)
            if file == "memory.min":
                with refusal(CgroupReclaimError, errno.EAGAIN):
                    cgroup.memory.reclaim = "16m"
                assert child.memory.swap_current == 0
            else:
                cgroup.memory.reclaim = "16m"
                assert child.memory.swap_current > 8 * MIB
                assert child.memory.events["low"] > 0


@pytest.mark.covers("memory.reclaim", "memory.current", "memory.swap.current")
def test_reclaim_takes_what_is_asked(cgroup: Cgroup) -> None:
    with Worker(cgroup) as worker:
        worker.take(32)
        before = cgroup.memory.current
        put(cgroup, "memory.reclaim", "16m")
        assert before - cgroup.memory.current >= 14 * MIB
        assert cgroup.memory.swap_current >= 12 * MIB


@pytest.mark.covers("memory.reclaim", "memory.swap.max")
def test_reclaim_of_more_than_can_be_had_is_told(cgroup: Cgroup) -> None:
    cgroup.memory.swap_max = 0
    with Worker(cgroup) as worker:
        worker.take(16)
        with refusal(CgroupReclaimError, errno.EAGAIN, "could be reclaimed"):
            put(cgroup, "memory.reclaim", "64m")
    assert cgroup.memory.swap_current == 0


@pytest.mark.covers("memory.swap.max", "memory.swap.events", "memory.swap.current")
def test_swap_ends_at_its_limit(cgroup: Cgroup) -> None:
    cgroup.memory.swap_max = "4m"
    with Worker(cgroup) as worker:
        worker.take(24)
        with refusal(CgroupReclaimError, errno.EAGAIN):
            put(cgroup, "memory.reclaim", "20m")
        assert 2 * MIB <= cgroup.memory.swap_current <= 4 * MIB
    assert cgroup.memory.swap_events["max"] > 0


@pytest.mark.covers("memory.swap.high", "memory.swap.events")
def test_swap_above_high_slows_who_takes_memory(cgroup: Cgroup) -> None:
    with Worker(cgroup) as worker:
        worker.take(16)
        put(cgroup, "memory.reclaim", "8m")
        # A tenth above: that is enough, and does not slow for seconds.
        cgroup.memory.swap_high = cgroup.memory.swap_current * 9 // 10
        before = cgroup.memory.swap_events["high"]
        worker("held.append(b'x' * (256 << 10))")
        assert cgroup.memory.swap_events["high"] > before


@pytest.mark.covers("memory.peak", "memory.current")
def test_peak_stays_when_memory_is_given_back(cgroup: Cgroup) -> None:
    with Worker(cgroup) as worker:
        worker.take(32)
        worker("held.clear()")
        assert cgroup.memory.current < 24 * MIB
        assert cgroup.memory.peak >= 32 * MIB


@pytest.mark.covers("memory.peak")
def test_peak_is_measured_anew_where_the_kernel_can(cgroup: Cgroup) -> None:
    if not os.stat("memory.peak", dir_fd=cgroup.fileno()).st_mode & 0o200:
        with refusal(CgroupFileError, 0, "Linux 6.12"):
            cgroup.memory.measure_peak()
        return
    with Worker(cgroup) as worker:
        worker.take(32)
        worker("held.clear()")
        with cgroup.memory.measure_peak() as meter:
            assert meter.read() < 24 * MIB
            worker.take(16)
            assert 16 * MIB <= meter.read() < 32 * MIB <= cgroup.memory.peak

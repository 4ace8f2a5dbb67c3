"""The cpu controller: how siblings on one processor share it, and how much one cgroup gets at most."""

from __future__ import annotations

import errno
import math
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

import pytest

from firkin.cgroupfs import Cgroup, CpuMax
from firkin.cgroupfs.controllers.cpu import Cpu
from firkin.errors import CgroupValueError
from tests.support.cgroup_values import assert_refused, put, refusal, value
from tests.support.cgroup_worker import Worker, processor_share, processor_time, ratio, spin
from tests.support.waiting import eventually

pytestmark = pytest.mark.requires("root", "cgroup2", "unified", "cpu", "cpuset")

ROUND_TRIPS = [
    ("cpu.weight", 1, 1),
    ("cpu.weight", "10000", 10000),
    ("cpu.weight.nice", -20, -20),
    ("cpu.weight.nice", "19", 19),
    ("cpu.idle", True, True),
    ("cpu.idle", "0", False),
    ("cpu.max", CpuMax(50_000), CpuMax(50_000, 100_000)),
    ("cpu.max", "20ms 50ms", CpuMax(20_000, 50_000)),
    ("cpu.max", 1000, CpuMax(1000, 100_000)),
    ("cpu.max", "1.5s 1s", CpuMax(1_500_000, 1_000_000)),
    ("cpu.max", (1 << 44) - 1, CpuMax((1 << 44) - 1, 100_000)),
    ("cpu.max", CpuMax("max", 1000), CpuMax("max", 1000)),
    ("cpu.max", "max", CpuMax("max", 100_000)),
    ("cpu.max.burst", "20ms", 20_000),
]

REFUSED = [
    ("cpu.weight", "0"),
    ("cpu.weight", "10001"),
    ("cpu.weight", "heavy"),
    ("cpu.weight.nice", "-21"),
    ("cpu.weight.nice", "20"),
    ("cpu.idle", "2"),
    ("cpu.max", "999"),
    ("cpu.max", "17592186044416"),
    ("cpu.max", "10000 999"),
    ("cpu.max", "10000 1000001"),
    ("cpu.max", "fast"),
    ("cpu.max.burst", "-1"),
    ("cpu.max.burst", "long"),
]


@pytest.fixture
def pair(cgroup: Cgroup) -> Iterator[list[Cgroup]]:
    """Two children with all controllers of the test, which share one processor."""
    cgroup.cpuset.cpus = "0"
    cgroup.enable(["cpu"])
    with ExitStack() as stack:
        yield [stack.enter_context(cgroup.make_child(name)) for name in ("one", "other")]


def shared(pair: list[Cgroup], low: float, high: float) -> float:
    """How many times the time of the first the second one gets while both want all."""
    with spin(pair[0]), spin(pair[1]):
        return ratio(low, high, *(partial(processor_time, group) for group in pair))


@pytest.mark.parametrize(("file", "written", "read"), ROUND_TRIPS)
def test_what_is_written_is_read(cgroup: Cgroup, file: str, written: object, read: object) -> None:
    if file == "cpu.max.burst":
        cgroup.cpu.max = 20_000
    put(cgroup, file, written)
    assert value(cgroup, file) == read


@pytest.mark.parametrize(("file", "text"), REFUSED)
def test_bad_value_is_refused_before_the_kernel(shared_cgroup: Cgroup, file: str, text: str) -> None:
    assert_refused(shared_cgroup, file, text)


@pytest.mark.covers("cpu.weight", "cpu.stat")
def test_siblings_share_by_weight(pair: list[Cgroup]) -> None:
    pair[0].cpu.weight = 100
    pair[1].cpu.weight = 300
    assert 2.2 < shared(pair, 2.2, 4) < 4


@pytest.mark.covers("cpu.weight")
def test_siblings_of_one_weight_share_alike(pair: list[Cgroup]) -> None:
    assert 0.7 < shared(pair, 0.7, 1.4) < 1.4


@pytest.mark.covers("cpu.weight.nice", "cpu.weight")
def test_nice_values_are_weights(pair: list[Cgroup]) -> None:
    pair[0].cpu.weight_nice = 5
    assert pair[0].cpu.weight < pair[1].cpu.weight == 100
    # The scheduler's table has 335 for a nice value of 5, 1024 for 0.
    assert 2.2 < shared(pair, 2.2, 4.2) < 4.2


@pytest.mark.covers("cpu.idle")
def test_idle_cgroup_gets_what_others_leave(pair: list[Cgroup]) -> None:
    pair[0].cpu.idle = True
    assert pair[0].cpu.weight == 0
    assert shared(pair, 20, math.inf) > 20
    with spin(pair[0]):
        assert processor_share(pair[0], 0.5, 1.1) > 0.5


@pytest.mark.covers("cpu.idle", "cpu.weight")
def test_weight_of_an_idle_cgroup_is_not_set(cgroup: Cgroup) -> None:
    cgroup.cpu.idle = True
    with refusal(CgroupValueError, errno.EINVAL, "cpu.idle"):
        cgroup.cpu.weight = 200
    with refusal(CgroupValueError, errno.EINVAL, "cpu.idle"):
        cgroup.cpu.weight_nice = 1


@pytest.mark.covers("cpu.max", "cpu.stat")
def test_quota_is_the_share_that_a_loop_gets(cgroup: Cgroup) -> None:
    cgroup.cpu.max = CpuMax(20_000, 100_000)
    with spin(cgroup):
        # A guest that waits for its host gets less, but nobody gets more.
        assert 0 < processor_share(cgroup, 0, 0.25) < 0.25
        stat = eventually(
            lambda: cgroup.cpu.stat, lambda stat: stat["nr_throttled"] > 3 and stat["throttled_usec"] > 200_000
        )
    assert stat["usage_usec"] >= stat["user_usec"]


@pytest.mark.covers("cpu.max", "cpu.stat", "cpu.stat.local")
def test_quota_of_an_ancestor_holds_below(cgroup: Cgroup) -> None:
    cgroup.enable(["cpu"])
    cgroup.cpu.max = "20ms 50ms"
    with cgroup.make_child("child") as child:
        child.cpu.max = "45ms 50ms"
        with spin(child):
            assert 0 < processor_share(child, 0, 0.5) < 0.5
            eventually(lambda: cgroup.cpu.stat["nr_throttled"], lambda times: times > 3)
            if child.cpu.has(Cpu.stat_local):
                eventually(lambda: child.cpu.stat_local["throttled_usec"], lambda time: time > 300_000)


@pytest.mark.covers("cpu.max.burst", "cpu.stat")
def test_burst_uses_what_was_left_before(cgroup: Cgroup) -> None:
    idle_and_work = "time.sleep(0.3)\nend = time.thread_time() + 0.04\nwhile time.thread_time() < end: pass"
    with Worker(cgroup) as worker:
        cgroup.cpu.max = "20ms 100ms"
        worker(idle_and_work)
        assert cgroup.cpu.stat["nr_bursts"] == 0
        cgroup.cpu.max_burst = "20ms"
        eventually(lambda: worker(idle_and_work), lambda _: cgroup.cpu.stat["nr_bursts"])
    assert cgroup.cpu.stat["burst_usec"] > 0


@pytest.mark.covers("cpu.max.burst", "cpu.max")
def test_burst_above_the_quota_is_refused_by_the_kernel(cgroup: Cgroup) -> None:
    cgroup.cpu.max = "20ms"
    with refusal(CgroupValueError, errno.EINVAL, "above the quota"):
        cgroup.cpu.max_burst = "21ms"
    cgroup.cpu.max_burst = "20ms"
    with refusal(CgroupValueError, errno.EINVAL, "below cpu.max.burst"):
        cgroup.cpu.max = "19ms"

"""The pids controller."""

from __future__ import annotations

import errno

import pytest

from firkin.cgroupfs import Cgroup
from firkin.errors import CgroupError, CgroupLimitError
from tests.support.cgroup_values import assert_refused, put, value
from tests.support.cgroup_worker import Worker, spin

pytestmark = pytest.mark.requires("root", "cgroup2", "unified", "pids")


@pytest.mark.parametrize(
    ("file", "written", "read"),
    [("pids.max", 8, 8), ("pids.max", "1", 1), ("pids.max", 4194304, 4194304), ("pids.max", "max", "max")],
)
def test_what_is_written_is_read(shared_cgroup: Cgroup, file: str, written: object, read: object) -> None:
    put(shared_cgroup, file, written)
    assert value(shared_cgroup, file) == read


@pytest.mark.parametrize(("file", "text"), [("pids.max", "-1"), ("pids.max", "4194305"), ("pids.max", "many")])
def test_bad_value_is_refused_before_the_kernel(shared_cgroup: Cgroup, file: str, text: str) -> None:
    assert_refused(shared_cgroup, file, text)


@pytest.mark.covers("pids.max", "pids.current", "pids.events")
def test_fork_beyond_the_limit_fails_and_is_counted(cgroup: Cgroup) -> None:
    with Worker(cgroup) as worker:
        cgroup.pids.max = 1
        assert cgroup.pids.current == 1
        assert cgroup.pids.events["max"] == 0
        with pytest.raises(BlockingIOError) as refused:
            worker("os.fork()")
        assert refused.value.errno == errno.EAGAIN
        assert cgroup.pids.events["max"] == 1


@pytest.mark.covers("pids.max")
def test_program_is_not_started_beyond_the_limit(cgroup: Cgroup) -> None:
    cgroup.pids.max = 0
    with pytest.raises(CgroupError) as refused:
        spin(cgroup)
    assert type(refused.value) is CgroupLimitError
    assert "pids.max" in str(refused.value)


@pytest.mark.covers("pids.peak", "pids.current")
def test_peak_is_the_most_tasks_there_were(cgroup: Cgroup) -> None:
    with spin(cgroup), spin(cgroup):
        assert cgroup.pids.current == 2
    cgroup.wait_empty()
    assert cgroup.pids.current == 0
    if cgroup.pids.has(type(cgroup.pids).peak):
        assert cgroup.pids.peak == 2

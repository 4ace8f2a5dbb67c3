"""The cpuset controller: processors, memory nodes, partitions."""

from __future__ import annotations

import errno
import os

import pytest

from firkin.cgroupfs import Cgroup
from firkin.cgroupfs.keyed import PartitionState
from firkin.errors import CgroupError, CgroupValueError
from tests.support.cgroup_values import assert_refused, put, value
from tests.support.cgroup_worker import Worker, spin

pytestmark = pytest.mark.requires("root", "cgroup2", "unified", "cpuset")

ROUND_TRIPS: list[tuple[str, object, object]] = [
    ("cpuset.cpus", "0-1", {0, 1}),
    ("cpuset.cpus", [1], {1}),
    ("cpuset.cpus", "", set()),
    ("cpuset.mems", {0}, {0}),
    ("cpuset.mems", "", set()),
    ("cpuset.cpus.partition", "member", PartitionState("member")),
]

REFUSED = [
    ("cpuset.cpus", "1-0"),
    ("cpuset.cpus", "first"),
    ("cpuset.cpus", "0,-1"),
    ("cpuset.mems", "zero"),
    ("cpuset.cpus.partition", "half"),
]


@pytest.mark.parametrize(("file", "written", "read"), ROUND_TRIPS)
def test_what_is_written_is_read(shared_cgroup: Cgroup, file: str, written: object, read: object) -> None:
    put(shared_cgroup, file, written)
    assert value(shared_cgroup, file) == read


@pytest.mark.parametrize(("file", "text"), REFUSED)
def test_bad_value_is_refused_before_the_kernel(shared_cgroup: Cgroup, file: str, text: str) -> None:
    assert_refused(shared_cgroup, file, text)


@pytest.mark.parametrize("file", ["cpuset.cpus", "cpuset.mems"])
def test_what_the_machine_does_not_have_is_refused_by_the_kernel(cgroup: Cgroup, file: str) -> None:
    with pytest.raises(CgroupValueError) as told:
        put(cgroup, file, "60000")
    assert told.value.errno in (errno.EINVAL, errno.ERANGE)


@pytest.mark.covers("cpuset.cpus", "cpuset.cpus.effective")
def test_processes_run_on_the_processors_of_the_set(cgroup: Cgroup) -> None:
    with Worker(cgroup) as worker:
        assert worker("sorted(os.sched_getaffinity(0))") == [0, 1]
        cgroup.cpuset.cpus = "1"
        assert cgroup.cpuset.cpus_effective == {1}
        assert worker("sorted(os.sched_getaffinity(0))") == [1]
        with pytest.raises(OSError) as refused:
            worker("os.sched_setaffinity(0, {0})")
        assert refused.value.errno == errno.EINVAL


@pytest.mark.covers("cpuset.cpus", "cpuset.cpus.effective", "cpuset.mems.effective")
def test_empty_set_is_that_of_the_parent(cgroup: Cgroup) -> None:
    cgroup.enable(["cpuset"])
    cgroup.cpuset.cpus = {1}
    with cgroup.make_child("child") as child, Cgroup(".") as root:
        assert child.cpuset.cpus == set()
        assert child.cpuset.cpus_effective == {1}
        assert child.cpuset.mems_effective == root.cpuset.mems_effective == {0}


@pytest.mark.covers("cpuset.mems", "cpuset.mems.effective")
def test_memory_nodes_are_those_that_processes_may_use(cgroup: Cgroup) -> None:
    cgroup.cpuset.mems = "0"
    with spin(cgroup) as process, open(f"/proc/{process.pid}/status") as file:
        assert "Mems_allowed_list:\t0\n" in file.readlines()
    assert cgroup.cpuset.mems_effective == {0}


@pytest.mark.covers("cpuset.cpus.partition", "cpuset.cpus.effective")
@pytest.mark.parametrize("kind", ["root", "isolated"])
def test_partition_takes_its_processors_from_all_others(cgroup: Cgroup, kind: str) -> None:
    cgroup.cpuset.cpus = "1"
    with Cgroup(".") as root:
        try:
            cgroup.cpuset.cpus_partition = kind
            assert cgroup.cpuset.cpus_partition == PartitionState(kind)
            assert root.cpuset.cpus_effective == {0}
            assert os.sched_getaffinity(0) == {0}
            with Worker(cgroup) as worker:
                assert worker("sorted(os.sched_getaffinity(0))") == [1]
        finally:
            cgroup.cpuset.cpus_partition = "member"
        assert root.cpuset.cpus_effective == {0, 1}


@pytest.mark.covers("cpuset.cpus.partition")
def test_partition_that_can_not_be_says_why(cgroup: Cgroup) -> None:
    with Cgroup(".") as root:
        cgroup.cpuset.cpus = root.cpuset.cpus_effective
        try:
            cgroup.cpuset.cpus_partition = "root"
        except CgroupError as error:
            # Before Linux 6.0 it was refused, later it is a state.
            assert error.errno == errno.EINVAL
            return
        state = cgroup.cpuset.cpus_partition
        cgroup.cpuset.cpus_partition = "member"
    assert state.kind == "root"
    assert state.invalid

"""The files that every cgroup has: the tree, its processes and threads, the freezer, pressure."""

from __future__ import annotations

import errno
import os
import select

import pytest

from firkin.cgroupfs import Cgroup
from firkin.errors import (
    CgroupBusyError,
    CgroupError,
    CgroupFileError,
    CgroupGoneError,
    CgroupLimitError,
    CgroupTopologyError,
    CgroupValueError,
    ControllerError,
)
from tests.support.cgroup_values import assert_refused, put, refusal, value
from tests.support.cgroup_worker import Worker, await_use, spin, used_while
from tests.support.waiting import eventually

pytestmark = [pytest.mark.requires("root", "cgroup2"), pytest.mark.guest]

ROUND_TRIPS = [
    ("cgroup.max.descendants", 7, 7),
    ("cgroup.max.descendants", "max", "max"),
    ("cgroup.max.depth", "3", 3),
    ("cgroup.max.depth", "max", "max"),
    ("cgroup.freeze", 1, True),
    ("cgroup.freeze", False, False),
    ("cgroup.type", "threaded", "threaded"),
]

REFUSED = [
    ("cgroup.max.descendants", "-1"),
    ("cgroup.max.descendants", "2147483648"),
    ("cgroup.max.depth", "-1"),
    ("cgroup.max.depth", "deep"),
    ("cgroup.freeze", "2"),
    ("cgroup.freeze", "yes"),
    ("cgroup.kill", "0"),
    ("cgroup.kill", "9"),
    ("cgroup.type", "domain"),
    ("cgroup.procs", "-5"),
    ("cgroup.procs", "init"),
    ("cgroup.threads", "4294967296"),
]

# A thread besides the first, which waits; the answer is its id.
START_THREAD = """
import _thread
lock, ids = _thread.allocate_lock(), []
lock.acquire()
def wait():
    ids.append(_thread.get_native_id())
    started.release()
    lock.acquire()
started = _thread.allocate_lock()
started.acquire()
_thread.start_new_thread(wait, ())
started.acquire()
"""


@pytest.mark.parametrize(("file", "written", "read"), ROUND_TRIPS)
def test_what_is_written_is_read(cgroup: Cgroup, file: str, written: object, read: object) -> None:
    put(cgroup, file, written)
    assert value(cgroup, file) == read


@pytest.mark.parametrize(("file", "text"), REFUSED)
def test_bad_value_is_refused_before_the_kernel(cgroup: Cgroup, file: str, text: str) -> None:
    assert_refused(cgroup, file, text)


@pytest.mark.covers("cgroup.procs")
def test_procs_are_those_that_run_here(cgroup: Cgroup) -> None:
    with cgroup.make_child("here") as here, cgroup.make_child("there") as there, spin(here) as process:
        assert (here.core.procs, there.core.procs) == ([process.pid], [])
        there.core.procs = process.pid
        assert (here.core.procs, there.core.procs) == ([], [process.pid])


@pytest.mark.covers("cgroup.procs")
def test_process_that_is_none_is_told(cgroup: Cgroup) -> None:
    with spin(cgroup) as process:
        gone = process.pid
    with refusal(CgroupValueError, errno.ESRCH, "no such process"):
        cgroup.move(gone)


@pytest.mark.covers("cgroup.procs")
def test_kernel_thread_is_not_moved(cgroup: Cgroup) -> None:
    with open("/proc/2/comm") as file:
        if file.read() != "kthreadd\n":
            pytest.skip("kernel threads are out of sight")
    with refusal(CgroupValueError, errno.EINVAL, "kernel thread"):
        cgroup.move(2)


@pytest.mark.covers("cgroup.events")
def test_events_say_whether_processes_are_here(cgroup: Cgroup) -> None:
    assert cgroup.core.events["populated"] == 0
    with spin(cgroup):
        assert cgroup.core.events["populated"] == 1
    cgroup.wait_empty()
    assert cgroup.core.events["populated"] == 0


@pytest.mark.covers("cgroup.freeze", "cgroup.events", "cgroup.stat.local")
def test_frozen_process_uses_no_time(cgroup: Cgroup) -> None:
    with spin(cgroup):
        await_use(cgroup)
        cgroup.freeze()
        assert cgroup.core.events["frozen"] == 1
        assert cgroup.core.freeze is True
        # What was used up to the moment may be counted after it.
        eventually(lambda: used_while(0.05, cgroup), lambda used: used == 0)
        assert used_while(0.5, cgroup) == 0
        if cgroup.core.has(type(cgroup.core).stat_local):
            assert cgroup.core.stat_local["frozen_usec"] > 400_000
        cgroup.thaw()
        await_use(cgroup)


@pytest.mark.covers("cgroup.kill")
def test_kill_ends_all_processes_below(cgroup: Cgroup) -> None:
    with cgroup.make_child("a") as a, a.make_child("b") as b, spin(a) as first, spin(b) as second:
        cgroup.freeze()
        put(cgroup, "cgroup.kill", 1)
        assert (first.wait(), second.wait()) == (-9, -9)
        cgroup.wait_empty()


@pytest.mark.covers("cgroup.kill")
def test_kill_is_not_for_threaded_cgroups(cgroup: Cgroup) -> None:
    with cgroup.make_child("threaded") as child:
        child.core.type = "threaded"
        with refusal(CgroupTopologyError, errno.EOPNOTSUPP, "threaded subtree's domain"):
            child.kill()


def test_file_that_is_only_written_is_not_read(cgroup: Cgroup) -> None:
    with pytest.raises(CgroupFileError, match=r"cgroup\.kill: it can only be written"):
        value(cgroup, "cgroup.kill")


@pytest.mark.covers("cgroup.max.descendants", "cgroup.stat")
def test_max_descendants_stops_making(cgroup: Cgroup) -> None:
    cgroup.core.max_descendants = 1
    with cgroup.make_child("one") as one:
        with refusal(CgroupLimitError, errno.EAGAIN, "cgroup.max.descendants"):
            one.make_child("two")
        with refusal(CgroupLimitError, errno.EAGAIN, "cgroup.max.descendants"):
            cgroup.make_child("three")
    assert cgroup.core.stat["nr_descendants"] == 1


@pytest.mark.covers("cgroup.max.depth")
def test_max_depth_stops_making(cgroup: Cgroup) -> None:
    cgroup.core.max_depth = 1
    with cgroup.make_child("one") as one, refusal(CgroupLimitError, errno.EAGAIN, "cgroup.max.depth"):
        one.make_child("two")
    with cgroup.make_child("other") as other:
        assert other.core.stat["nr_descendants"] == 0


@pytest.mark.covers("cgroup.type", "cgroup.threads")
def test_threads_of_one_process_are_apart_in_a_threaded_subtree(cgroup: Cgroup) -> None:
    with cgroup.make_child("apart") as apart, Worker(cgroup) as worker:
        apart.core.type = "threaded"
        assert (apart.core.type, cgroup.core.type) == ("threaded", "domain threaded")
        worker(START_THREAD)
        thread = worker("ids[0]")
        assert isinstance(thread, int)
        apart.move_thread(thread)
        assert apart.core.threads == [thread]
        assert sorted(cgroup.core.threads) == [worker.process.pid]
        with refusal(CgroupTopologyError, errno.EOPNOTSUPP, "threaded"):
            apart.read("cgroup.procs")


@pytest.mark.covers("cgroup.threads")
def test_thread_does_not_leave_its_processs_domain(cgroup: Cgroup) -> None:
    with cgroup.make_child("here") as here, cgroup.make_child("there") as there, spin(here) as process:
        with refusal(CgroupTopologyError, errno.EOPNOTSUPP, "threads move only inside"):
            there.move_thread(process.pid)
        with refusal(CgroupValueError, errno.ESRCH, "no such thread"):
            here.move_thread((1 << 22) - 1)


@pytest.mark.covers("cgroup.type")
def test_sibling_of_threaded_cgroups_takes_no_process(cgroup: Cgroup) -> None:
    with cgroup.make_child("threaded") as threaded, cgroup.make_child("plain") as plain, spin(cgroup) as process:
        threaded.core.type = "threaded"
        assert plain.core.type == "domain invalid"
        with refusal(CgroupTopologyError, errno.EOPNOTSUPP, "make it threaded"):
            plain.move(process.pid)


@pytest.mark.covers("cgroup.pressure", "cpu.pressure", "memory.pressure", "io.pressure")
@pytest.mark.requires("psi")
def test_pressure_is_not_told_while_it_is_off(cgroup: Cgroup) -> None:
    if not cgroup.core.has(type(cgroup.core).pressure):
        pytest.skip("this kernel has no cgroup.pressure")
    files = ("cpu.pressure", "memory.pressure", "io.pressure")
    assert [value(cgroup, file) for file in files]
    cgroup.core.pressure = False
    assert cgroup.core.pressure is False
    for file in files:
        with refusal(CgroupFileError, errno.ENOENT, "cgroup.pressure is 0"):
            value(cgroup, file)
    cgroup.core.pressure = True
    assert [value(cgroup, file) for file in files]


@pytest.mark.covers("cgroup.pressure")
@pytest.mark.requires("psi")
def test_pressure_switch_takes_only_a_switch(cgroup: Cgroup) -> None:
    assert_refused(cgroup, "cgroup.pressure", "2")


def stalled(group: Cgroup) -> int:
    """Microseconds in which a process of the cgroup waited for a processor."""
    some = group.core.cpu_pressure.some
    assert some is not None
    return some.total


@pytest.mark.covers("cpu.pressure")
@pytest.mark.requires("psi")
def test_cpu_pressure_rises_where_processes_share_a_processor(cgroup: Cgroup) -> None:
    with cgroup.make_child("alone") as alone, spin(cgroup) as one, spin(cgroup) as two:
        processor = min(os.sched_getaffinity(0))
        for process in (one, two):
            os.sched_setaffinity(process.pid, {processor})
        eventually(lambda: stalled(cgroup), lambda total: total > 200_000)
        assert stalled(alone) == 0


@pytest.mark.covers("cgroup.controllers", "cgroup.subtree_control")
def test_children_have_the_controllers_that_are_given(cgroup: Cgroup) -> None:
    with Cgroup(".") as root, cgroup.make_child("child") as child:
        # Which the hierarchy has, if any, differs.
        wanted = sorted(root.core.controllers)[:1]
        if not wanted:
            pytest.skip("cgroup v2 has no controller here")
        before = root.core.subtree_control
        try:
            child.enable(wanted)
            with child.make_child("leaf") as leaf:
                assert cgroup.core.subtree_control == child.core.subtree_control == set(wanted)
                assert leaf.core.controllers == set(wanted)
                child.disable(wanted)
                assert leaf.core.controllers == set()
            cgroup.disable(wanted)
        finally:
            if extra := set(wanted) - before:
                root.disable(extra)


@pytest.mark.covers("cgroup.subtree_control")
def test_controller_that_is_none_is_told(cgroup: Cgroup) -> None:
    with refusal(ControllerError, 0, "gravity"):
        cgroup.enable(["gravity"])
    with refusal(ControllerError, errno.EINVAL, "no such controller"):
        cgroup.write("cgroup.subtree_control", "+gravity")


@pytest.mark.covers("cgroup.subtree_control")
def test_attribute_of_given_controllers_is_not_set(cgroup: Cgroup) -> None:
    with pytest.raises(CgroupFileError, match="it can only be read"):
        put(cgroup, "cgroup.subtree_control", "+cpu")


@pytest.mark.requires("unified", "memory")
@pytest.mark.covers("cgroup.subtree_control")
def test_cgroup_with_processes_gives_no_domain_controller(cgroup: Cgroup) -> None:
    with spin(cgroup) as process, refusal(CgroupBusyError, errno.EBUSY, str(process.pid), cgroup.path, "a leaf"):
        cgroup.enable(["memory"])
    assert cgroup.core.subtree_control == set()


@pytest.mark.requires("unified", "memory")
@pytest.mark.covers("cgroup.procs")
def test_cgroup_that_gives_domain_controllers_takes_no_process(cgroup: Cgroup) -> None:
    with cgroup.make_child("leaf") as leaf, spin(leaf) as process:
        cgroup.enable(["memory"])
        with refusal(CgroupBusyError, errno.EBUSY, "gives controllers to its children"):
            cgroup.move(process.pid)
        with refusal(CgroupBusyError, errno.EBUSY, "gives controllers to its children"):
            spin(cgroup)


@pytest.mark.requires("unified", "memory")
@pytest.mark.covers("cgroup.subtree_control")
def test_controller_that_a_child_gives_is_not_taken_away(cgroup: Cgroup) -> None:
    with cgroup.make_child("child") as child:
        child.enable(["memory"])
        with refusal(CgroupBusyError, errno.EBUSY, "subtree_control"):
            cgroup.disable(["memory"])


@pytest.mark.requires("unified", "memory", "pids")
@pytest.mark.covers("cgroup.type", "cgroup.subtree_control")
def test_threaded_cgroup_gives_threaded_controllers_only(cgroup: Cgroup) -> None:
    with cgroup.make_child("threaded") as child:
        child.core.type = "threaded"
        cgroup.enable(["pids"])
        child.enable(["pids"])
        assert child.core.subtree_control == {"pids"}
        with pytest.raises(CgroupError) as told:
            child.enable(["memory"])
        assert isinstance(told.value, ControllerError | CgroupTopologyError | CgroupBusyError)


def test_cgroup_in_use_is_not_removed(cgroup: Cgroup) -> None:
    with cgroup.make_child("child") as child, spin(child), refusal(CgroupBusyError, errno.EBUSY, "kill it"):
        cgroup.remove_child("child")


def test_removed_cgroup_is_told_as_gone(cgroup: Cgroup) -> None:
    with cgroup.make_child("child") as child, open(child.open("cgroup.events", os.O_RDONLY)) as events:
        cgroup.remove_child("child")
        for file in ("cgroup.procs", "cgroup.stat", "memory.max"):
            with pytest.raises(CgroupGoneError):
                child.read(file)
        with pytest.raises(CgroupGoneError):
            child.core.max_depth = 1
        assert select.select([], [], [events], 0)[2] == [events]

"""The reader of statistics against the real kernel."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest

from firkin.cgroupfs import Cgroup
from firkin.cgroupfs.accounting import Reader, Sample, rates, twin
from firkin.cgroupfs.accounting.values import ABSENT
from tests.support.waiting import SECONDS, eventually

pytestmark = pytest.mark.requires("root", "cgroup2")

_BUDGETS = pytest.mark.parametrize("descriptors", [0, 3, 1000], ids=["none kept", "few kept", "all kept"])
# What changes with the time of reading, even if nothing runs.
_MOVING = ("avg10", "avg60", "avg300", "frozen_usec")


def _steady(reader: Reader) -> dict[str, int]:
    sample = reader.read()
    pairs = zip(reader.layout.columns * len(sample), sample.values, strict=True)
    return {f"{place} {name}": value for place, (name, value) in enumerate(pairs) if not name.endswith(_MOVING)}


def _at_rest(ours: Reader, other: Reader) -> tuple[dict[str, int], dict[str, int]]:
    # The kernel brings some counts up to date every two seconds only, and frees memory later.
    before, theirs, _ = eventually(
        lambda: (_steady(ours), _steady(other), _steady(ours)), lambda seen: seen[0] == seen[2]
    )
    return before, theirs


def _usage(sample: Sample) -> int:
    usage = sample.value(0, "cpu.stat usage_usec")
    assert usage is not None
    return usage


def _open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def _watches() -> int:
    fds = [fd for fd in Path("/proc/self/fd").iterdir() if fd.is_symlink() and str(fd.readlink()).endswith("inotify")]
    return sum(Path(f"/proc/self/fdinfo/{fd.name}").read_text().count("inotify wd") for fd in fds)


@pytest.mark.guest
@_BUDGETS
def test_the_twin_reads_the_same_of_a_frozen_group(cgroup: Cgroup, descriptors: int) -> None:
    for name in ("a", "b"):
        cgroup.make_child(name).close()
    with cgroup.child("a") as child, child.spawn(["sh", "-c", "while :; do :; done"]) as process:
        child.freeze()
        with (
            Reader(cgroup, subtree=True, descriptors=descriptors) as ours,
            Reader(cgroup, subtree=True, descriptors=descriptors, table=twin.Table) as other,
        ):
            found, theirs = _at_rest(ours, other)
            assert found == theirs
            assert sum(value != ABSENT for value in found.values()) >= 3 * 10
            assert ours.read().value(1, "cgroup.events frozen") == 1
        child.kill()
        child.thaw()
        process.wait()


@pytest.mark.guest
def test_processor_time_is_counted_while_it_is_used(cgroup: Cgroup) -> None:
    with cgroup.spawn(["sh", "-c", "while :; do :; done"]) as process, Reader(cgroup) as reader:
        before = reader.sample()
        eventually(lambda: _usage(reader.read()) - _usage(before), lambda used: used > 200_000)
        after = reader.sample()
        (rate,) = rates(before, after)
        cgroup.kill()
        process.wait()
    # How much of the time that is, is for the machine to decide.
    assert rate.cores is not None and rate.user is not None
    assert rate.cores == pytest.approx((_usage(after) - _usage(before)) / 1e6 / rate.seconds)
    assert 0 < rate.cores < 1.2
    assert 0 <= rate.user <= rate.cores


@pytest.mark.guest
@_BUDGETS
def test_groups_that_vanish_are_marked_and_the_others_read(cgroup: Cgroup, descriptors: int) -> None:
    for name in ("a", "b", "c"):
        cgroup.make_child(name).close()
    with Reader(cgroup, subtree=True, descriptors=descriptors) as reader:
        assert not reader.is_stale()
        cgroup.remove_child("b")
        assert reader.is_stale()
        sample = reader.read()
        assert [sample.is_gone(row) for row in range(4)] == [False, False, True, False]
        assert sample.value(2, "cpu.stat usage_usec") is None
        assert sample.value(3, "cpu.stat usage_usec") == 0
        cgroup.make_child("b").close()
        assert reader.read().is_gone(2), "a new group of the same name is another one"
        reader.refresh()
        assert not reader.is_stale()
        assert not reader.read().is_gone(2)


def test_a_watching_reader_follows_the_tree_and_gives_watches_back(cgroup: Cgroup) -> None:
    for name in ("a", "b"):
        cgroup.make_child(name).close()
    with Reader(cgroup, subtree=True, watch=True) as reader:
        for number in range(20):
            cgroup.remove_child("b")
            with cgroup.make_child("b") as child:
                child.make_child(f"c{number}").close()
                assert reader.is_stale(), "another group of the same name"
                reader.refresh(files=False)
                assert not reader.is_stale()
                assert reader.paths == tuple(f"{cgroup.path}{name}" for name in ("", "/a", "/b", f"/b/c{number}"))
                assert not any(reader.read().states)
                child.remove_child(f"c{number}")
        assert _watches() == 4
        cgroup.remove_child("b")
        cgroup.remove_child("a")
        Cgroup.destroy(cgroup.path)
        assert reader.is_stale(), "the root itself is gone, which nothing below it tells"


@_BUDGETS
@pytest.mark.parametrize("threads", [1, 2])
def test_groups_that_come_and_go_in_the_midst_of_passes_raise_nothing(
    cgroup: Cgroup, descriptors: int, threads: int
) -> None:
    names = [f"g{number}" for number in range(20)]
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            for name in names:
                cgroup.make_child(name).close()
            for name in names:
                cgroup.remove_child(name)

    before = _open_descriptors()
    thread = threading.Thread(target=churn)
    thread.start()
    gone = read = 0
    try:
        with Reader(cgroup, subtree=True, descriptors=descriptors, threads=threads, watch=threads > 1) as reader:
            deadline = time.monotonic() + SECONDS
            while (gone < 20 or read < 20) and time.monotonic() < deadline:
                reader.refresh(files=threads == 1)
                sample = reader.read()
                for row in range(1, len(sample)):
                    usage = sample.value(row, "cpu.stat usage_usec")
                    # A group whose removal has begun has no files for a moment.
                    assert usage is None or (usage == 0 and not sample.is_gone(row))
                    gone, read = gone + sample.is_gone(row), read + (usage is not None)
    finally:
        stop.set()
        thread.join()
    assert gone >= 20
    assert read >= 20
    assert _open_descriptors() == before


def test_descriptors_are_as_many_as_permitted_and_all_closed_at_the_end(cgroup: Cgroup) -> None:
    for number in range(30):
        cgroup.make_child(f"g{number}").close()
    before = _open_descriptors()
    with Reader(cgroup, subtree=True, descriptors=100) as reader:
        for _ in range(20):
            reader.read()
            reader.refresh()
            assert reader.kept == _open_descriptors() - before <= 100
    assert _open_descriptors() == before


def test_a_process_that_may_open_few_files_reads_all_groups_nevertheless(cgroup: Cgroup) -> None:
    for number in range(40):
        cgroup.make_child(f"g{number}").close()
    script = (
        "import resource, sys\n"
        "from firkin.cgroupfs.accounting import Reader\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))\n"
        "for budget in (None, 1000):\n"
        "    with Reader(sys.argv[1], subtree=True, descriptors=budget) as reader:\n"
        "        sample = reader.read()\n"
        "        print(reader.kept, list(sample.column('cgroup.stat nr_descendants')), reader.unreadable()[:1])\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, cgroup.path], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    half, all_that_was_left = done.stdout.splitlines()
    assert half == f"16 {[40, *[0] * 40]} []"
    # Nothing is left to read the others with, and that is told.
    assert all_that_was_left.startswith("2")
    assert ", 24)]" in all_that_was_left


def test_memory_stays_the_same_over_many_passes(cgroup: Cgroup) -> None:
    for number in range(10):
        cgroup.make_child(f"g{number}").close()
    sizes = []
    with Reader(cgroup, subtree=True, descriptors=60) as reader:
        for _ in range(4):
            for _ in range(600):
                reader.read()
            status = Path("/proc/self/status").read_text()
            sizes.append(int(status.partition("RssAnon:")[2].split()[0]))
    # In kibibytes. What leaks does so in every round; what else the interpreter does is in some.
    assert min(later - earlier for earlier, later in pairwise(sizes)) < 64


@pytest.mark.requires("memory", "pids", "cpu", "io")
def test_controllers_that_appear_and_go_are_seen_after_a_refresh(cgroup: Cgroup) -> None:
    with cgroup.make_child("a") as child, Reader(child) as reader:
        assert reader.read().value(0, "memory.current") is None
        cgroup.enable(("memory", "pids", "cpu", "io"))
        reader.refresh()
        with child.spawn(["sleep", "1000"]) as process:
            record = reader.read().group(0)
            child.kill()
            process.wait()
        assert record.pids and record.pids.current == 1
        assert record.memory and record.memory.current and record.memory.stat["pgfault"] > 0
        assert record.cpu and record.cpu.nr_periods == 0
        assert record.io and record.io.rbytes >= 0
        cgroup.disable(("pids",))
        sample = reader.read()
        assert not sample.is_gone(0), "a file is gone, the group is not"
        assert sample.value(0, "pids.current") is None
        assert sample.value(0, "memory.current") is not None


@pytest.mark.requires("memory", "pids", "cpu", "io", "hugetlb")
def test_every_key_that_the_kernel_writes_has_a_column(cgroup: Cgroup) -> None:
    with Reader(cgroup, quantities=("memory.stat", "memory.events", "cpu.stat", "memory.swap.events")) as reader:
        for file in reader.layout.files:
            keys = {line.split()[0] for line in cgroup.read(file.name).splitlines()}
            assert keys <= set(file.keys)
            sample = reader.read()
            assert {key for key in file.keys if sample.value(0, f"{file.name} {key}") is not None} == keys

"""The reader of statistics over recorded trees: what it finds, keeps open, and makes of it."""

from __future__ import annotations

import math
import os
import shutil
from pathlib import Path

import pytest

from firkin.cgroupfs.accounting import ABSENT, UNLIMITED, Reader, growth, rates, twin
from firkin.cgroupfs.accounting._reader import Table
from firkin.cgroupfs.accounting.layout import build_layout, hugepage_sizes
from firkin.cgroupfs.accounting.records import DeviceIo
from firkin.cgroupfs.events import inotify
from firkin.cgroupfs.handle import Handle
from firkin.errors import CgroupGoneError, CgroupLimitError, CgroupPathError, CgroupValueError
from tests.support.stat_tree import RECORDED, write_group

TABLES = pytest.mark.parametrize("table", [Table, twin.Table])


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A group `top` with `a`, `a/x` and `b` below it."""
    for name in ("top", "top/b", "top/a", "top/a/x"):
        write_group(tmp_path / name)
    return tmp_path / "top"


@TABLES
def test_columns_have_the_numbers_of_the_files(tree: Path, table: type[Table]) -> None:
    with Reader(str(tree), quantities=("cpu", "memory", "io", "limits", "pressure", "rdma"), table=table) as reader:
        sample = reader.read()
        assert sample.value(0, "cpu.stat usage_usec") == 907349
        assert sample.value(0, "memory.current") == 5668864
        assert sample.value(0, "memory.stat pgmajfault") == 1
        assert sample.value(0, "io.stat rbytes") == 1048600
        assert sample.value(0, "rdma.current hca_object") == 2001
        assert sample.value(0, "cpu.pressure some avg300") == 10000
        assert sample.value(0, "irq.pressure full avg60") == 25
        assert sample.value(0, "cpu.max quota") == UNLIMITED
        assert sample.value(0, "cpu.max period") == 100000
        assert sample.value(0, "io.weight default") == 100


@TABLES
def test_absent_is_not_zero(tmp_path: Path, table: type[Table]) -> None:
    group = write_group(tmp_path / "g", {"cpu.stat": "usage_usec 0\n", "io.stat": ""})
    with Reader(str(group), table=table) as reader:
        sample = reader.read()
        assert sample.value(0, "cpu.stat usage_usec") == 0
        assert sample.value(0, "cpu.stat user_usec") is None
        assert sample.value(0, "io.stat rbytes") == 0
        assert sample.value(0, "memory.current") is None
        assert sample.column("memory.current")[0] == ABSENT


def test_an_unselected_quantity_is_no_column(tree: Path) -> None:
    with Reader(str(tree), quantities=("memory.current",)) as reader:
        sample = reader.read()
        assert reader.layout.columns == ("memory.current",)
        assert sample.value(0, "cpu.stat usage_usec") is None
        with pytest.raises(KeyError):
            sample.column("cpu.stat usage_usec")


def test_an_unknown_quantity_is_named() -> None:
    with pytest.raises(CgroupValueError, match="'cpus': no such quantity"):
        build_layout(("cpus",))


def test_page_sizes_are_written_as_the_kernel_does(tmp_path: Path) -> None:
    for kilobytes in (1048576, 2048, 64, 32768):
        (tmp_path / f"hugepages-{kilobytes}kB").mkdir()
    assert hugepage_sizes(str(tmp_path)) == ["64KB", "2MB", "32MB", "1GB"]
    assert hugepage_sizes(str(tmp_path / "none")) == []
    assert "hugetlb.64KB.rsvd.current" in build_layout(("hugetlb",), ["64KB"]).columns


def test_a_subtree_is_walked_parents_first_in_the_order_of_names(tree: Path) -> None:
    with Reader(str(tree), subtree=True) as reader:
        assert reader.paths == tuple(f"{tree}{name}" for name in ("", "/a", "/a/x", "/b"))
        assert [row.parent for row in reader.read().rows] == [-1, 0, 1, 0]


def test_a_list_of_groups_comes_in_its_order(tree: Path) -> None:
    with Reader(f"{tree}/b", f"{tree}/a") as reader:
        assert reader.paths == (f"{tree}/b", f"{tree}/a")


def test_a_group_can_be_given_by_its_descriptor(tree: Path) -> None:
    fd = os.open(tree, os.O_RDONLY)
    with Reader(fd, subtree=True, descriptors=2) as reader:
        os.close(fd)
        assert reader.paths[3] == f"{tree}/b"
        assert [group.path for group in reader.read().groups()] == list(reader.paths)
        assert list(reader.read().column("pids.current")) == [3, 3, 3, 3]


@TABLES
def test_a_pass_can_be_over_some_rows_and_some_files(tree: Path, table: type[Table]) -> None:
    with Reader(str(tree), subtree=True, table=table) as reader:
        before = reader.sample()
        for name in ("a", "b"):
            (tree / name / "pids.current").write_text("4\n")
            (tree / name / "memory.current").write_text("8192\n")
        sample = reader.read([1, 2], ["pids.current"])
        assert list(sample.column("pids.current")) == [3, 4, 3, 3]
        assert [sample.value(row, "memory.current") for row in range(4)] == [5668864, None, None, 5668864]
        assert [after > then for after, then in zip(sample.clocks, before.clocks, strict=True)] == [0, 1, 1, 0]
        assert set(reader.read(files=()).values) == {ABSENT}
        assert list(reader.read([3]).column("memory.current")) == [ABSENT, ABSENT, ABSENT, 8192]


@TABLES
def test_what_is_no_row_and_no_file_is_not_read(tree: Path, table: type[Table]) -> None:
    with Reader(str(tree), subtree=True, table=table) as reader:
        for rows in ([4], [-1], [1, 1], [2, 1]):
            with pytest.raises(IndexError):
                reader.read(rows)
        with pytest.raises(KeyError):
            reader.read(files=["cpu.max"])
        assert list(reader.read().column("pids.current")) == [3] * 4, "the reader can be used on"


@TABLES
def test_a_removed_group_is_gone_though_only_one_file_is_read(tree: Path, table: type[Table]) -> None:
    with Reader(str(tree), subtree=True, descriptors=0, table=table) as reader:
        shutil.rmtree(tree / "a/x")
        assert [reader.read(files=["memory.current"]).is_gone(row) for row in range(4)] == [False, False, True, False]
        assert reader.read([2]).is_gone(2)


@pytest.mark.parametrize("threads", [2, 3, 64])
@pytest.mark.parametrize("budget", [0, 1000, 100_000])
def test_threads_read_what_one_reads(tmp_path: Path, threads: int, budget: int) -> None:
    for number in range(300):
        write_group(tmp_path / f"top/g{number}", RECORDED | {"memory.current": f"{number}\n"})
    top = str(tmp_path / "top")
    with (
        Reader(top, subtree=True, descriptors=budget) as one,
        Reader(top, subtree=True, descriptors=budget, threads=threads) as many,
    ):
        shutil.rmtree(tmp_path / "top/g7")
        first, second = one.read(), many.read()
        assert list(first.values) == list(second.values)
        assert list(first.states) == list(second.states)
        assert list(one.read(range(1, 300, 7)).values) == list(many.read(range(1, 300, 7)).values)
        one.threads, many.threads = threads + 1, 1
        assert list(one.read().values) == list(many.read().values)


@TABLES
def test_no_thread_makes_no_pass(table: type[Table]) -> None:
    with pytest.raises(ValueError, match="a pass needs a thread"):
        Reader(threads=0, table=table)
    with Reader(threads=2, table=table) as reader:
        with pytest.raises(ValueError, match="a pass needs a thread"):
            reader.threads = 0
        assert reader.threads == 2


def test_a_watching_reader_is_told_of_groups_that_come_and_go(tree: Path) -> None:
    write_group(tree, {"cgroup.stat": "nr_descendants 0\n"})
    with Reader(str(tree), subtree=True, watch=True) as reader:
        assert reader.is_watching
        assert not reader.is_stale(), "what cgroup.stat says is not asked"
        write_group(tree / "b/new")
        assert reader.is_stale()
        reader.refresh(files=False)
        assert not reader.is_stale()
        assert reader.paths == tuple(f"{tree}{name}" for name in ("", "/a", "/a/x", "/b", "/b/new"))
        write_group(tree / "b/new/newer")
        shutil.rmtree(tree / "a/x")
        assert reader.is_stale()
        reader.refresh()
        assert reader.paths == tuple(f"{tree}{name}" for name in ("", "/a", "/b", "/b/new", "/b/new/newer"))
        assert list(reader.read().column("pids.current")) == [3] * 5


def test_a_group_that_takes_the_place_of_another_is_told_though_they_are_as_many(tree: Path) -> None:
    write_group(tree, {"cgroup.stat": "nr_descendants 3\n"})
    with Reader(str(tree), subtree=True, watch=True) as reader:
        before = reader.sample()
        kept = reader.rows[1].fds
        shutil.rmtree(tree / "b")
        (tree / "c").mkdir()
        write_group(tree / "b", {"pids.current": "5\n"})
        (tree / "c").rmdir()
        assert reader.is_stale()
        reader.refresh(files=False)
        assert reader.paths == before.paths
        assert reader.rows[1].fds is kept, "what did not change is not looked at"
        assert reader.rows[3].id != before.rows[3].id
        assert list(reader.read().column("pids.current")) == [3, 3, 3, 5]


def test_a_group_that_is_in_two_places_is_watched_in_both(tree: Path) -> None:
    write_group(tree, {"cgroup.stat": "nr_descendants 3\n"})
    write_group(tree / "a", {"cgroup.stat": "nr_descendants 1\n"})
    with Reader(str(tree), f"{tree}/a", subtree=True, watch=True) as reader:
        assert len(reader) == 6
        write_group(tree / "a/y")
        assert reader.is_stale()
        reader.refresh(files=False)
        assert [path.removeprefix(str(tree)) for path in reader.paths] == [
            "", "/a", "/a/x", "/a/y", "/b", "/a", "/a/x", "/a/y",
        ]  # fmt: skip


def test_where_notices_were_lost_everything_is_looked_at(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_group(tree, {"cgroup.stat": "nr_descendants 3\n"})
    with Reader(str(tree), subtree=True, watch=True) as reader:
        write_group(tree / "c")
        lost = inotify.Notice(-1, inotify.OVERFLOW, "")
        monkeypatch.setattr(inotify.Inotify, "read", lambda self: [lost])
        assert reader.is_stale()
        reader.refresh(files=False)
        assert reader.paths[-1] == f"{tree}/c"


def test_without_watches_to_be_had_groups_are_looked_for(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_group(tree, {"cgroup.stat": "nr_descendants 3\n"})
    add, left = inotify.Inotify.add, iter(range(2))

    def scarce(self: inotify.Inotify, directory: Handle, name: str, mask: int) -> int:
        if next(left, None) is None:
            raise CgroupLimitError("watch: No space left on device [ENOSPC]")
        return add(self, directory, name, mask)

    monkeypatch.setattr(inotify.Inotify, "add", scarce)
    before = len(os.listdir("/proc/self/fd"))
    with Reader(str(tree), subtree=True, descriptors=0, watch=True) as reader:
        assert not reader.is_watching
        assert len(os.listdir("/proc/self/fd")) == before
        assert not reader.is_stale()
        write_group(tree / "c")
        reader.refresh(files=False)
        assert reader.paths[-1] == f"{tree}/c"


@pytest.mark.parametrize("budget", [0, 1, 3, 4, 5, 11, 40, 41, 1000])
@TABLES
def test_every_budget_of_descriptors_gives_the_same_numbers(tree: Path, budget: int, table: type[Table]) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with Reader(str(tree), subtree=True, descriptors=budget, table=table) as reader:
        open_now = len(os.listdir("/proc/self/fd"))
        sample = reader.read()
        assert reader.kept == open_now - before <= budget
        assert len(os.listdir("/proc/self/fd")) == open_now
        with Reader(str(tree), subtree=True) as other:
            assert list(sample.values) == list(other.read().values)
            assert other.kept == 4 * sum(file.name in RECORDED for file in other.layout.files)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_scarce_budget_keeps_directories_then_what_is_looked_at_most(tree: Path) -> None:
    with Reader(str(tree), subtree=True, descriptors=9) as reader:
        rows = reader.read().rows
        assert all(row.dir_fd >= 0 for row in rows)
        assert [[number for number, fd in enumerate(row.fds) if fd >= 0] for row in rows] == [[0, 1], [0], [0], [0]]


@pytest.mark.parametrize("budget", [0, 6, 1000])
@TABLES
def test_a_removed_group_is_gone_without_an_exception(tree: Path, budget: int, table: type[Table]) -> None:
    with Reader(str(tree), subtree=True, descriptors=budget, table=table) as reader:
        reader.read()
        shutil.rmtree(tree / "a/x")
        sample = reader.read()
        # An open file of a plain directory can be read after its removal; one of a cgroup can not.
        expected = [False, False, budget < 1000, False]
        assert [sample.is_gone(row) for row in range(4)] == expected
        if budget < 1000:
            assert reader.is_stale()
            assert {sample.value(2, column) for column in reader.layout.columns} == {None}
        reader.refresh()
        assert reader.paths == (f"{tree}", f"{tree}/a", f"{tree}/b")
        assert not reader.read().is_gone(2)


@TABLES
def test_a_group_made_again_under_the_same_name_is_another(tree: Path, table: type[Table]) -> None:
    with Reader(str(tree), subtree=True, descriptors=0, table=table) as reader:
        before = reader.sample()
        (tree / "b").rename(tree.parent / "old")
        write_group(tree / "b")
        assert reader.read().is_gone(3)
        reader.refresh()
        after = reader.read()
        assert not after.is_gone(3)
        assert after.rows[3].id != before.rows[3].id
        assert f"{tree}/b" not in [rate.path for rate in rates(before, after)]


def test_refresh_finds_new_groups_and_new_files_and_keeps_open_what_it_has(tree: Path) -> None:
    (tree / "b/pids.current").unlink()
    with Reader(str(tree), subtree=True) as reader:
        assert reader.read().value(3, "pids.current") is None
        kept = list(reader.read().rows[1].fds)
        write_group(tree / "aa")
        write_group(tree / "b")
        reader.refresh()
        assert reader.paths == tuple(f"{tree}{name}" for name in ("", "/a", "/a/x", "/aa", "/b"))
        sample = reader.read()
        assert list(sample.column("pids.current")) == [3] * 5
        assert sample.rows[1].fds == kept


def test_a_file_that_goes_while_its_group_stays_is_absent(tree: Path) -> None:
    with Reader(str(tree), descriptors=0) as reader:
        (tree / "pids.current").unlink()
        sample = reader.read()
        assert not sample.is_gone(0)
        assert sample.value(0, "pids.current") is None
        assert sample.value(0, "pids.peak") == 7
        assert reader.unreadable() == []


def test_what_can_not_be_read_is_told(tmp_path: Path) -> None:
    group = write_group(tmp_path / "g", {"cpu.stat": "usage_usec 1\n"})
    (group / "memory.current").mkdir()
    with Reader(str(group), descriptors=0) as reader:
        reader.read()
        assert reader.unreadable() == [(str(group), "memory.current", 21)]


def test_a_group_that_is_not_there_is_an_error_that_names_it(tree: Path) -> None:
    with pytest.raises(CgroupGoneError, match="no-such: there is no such cgroup"):
        Reader(str(tree), f"{tree}/no-such")


def test_a_file_is_no_group(tree: Path) -> None:
    with pytest.raises(CgroupPathError, match=r"list .*cpu\.stat"):
        Reader(f"{tree}/cpu.stat")


def test_a_failed_reader_leaves_no_descriptor_open(tree: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    fd = os.open(tree, os.O_RDONLY)
    with pytest.raises(CgroupGoneError):
        Reader(fd, f"{tree}/no-such")
    os.close(fd)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_copy_stays_as_it_was(tree: Path) -> None:
    with Reader(str(tree)) as reader:
        live = reader.read()
        kept = live.copy()
        (tree / "pids.current").write_text("99\n")
        reader.read()
        assert (live.value(0, "pids.current"), kept.value(0, "pids.current")) == (99, 3)


def test_the_matrix_has_a_row_for_each_group_and_a_column_for_each_quantity(tree: Path) -> None:
    with Reader(str(tree), subtree=True, quantities=("pids.current", "memory.current")) as reader:
        matrix = reader.read().matrix
        assert (matrix.shape, matrix.format) == ((4, 2), "Q")
        rows: object = matrix.tolist()
        assert rows == [[5668864, 3]] * 4


def test_records_are_typed_and_none_where_the_group_has_nothing(tree: Path) -> None:
    write_group(tree / "c", {"cpu.stat": "usage_usec 5\n"})
    with Reader(str(tree), f"{tree}/c") as reader:
        sample = reader.read()
    record, bare = sample.group(0), sample.group(1)
    assert record.path == str(tree)
    assert record.cpu and record.cpu.nr_throttled == 5
    assert record.memory and record.memory.events["oom_kill"] == 1
    assert record.memory.stat["file"] == 5332992
    assert record.io and record.io.dbytes == 512
    assert record.pids and (record.pids.current, record.pids.peak, record.pids.limit_hits) == (3, 7, None)
    assert record.pressure["cpu"].some and record.pressure["cpu"].some.avg60 == 12.2
    assert record.pressure["irq"].some is None
    assert bare.cpu and (bare.cpu.usage_usec, bare.cpu.user_usec) == (5, None)
    assert (bare.memory, bare.io, bare.pids, bare.rdma, bare.pressure) == (None, None, None, None, {})


def test_io_of_each_device_can_be_asked_for(tree: Path) -> None:
    with Reader(str(tree)) as reader:
        assert reader.io_devices(str(tree))[1] == DeviceIo(24, 0, 3, 0, 512, 1, "259:0")
        with pytest.raises(KeyError):
            reader.io_devices("/elsewhere")


def test_rates_are_differences_over_the_time_of_each_group(tree: Path) -> None:
    with Reader(str(tree)) as reader:
        before = reader.sample()
        (tree / "cpu.stat").write_text("usage_usec 1907349\nnr_periods 30\nnr_throttled 10\n")
        (tree / "io.stat").write_text("8:0 rbytes=2000000 wbytes=0\n")
        after = reader.read()
    (rate,) = rates(before, after)
    seconds = (after.clocks[0] - before.clocks[0]) / 1e9
    assert rate.seconds == seconds > 0
    assert rate.cores == pytest.approx(1 / seconds)
    assert rate.throttled == 0.5
    assert rate.read_bytes == pytest.approx(951400 / seconds)
    assert rate.write_bytes == 0, "a counter never runs backwards"
    assert rate.user is None
    assert rate.cpu_stall == 0
    with pytest.raises(ValueError, match="not later"):
        list(rates(after, after))


def test_the_growth_of_a_counter_is_that_of_all_groups(tree: Path) -> None:
    with Reader(str(tree), subtree=True, descriptors=0) as reader:
        before = reader.sample()
        (tree / "a/cpu.stat").write_text("usage_usec 1907349\n")
        (tree / "b/cpu.stat").write_text("user_usec 1\n")
        same = list(growth(before, reader.sample(), "cpu.stat usage_usec"))
        write_group(tree / "aa")
        reader.refresh()
        after = reader.read()
        moved = list(growth(before, after, "cpu.stat usage_usec"))
        with pytest.raises(KeyError):
            growth(before, after, "cpu.max quota")
    by_path = {rate.path: rate for rate in rates(before, after)}
    for found, row in ((same, 1), (moved, 1)):
        assert [math.isnan(rate) for rate in found[:3]] == [False] * 3
        assert found[0] == found[2] == 0
        assert found[row] > 0
    assert [math.isnan(rate) for rate in same[3:]] == [True]
    assert [math.isnan(rate) for rate in moved[3:]] == [True, True], "a new group, and one without the counter"
    assert moved[1] / 1e6 == pytest.approx(by_path[f"{tree}/a"].cores)
    assert all(math.isnan(rate) for rate in growth(after, after, "cpu.stat usage_usec")), "no time has passed"


def test_a_larger_file_than_the_buffer_is_read_whole(tmp_path: Path) -> None:
    devices = "".join(f"{number}:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n" for number in range(5000))
    group = write_group(tmp_path / "g", {"io.stat": devices})
    with Reader(str(group)) as reader:
        assert reader.read().value(0, "io.stat dios") == 30000
        assert len(reader.io_devices(str(group))) == 5000


def test_a_closed_reader_has_no_rows(tree: Path) -> None:
    reader = Reader(str(tree), subtree=True)
    sample = reader.sample()
    reader.close()
    reader.close()
    assert len(reader.read()) == 0
    assert sample.value(3, "pids.current") == 3

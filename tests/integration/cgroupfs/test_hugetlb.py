"""The hugetlb controller, with pages of 2 MiB."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from firkin.cgroupfs import Cgroup
from tests.support.cgroup_values import assert_refused, put, value
from tests.support.cgroup_worker import Worker

pytestmark = pytest.mark.requires("root", "cgroup2", "unified", "hugetlb")

PAGE = 2 << 20
MAP_HUGETLB = 0x40000
POOL = Path("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages")


@pytest.fixture
def pages() -> Iterator[None]:
    """Four huge pages in the machine's pool."""
    before = POOL.read_text()
    POOL.write_text("4")
    assert POOL.read_text() == "4\n"
    yield
    POOL.write_text(before)


def mapped(pages: int) -> str:
    """Code that maps so many huge pages."""
    return f"area = mmap.mmap(-1, {pages * PAGE}, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | {MAP_HUGETLB})"


def touched(page: int) -> str:
    """Code that uses one of them."""
    return f"area[{page * PAGE}] = 1"


@pytest.mark.parametrize(
    ("file", "written", "read"),
    [
        ("hugetlb.2MB.max", "6m", 6 << 20),
        ("hugetlb.2MB.max", "max", "max"),
        ("hugetlb.2MB.rsvd.max", 4 << 20, 4 << 20),
        ("hugetlb.2MB.rsvd.max", "max", "max"),
        ("hugetlb.1GB.max", "2g", 2 << 30),
    ],
)
def test_what_is_written_is_read(shared_cgroup: Cgroup, file: str, written: object, read: object) -> None:
    if not shared_cgroup.has(file):
        pytest.skip("the machine has no pages of this size")
    put(shared_cgroup, file, written)
    assert value(shared_cgroup, file) == read


@pytest.mark.parametrize(("file", "text"), [("hugetlb.2MB.max", "-1"), ("hugetlb.2MB.rsvd.max", "many")])
def test_bad_value_is_refused_before_the_kernel(shared_cgroup: Cgroup, file: str, text: str) -> None:
    assert_refused(shared_cgroup, file, text)


@pytest.mark.covers(
    "hugetlb.2MB.max", "hugetlb.2MB.current", "hugetlb.2MB.events", "hugetlb.2MB.events.local", "hugetlb.2MB.numa_stat"
)
def test_page_beyond_the_limit_ends_who_touches_it(cgroup: Cgroup, pages: None) -> None:
    huge = cgroup.hugetlb("2MB")
    huge.max = PAGE
    with Worker(cgroup) as worker:
        worker(mapped(2))
        worker(touched(0))
        assert huge.current == PAGE
        assert huge.numa_stat["total"] == huge.numa_stat["N0"] == PAGE
        assert huge.events["max"] == 0
        with pytest.raises(EOFError):
            worker(touched(1))
        assert worker.process.wait() == -7
    assert huge.events["max"] == huge.events_local["max"] == 1


@pytest.mark.covers("hugetlb.2MB.rsvd.max", "hugetlb.2MB.rsvd.current")
def test_mapping_beyond_the_reservation_fails(cgroup: Cgroup, pages: None) -> None:
    huge = cgroup.hugetlb("2MB")
    huge.rsvd_max = 2 * PAGE
    with Worker(cgroup) as worker:
        with pytest.raises(OSError) as refused:
            worker(mapped(3))
        assert refused.value.errno == errno.ENOMEM
        worker(mapped(2))
        assert (huge.rsvd_current, huge.current) == (2 * PAGE, 0)

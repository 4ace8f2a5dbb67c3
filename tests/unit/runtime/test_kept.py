"""Plans that are kept: when, and where not."""

from __future__ import annotations

from pathlib import Path

import pytest

from firkin.cgroupfs.hierarchy import find_hierarchy
from firkin.runtime.plan.builder import PlanBuilder
from firkin.runtime.plan.kept import Marks, Shelf
from firkin.runtime.store import Container

KEY = b"1\0a wish"


def compiled(marks: Marks) -> tuple[bytes, list[str]]:
    return PlanBuilder().encode(), []


def keep(shelf: Shelf) -> None:
    shelf.keep(KEY, compiled, find_hierarchy().mount, None)


def test_a_plan_is_kept_at_the_second_wish_and_not_made_again(tmp_path: Path) -> None:
    shelf = Shelf(str(tmp_path), 16)
    keep(shelf)
    (file,) = tmp_path.iterdir()
    assert file.stat().st_size == 0
    keep(shelf)
    kept = file.read_bytes()
    assert KEY in kept and [file] == list(tmp_path.iterdir())
    keep(shelf)
    assert file.read_bytes() == kept


def test_a_plan_with_warnings_is_not_kept(tmp_path: Path) -> None:
    shelf = Shelf(str(tmp_path), 16)
    for _wish in range(3):
        shelf.keep(KEY, lambda marks: (PlanBuilder().encode(), ["careful"]), find_hierarchy().mount, None)
    assert [file.stat().st_size for file in tmp_path.iterdir()] == [0]


def test_a_directory_that_is_gone_stays_gone(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        keep(Shelf(str(tmp_path / "gone"), 16))
    assert list(tmp_path.iterdir()) == []


def test_a_record_is_locked_by_one_and_never_when_it_is_gone(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    with Container(str(tmp_path), "web") as first, Container(str(tmp_path), "web") as second:
        assert first.try_lock() and not second.try_lock()
    with Container(str(tmp_path), "web") as last:
        (tmp_path / "web").rmdir()
        assert not last.try_lock()

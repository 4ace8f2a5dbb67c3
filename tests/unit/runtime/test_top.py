"""What `firkin top` shows, over recorded trees."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from firkin.runtime.top.columns import COLUMNS, printable
from firkin.runtime.top.model import Line, Model
from firkin.runtime.top.table import label, records, table
from tests.support.stat_tree import RECORDED, write_group


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """`top` with `a` (and `x`, `y` below it) and `b`, which differ in memory."""
    for number, name in enumerate(("top", "top/a", "top/a/x", "top/a/y", "top/b")):
        write_group(tmp_path / name, RECORDED | {"memory.current": f"{1 << (20 + number)}\n"})
    return tmp_path / "top"


@pytest.fixture
def model(tree: Path) -> Iterator[Model]:
    """A model over `tree`."""
    with Model(str(tree), descriptors=0) as made:
        yield made


def names(model: Model) -> list[str]:
    return [line.name.rpartition("/")[2] for line in model.lines()]


def line_of(model: Model, name: str) -> Line:
    return next(line for line in model.lines() if line.name.endswith(name))


def cell(model: Model, name: str, column: str) -> str:
    number = next(number for number, found in enumerate(COLUMNS) if found.name == column)
    return model.cells(line_of(model, name))[number]


def test_the_tree_is_shown_by_name(model: Model) -> None:
    assert [(line.depth, line.name) for line in model.lines()[1:]] == [(1, "a"), (2, "x"), (2, "y"), (1, "b")]
    assert [label(line) for line in model.lines()[1:]] == ["  - a", "      x", "      y", "    b"]


def test_siblings_are_sorted_below_their_parent(model: Model) -> None:
    model.sort_by("memory_bytes")
    assert names(model) == ["top", "b", "a", "y", "x"]
    model.sort_by("memory_bytes")
    assert names(model) == ["top", "a", "x", "y", "b"]
    model.sort_by("name")
    assert names(model) == ["top", "a", "x", "y", "b"]
    model.sort_by("name")
    assert names(model) == ["top", "b", "a", "y", "x"]


def test_a_folded_group_hides_what_is_below(model: Model) -> None:
    model.fold(line_of(model, "a").id, folded=True)
    assert names(model) == ["top", "a", "b"]
    assert label(line_of(model, "a")) == "  + a"
    model.fold(line_of(model, "a").id, folded=False)
    assert names(model) == ["top", "a", "x", "y", "b"]


def test_the_filter_shows_what_matches_and_what_is_above_it(model: Model) -> None:
    model.fold(line_of(model, "a").id, folded=True)
    model.filter = "/y"
    assert names(model) == ["top", "a", "y"]
    model.filter = "no such"
    assert names(model) == []
    assert table(model).count("\n") == 1


def test_cells_have_units_and_are_empty_where_there_is_nothing(tree: Path, model: Model) -> None:
    assert cell(model, "b", "memory_bytes") == "16.0M"
    assert cell(model, "b", "pids") == "3"
    assert cell(model, "b", "memory_max_bytes") == "max"
    assert cell(model, "b", "cpu_max_cores") == "max"
    assert cell(model, "b", "io_weight") == "100"
    assert cell(model, "b", "pids_max") == ""
    assert cell(model, "b", "cpu_percent") == "", "nothing to compare with yet"
    model.tick()
    assert cell(model, "b", "cpu_percent") == "0.0"


def test_rates_are_of_the_last_interval(tree: Path, model: Model) -> None:
    (tree / "b/io.stat").write_text("8:0 rbytes=1000000000 wbytes=4096\n")
    model.tick()
    record = next(record for record in records(model) if record["path"] == f"{tree}/b")
    assert isinstance(record["read_bytes_per_second"], float)
    assert record["read_bytes_per_second"] > 0
    assert record["write_bytes_per_second"] == 0
    model.tick()
    assert cell(model, "b", "read_bytes_per_second") == "0"


def test_out_of_reach_only_what_is_sorted_by_is_read(tree: Path) -> None:
    for number in range(10):
        write_group(tree / f"c{number}", RECORDED | {"memory.current": f"{number}\n"})
    with Model(str(tree), sort="memory_bytes") as model:
        model.reach = 2
        model.tick()
        assert names(model) == ["top", "b", "a", "y", "x", *(f"c{number}" for number in reversed(range(10)))]
        assert [model.cells(line)[1] != "" for line in model.lines()] == [True] * 15, "the key is there of all"
        assert [model.cells(line)[4] for line in model.lines()] == ["3"] * 3 + [""] * 12
        model.look(model.shown[9])
        assert [model.cells(line)[4] for line in model.lines()][8:11] == ["", "3", ""]
        model.focus = 14
        model.tick()
        assert [model.cells(line)[4] for line in model.lines()] == [""] * 12 + ["3"] * 3
        model.sort_by("name")
        assert model.lines()[model.focus].name == "c0"
        model.sort_by("cpu_max_cores")
        model.tick()
        assert len(model.lines()) == 15


def test_the_focus_stays_with_its_group(tree: Path, model: Model) -> None:
    model.focus = names(model).index("b")
    write_group(tree / "a/w")
    model.tick()
    assert names(model)[model.focus] == "b"
    model.sort_by("memory_bytes")
    assert names(model)[model.focus] == "b"
    model.fold(line_of(model, "a").id, folded=True)
    assert names(model)[model.focus] == "b"
    shutil.rmtree(tree / "b")
    model.tick()
    assert names(model)[model.focus] in ("top", "a")


def test_limits_are_read_again_after_a_while(tree: Path, model: Model) -> None:
    assert cell(model, "b", "cpu_max_cores") == "max"
    (tree / "b/cpu.max").write_text("150000 100000\n")
    for _ in range(5):
        model.tick()
    assert cell(model, "b", "cpu_max_cores") == "1.50"


def test_groups_that_come_and_go_are_followed(tree: Path, model: Model) -> None:
    shutil.rmtree(tree / "a/x")
    write_group(tree / "a/z")
    model.tick()
    model.tick()
    assert names(model) == ["top", "a", "y", "z", "b"]
    assert len(model) == 5


def test_every_record_has_every_column(model: Model) -> None:
    for record in records(model):
        assert list(record) == ["path", "id", *(column.name for column in COLUMNS)]
    assert records(model)[0]["memory_max_bytes"] == "max"
    assert records(model)[0]["pids_max"] is None


def test_a_name_can_not_drive_the_terminal(tree: Path) -> None:
    write_group(tree / "evil\x1b[2J\udcff")
    with Model(str(tree)) as model:
        assert "\x1b" not in table(model)
        assert "evil?[2J?" in table(model)
    assert printable("über") == "über"


@pytest.mark.parametrize(
    "value", [0, 999, 1000, 1023, 1024, 99.95 * 1024, 1 << 20, 999 << 20, 1 << 30, 1 << 50, 1 << 62]
)
def test_sizes_fit_their_column(value: float) -> None:
    column = next(column for column in COLUMNS if column.name == "memory_bytes")
    assert len(column.show(value)) <= column.width


def test_no_two_columns_share_a_key() -> None:
    keys = [column.key for column in COLUMNS]
    assert len({*keys, "n", "q", "Q", "R", "/", "<", ">"}) == len(keys) + 7

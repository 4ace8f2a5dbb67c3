"""Traces of demand: read line by line, every fault with its line; a demand lasts until the next one."""

from __future__ import annotations

from pathlib import Path

import pytest

from firkin.errors import ConfigError, KernelError
from firkin.workbench.columns import Columns
from firkin.workbench.demand_trace import read_trace, steps
from firkin.workbench.tree_file import parse_plan

TREE = "machine: {cpus: 4}\ngroups: {a: {demand: {cpu: 1, memory: 1G}}, b: {groups: {c: {demand: {threads: 2}}}}}\n"
HEADING = "time,group,resource,demand\n"


@pytest.fixture
def columns() -> Columns:
    return Columns(parse_plan(TREE, "t"))


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode("latin-1"))
    return str(path)


def test_a_demand_lasts_until_the_next(columns: Columns, tmp_path: Path) -> None:
    text = f"{HEADING}06:00,a,cpu,2\n06:00,b/c,memory,512M\n06:05,a,cpu,0.5\n\n06:15:30,b/c,cpu,3.5\n"
    first, second, third = steps(read_trace(written(tmp_path, text), columns), columns)
    a, c = columns.numbers["a"], columns.numbers["b/c"]
    assert [(step.time, step.seconds) for step in (first, second, third)] == [(21600, 300), (21900, 630), (22530, 630)]
    assert [step.demands.cpu[a] for step in (first, second, third)] == [2, 0.5, 0.5]
    assert [step.demands.memory[c] for step in (first, second, third)] == [512 << 20] * 3
    # What a has at first is what the tree says; more processors take more threads.
    assert first.demands.memory[a] == 1 << 30 and first.demands.threads[a] == 2
    assert [step.demands.threads[c] for step in (first, second, third)] == [2, 2, 4]


@pytest.mark.parametrize("times", [("0", "300.5"), ("00:00", "00:05"), ("2026-03-01T00:00", "2026-03-01T00:05:00")])
def test_times(columns: Columns, tmp_path: Path, times: tuple[str, str]) -> None:
    lines = "".join(f"{time},a,cpu,1\n" for time in times)
    found = [change.time for change in read_trace(written(tmp_path, HEADING + lines), columns)]
    assert found[0] == 0 and 300 <= found[1] <= 301


def test_days_go_on(columns: Columns, tmp_path: Path) -> None:
    lines = "2026-03-01T23:00,a,cpu,1\n2026-03-02T01:00,a,cpu,2\n"
    found = [change.time for change in read_trace(written(tmp_path, HEADING + lines), columns)]
    assert found == [23 * 3600, 25 * 3600]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "t.csv: has no demands"),
        (HEADING, "t.csv: has no demands"),
        ("a,b\n", "t.csv:1: the first line is not time,group,resource,demand"),
        (f"{HEADING}06:00,a,cpu\n", "t.csv:2: 3 fields instead of 4"),
        (f"{HEADING}06:00,a,cpu,1\n05:00,a,cpu,1\n", "t.csv:3: time: 05:00 is earlier than the line before"),
        (f"{HEADING}25:00,a,cpu,1\n", "t.csv:2: time: '25:00' is neither a time of the day"),
        (f"{HEADING}06:61,a,cpu,1\n", "t.csv:2: time: '06:61' is neither a time of the day"),
        (f"{HEADING}nan,a,cpu,1\n", "t.csv:2: time: 'nan' is neither a time of the day"),
        (f"{HEADING}-5,a,cpu,1\n", "t.csv:2: time: '-5' is neither a time of the day"),
        (f"{HEADING}noon,a,cpu,1\n", "t.csv:2: time: 'noon' is neither a time of the day"),
        (f"{HEADING}06:00,z,cpu,1\n", "t.csv:2: group: the tree has no 'z'"),
        (f"{HEADING}06:00,,cpu,1\n", "t.csv:2: group: the tree has no ''"),
        (f"{HEADING}06:00,b,cpu,1\n", "t.csv:2: group: 'b' has children, so it has no processes of its own"),
        (f"{HEADING}06:00,a,disk,1\n", "t.csv:2: resource: 'disk' is none of cpu, threads, memory, pids, io"),
        (f"{HEADING}06:00,a,cpu,-1\n", "t.csv:2: demand: '-1' is not a number of 0 or more"),
        (f"{HEADING}06:00,a,memory,lots\n", "t.csv:2: demand: "),
        (f"{HEADING}06:00,a,io,120%\n", "t.csv:2: demand: '120%' is more than all of the device"),
        (f'{HEADING}06:00,"a,cpu,1\n', "t.csv:2: unexpected end"),
        (f"{HEADING}06:00,a\xff,cpu,1\n", "t.csv: is not UTF-8 text"),
    ],
)
def test_faults(columns: Columns, tmp_path: Path, text: str, error: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        read_trace(path, columns)
    assert str(caught.value).removeprefix(f"{tmp_path}/").startswith(error)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(columns: Columns, tmp_path: Path) -> None:
    with pytest.raises(KernelError, match="No such file"):
        read_trace(str(tmp_path / "none"), columns)

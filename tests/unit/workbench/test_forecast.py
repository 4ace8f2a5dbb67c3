"""Predictions of whole machines, worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from firkin.workbench.forecast import Forecast, Line, predict
from firkin.workbench.render import as_json, as_text
from firkin.workbench.tree_file import edit, parse_plan

TREE = """\
machine: {cpus: 4, memory: 8G}
groups:
  web: {cpu.weight: 300, memory.low: 3G, groups: {
    front: {cpu.weight: 200, demand: {threads: 4, memory: 1G}},
    back: {memory.max: 2G, demand: {threads: 8, memory: 3G}}}}
  database: {memory.min: 2G, demand: {cpu: 0.5, threads: 16, memory: 3G, io: 60%}}
  nightly: {cpu.idle: 1, io.weight: 50, demand: {threads: 4, memory: 2G, io: 100%, pids: 40}, pids.max: 30}
  limited: {cpu.max: 50ms 100ms, demand: {threads: 2, memory: 1G}}
"""
GIB = 1 << 30


def lines(forecast: Forecast) -> dict[str, Line]:
    return {line.path: line for line in forecast.lines}


@pytest.fixture(scope="module")
def found() -> dict[str, Line]:
    return lines(predict(parse_plan(TREE, "t")))


def test_processors(found: dict[str, Line]) -> None:
    # 0.5 each for limited and database; an idle group beside busy ones gets 3 of 3 + 3072 parts.
    assert found["limited"].cpu == pytest.approx(0.5) and found["database"].cpu == pytest.approx(0.5)
    assert found["nightly"].cpu == pytest.approx(3 * 3 / 3075) and found["web"].cpu == pytest.approx(3 * 3072 / 3075)
    assert found["web/front"].cpu == pytest.approx(2 * found["web/back"].cpu)
    assert found["limited"].notes[0] == "cpu.max throttles"


def test_memory(found: dict[str, Line]) -> None:
    # 9 GiB are wanted within limits; the one that is missing is taken from the 4 that are not protected.
    assert found["web"].memory == 3 * GIB and found["web"].protected == 3 * GIB
    assert [found[name].memory / GIB for name in ("database", "nightly", "limited")] == pytest.approx([2.75, 1.5, 0.75])
    assert "at memory.max: reclaims its own, or is killed (OOM)" in found["web/back"].notes
    assert "loses memory to reclaim" in found["nightly"].notes and found["web/front"].notes[1:] == ()


def test_devices_and_process_numbers(found: dict[str, Line]) -> None:
    assert (found["database"].io, found["nightly"].io) == pytest.approx((0.6, 0.4))
    assert "pids.max refuses" in found["nightly"].notes and found["nightly"].pids_left == 0


def test_protection_of_more_than_there_is() -> None:
    forecast = predict(edit(parse_plan(TREE, "t"), "machine.memory=1G"))
    assert "memory.min protects more than there is: the machine runs out of memory" in forecast.warnings
    assert "memory.min is broken: the machine must kill (OOM)" in lines(forecast)["database"].notes


def test_what_if_shows_what_changes() -> None:
    plan = parse_plan(TREE, "t")
    text = as_text(predict(edit(plan, "limited/cpu.max=max")), 4, predict(plan))
    (line,) = [line for line in text.splitlines() if line.startswith("limited")]
    assert line.split()[1:3] == ["0.87", "(+0.37)"]
    assert as_text(predict(plan), 4).count("(+") == 0


def test_json_has_no_infinities() -> None:
    document = as_json(predict(parse_plan("groups: {a: {demand: {threads: 1}}}", "t")))
    groups: Any = document["groups"]
    assert [(group["cpu"], group["pidsLeft"], group["notes"]) for group in groups] == [(1, None, [])]
    assert as_json(predict(parse_plan("machine: {}", "t"))) == {"groups": [], "warnings": []}


def test_a_partition_has_its_processors_alone() -> None:
    text = """\
machine: {cpus: 4}
groups:
  alone: {cpuset.cpus: "0", cpuset.cpus.partition: isolated, cpu.weight: 1, demand: {threads: 8}}
  others: {cpu.weight: 10000, groups: {x: {demand: {threads: 8}}, y: {cpuset.cpus: 2-3, demand: {threads: 8}}}}
"""
    found = lines(predict(parse_plan(text, "t")))
    assert found["alone"].cpu == pytest.approx(1) and found["others"].cpu == pytest.approx(3)
    assert found["others/x"].cpu == found["others/y"].cpu == pytest.approx(1.5)

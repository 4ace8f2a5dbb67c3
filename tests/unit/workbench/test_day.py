"""A day on paper, worked out by hand; what is advised helps when it is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from firkin.workbench import day_text
from firkin.workbench.advice import Advice, advise, duration
from firkin.workbench.columns import Columns
from firkin.workbench.day import Day, live
from firkin.workbench.demand_trace import read_trace, steps
from firkin.workbench.plan import Plan
from firkin.workbench.report.day import day_page, troubled
from firkin.workbench.tree_file import edit, parse_plan, read_plan
from tests.support.pages import Page

EXAMPLES = Path(__file__).parents[3] / "examples"
TREE = """\
machine: {cpus: 2, memory: 4G, pids: 1000}
groups:
  shop:
    memory.low: 1G
    groups:
      front: {cpu.max: 0.5, memory.low: 1G, pids.max: 10}
      back: {memory.low: 1G, memory.max: 2G}
  batch: {cpu.weight: 50}
"""
LINES = """\
time,group,resource,demand
00:00,shop/front,cpu,0.4
01:00,shop/front,cpu,1
01:00,shop/front,memory,1G
01:00,shop/front,pids,12
02:00,shop/front,cpu,0.4
02:00,shop/front,pids,5
02:00,shop/back,memory,3G
02:00,batch,cpu,2
03:00,batch,memory,3G
04:00,shop/back,memory,1G
"""


def day_of(plan: Plan, tmp_path: Path) -> Day:
    (tmp_path / "t.csv").write_text(LINES)
    columns = Columns(plan)
    return live(columns, steps(read_trace(str(tmp_path / "t.csv"), columns), columns))


@pytest.fixture
def day(tmp_path: Path) -> Day:
    return day_of(parse_plan(TREE, "t"), tmp_path)


def seconds(day: Day, trouble: str) -> dict[str, float]:
    return {
        day.columns.tree.groups[number].path: float(day.troubles[name].seconds[number])
        for name, number in troubled(day)
        if name == trouble
    }


def test_who_is_held_back_when(day: Day) -> None:
    assert day.seconds == 5 * 3600
    assert seconds(day, "throttled") == {"shop/front": 3600}
    # 2 are wanted from two o'clock on, beside 0.4 of a heavier group that gets all that it wants.
    assert seconds(day, "short") == {"batch": 3 * 3600}
    assert seconds(day, "full") == {"shop/back": 2 * 3600}
    assert seconds(day, "refused") == {"shop/front": 3600}
    # 1 + 2 + 3 GiB from three o'clock on, of 4; a gigabyte of the shop is protected, its groups claim two.
    assert seconds(day, "reclaimed").keys() == {"shop/front", "shop/back", "batch"}
    assert seconds(day, "unprotected") == {"shop/front": 3 * 3600, "shop/back": 3 * 3600}
    assert seconds(day, "broken") == {}


def test_what_is_lost_is_processor_time(day: Day) -> None:
    lost = {group.path: float(day.lost[number]) for number, group in enumerate(day.columns.tree.groups)}
    assert lost["shop/front"] == pytest.approx(0.5 * 3600) and lost["batch"] == pytest.approx(3 * 0.4 * 3600)


def test_each_edit_that_is_advised_helps(day: Day, tmp_path: Path) -> None:
    plan, advice = parse_plan(TREE, "t"), advise(day)
    edits = [one.edit for one in advice if one.edit]
    assert {
        "shop/front/cpu.max=1", "shop/back/memory.max=3072M", "shop/front/pids.max=12", "machine.cpus=3",
        "machine.memory=7168M", "shop/memory.low=2048M",
    } <= set(edits)  # fmt: skip
    for change in edits:
        plan = edit(plan, change)
    after = day_of(plan, tmp_path)
    assert list(troubled(after)) == [] and advise(after) == []


def test_protections_of_more_than_there_is_are_told(tmp_path: Path) -> None:
    plan = edit(edit(parse_plan(TREE, "t"), "batch/memory.min=3G"), "shop/memory.min=2G")
    first = advise(day_of(plan, tmp_path))[0]
    assert first.text.startswith("memory.min of the groups at the top promises 5 GiB, and there are 4 GiB")


def test_durations() -> None:
    assert [duration(value) for value in (45, 720, 12000, 7200, 86400)] == [
        "45 s", "12 min", "3 h 20 min", "2 h", "24 h"
    ]  # fmt: skip


def test_the_text_and_the_document(day: Day) -> None:
    text = day_text.as_text(day, advise(day))
    assert "most processors wanted: 2.40 of 2 at 02:00" in text and "--set shop/front/cpu.max=1" in text
    lines = [line.split("   ") for line in text.splitlines() if line.startswith("shop/front ")]
    assert ["shop/front", "throttled by cpu.max", "60 min", "01:00"] in [
        [word.strip() for word in line if word.strip()] for line in lines
    ] or any("throttled by cpu.max" in " ".join(line) and "01:00" in line[-1] for line in lines)
    document = day_text.as_json(day, [Advice("do", "", 1)])
    assert document["seconds"] == 18000 and document["advice"] == [{"text": "do", "edit": None}]


def test_the_page_shows_when(day: Day) -> None:
    found = Page(day_page("<b>.yaml", day, advise(day), ["batch/cpu.weight=50"]))
    assert found.outside == [] and "b" not in {tag for tag in found.tags if tag == "script"}
    assert "shop/front throttled by cpu.max" in " ".join(found.text.split())
    assert "--set shop/front/cpu.max=1" in found.text and "What if" in found.text
    assert found.tags.count("figure") >= 4


def test_a_day_without_trouble_says_so(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("time,group,resource,demand\n00:00,a,cpu,1\n")
    columns = Columns(parse_plan("machine: {cpus: 2}\ngroups: {a: {demand: {threads: 1}}}", "t"))
    quiet = live(columns, steps(read_trace(str(tmp_path / "t.csv"), columns), columns))
    assert "Nothing to change" in Page(day_page("t", quiet, advise(quiet))).text


def test_the_example() -> None:
    columns = Columns(read_plan(str(EXAMPLES / "tree.yaml")))
    found = live(columns, steps(read_trace(str(EXAMPLES / "day.csv"), columns), columns))
    assert len(found.moments) == 144 and found.seconds == 86400
    edits = [one.edit for one in advise(found)]
    assert "limited/cpu.max=0.8" in edits and "machine.cpus=7" in edits

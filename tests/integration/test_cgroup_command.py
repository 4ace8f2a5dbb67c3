"""`firkin cgroup`: what it shows and does, for people and for programs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from firkin.cgroupfs import Cgroup, find_hierarchy
from tests.support.bundle import Firkin

pytestmark = pytest.mark.requires("root", "cgroup2")
FOREVER = ["sleep", "1000"]
_LINE = "{:4}   {:<9}   {:9}   {}"


def name_of(group: Cgroup) -> str:
    return group.path.removeprefix(find_hierarchy().mount + "/")


def loaded(firkin: Firkin, *words: str) -> Any:
    return json.loads(firkin("cgroup", *words, "--json").stdout)


def test_ls_and_tree(firkin: Firkin, cgroup: Cgroup) -> None:
    second, first = cgroup.make_child("b"), cgroup.make_child("a")
    with first.make_child("deep") as deep, deep.spawn(FOREVER), second.spawn(FOREVER), second.spawn(FOREVER):
        second.freeze()
        given = " ".join(sorted(second.core.controllers))
        assert firkin("cgroup", "ls", name_of(cgroup)).stdout.splitlines() == [
            "NAME   PROCESSES   STATE       CONTROLLERS",
            _LINE.format("a", 0, "populated", given).rstrip(),
            _LINE.format("b", 2, "frozen", given).rstrip(),
        ]
        assert firkin("cgroup", "tree", name_of(cgroup)).stdout.splitlines() == [
            name_of(cgroup),
            "├─ a",
            "│  └─ deep  1 process",
            "└─ b  2 processes  frozen",
        ]
        row = loaded(firkin, "tree", name_of(cgroup))
        assert [child["name"] for child in row["children"]] == ["a", "b"]
        assert row["children"][1] == {
            "name": "b",
            "processes": 2,
            "populated": True,
            "frozen": True,
            "controllers": sorted(second.core.controllers),
            "children": [],
        }


def test_the_root_is_meant_where_none_is_given(firkin: Firkin, cgroup: Cgroup) -> None:
    assert name_of(cgroup) in [row["name"] for row in loaded(firkin, "ls")]


def test_show_and_set(firkin: Firkin, cgroup: Cgroup) -> None:
    firkin("cgroup", "set", name_of(cgroup), "cgroup.max.depth=3", "cgroup.max.descendants=max", "cgroup.freeze=1")
    assert (cgroup.core.max_depth, cgroup.core.freeze) == (3, True)
    table = firkin("cgroup", "show", name_of(cgroup)).stdout
    assert ["cgroup.max.depth", "3", "limit"] in [line.split() for line in table.splitlines()]
    assert "cgroup.events" not in table
    assert "cgroup.events" in firkin("cgroup", "show", "--all", name_of(cgroup)).stdout
    assert firkin("cgroup", "show", name_of(cgroup), "cgroup.max.depth").stdout == "3\n"
    shown = loaded(firkin, "show", name_of(cgroup), "cgroup.max.depth", "cgroup.events", "cgroup.subtree_control")
    assert shown == {
        "cgroup.max.depth": 3,
        "cgroup.events": {"populated": 0, "frozen": 1},
        "cgroup.subtree_control": [],
    }


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("cgroup.max.depth=deep", "'deep' is not a whole number (cgroup.max.depth takes max, or 0 to 2147483647)"),
        ("cgroup.freeze=2", "neither 0 nor 1 (cgroup.freeze takes 0 or 1)"),
        ("cgroup.max.depht=1", "no such interface file is known (did you mean cgroup.max.depth?)"),
        ("cgroup.events=1", "it can only be read"),
        ("cgroup.max.depth", "'cgroup.max.depth' is not FILE=VALUE (such as memory.max=512m)"),
    ],
)
def test_a_wrong_setting_changes_nothing(firkin: Firkin, cgroup: Cgroup, setting: str, message: str) -> None:
    done = firkin("cgroup", "set", name_of(cgroup), "cgroup.max.descendants=5", setting, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("firkin: error: ") and done.stderr.endswith(f"{message}\n")
    assert done.stderr.count("\n") == 1
    assert cgroup.core.max_descendants == "max"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("show", "no/such"), "there is no such cgroup"),
        (("show", "../x"), "leads out of the hierarchy"),
        (("show", "/etc"), "is not in a cgroup2 file system"),
        (("show", ""), "is empty"),
        (("kill",), "argument GROUP is missing"),
        (("set", "x"), "argument FILE=VALUE is missing"),
        (("ls", "a", "b"), "unexpected argument 'b'"),
        (("burn", "x"), "unknown action 'burn'"),
        (("kill", "."), "the root of the hierarchy has no such file"),
    ],
)
def test_bad_input_is_one_line(firkin: Firkin, words: tuple[str, ...], message: str) -> None:
    done = firkin("cgroup", *words, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr and done.stderr.count("\n") == 1


def test_freeze_thaw_and_kill(firkin: Firkin, cgroup: Cgroup) -> None:
    with cgroup.spawn(FOREVER) as process:
        firkin("cgroup", "freeze", name_of(cgroup))
        assert cgroup.core.events["frozen"] == 1
        firkin("cgroup", "thaw", name_of(cgroup))
        assert cgroup.core.events["frozen"] == 0
        firkin("cgroup", "kill", name_of(cgroup))
        assert process.wait() == -9


def test_statistics(firkin: Firkin, cgroup: Cgroup) -> None:
    with cgroup.make_child("busy") as busy:
        busy.spawn(["sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"]).wait()
        own, below = loaded(firkin, "stat", "--recursive", name_of(cgroup))
        assert own["path"] == cgroup.path and below["path"] == busy.path
        assert below["cpu"]["usage_usec"] == busy.cpu.stat["usage_usec"] > 0
        lines = firkin("cgroup", "stat", "-r", name_of(cgroup)).stdout.splitlines()
        assert [line.split()[0] for line in lines] == ["CGROUP", ".", "busy"]


def test_events_are_followed_to_the_end(firkin: Firkin, cgroup: Cgroup) -> None:
    top = cgroup.make_child("top")
    argv = firkin.command("cgroup", "events", "--json", name_of(top))
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        seen: list[str] = []
        # The watch is set some time after the start. Who looks late sees the state of that moment, so it stays a while.
        while not seen:
            top.freeze()
            seen = _readable(process)
            top.thaw()
            seen = seen or _readable(process)
        with top.make_child("a") as child:
            # Who looks late sees nothing of a cgroup that is gone again.
            while not any('"Created"' in line for line in seen):
                seen.append(process.stdout.readline())
                assert seen[-1], "the events ended"
            child.spawn(["true"]).wait()
            child.wait_empty()
        top.remove_child("a")
        cgroup.remove_child("top")
        top.close()
        events = [json.loads(line) for line in seen + process.stdout.readlines()]
        assert process.wait() == 0
    below = [event["event"] for event in events if event["cgroup"].endswith("/top/a")]
    assert below[0] == "Created" and below[-1] == "Removed"
    assert events[-1]["event"] == "Removed" and events[-1]["cgroup"] == top.path


def _readable(process: subprocess.Popen[str]) -> list[str]:
    import select

    assert process.stdout
    return [process.stdout.readline()] if select.select([process.stdout], [], [], 0.05)[0] else []


def test_events_for_people(firkin: Firkin, cgroup: Cgroup, tmp_path: Path) -> None:
    done = firkin("cgroup", "events", "-t", "memory some 2s 1s", name_of(cgroup), check=False)
    assert done.returncode == 1 and "the stall can not be longer than the window" in done.stderr

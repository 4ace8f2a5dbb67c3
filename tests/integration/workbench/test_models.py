"""`firkin bench models`: real loads in real cgroups, predictions that hold, a wrong one that does not, nothing left."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from firkin.cgroupfs.models.cpu import CpuGroup, CpuShare, share_cpu
from firkin.cgroupfs.models.tree import Tree
from firkin.errors import UsageError
from firkin.workbench import models_command
from firkin.workbench.experiment import Host, run_experiment
from firkin.workbench.experiments import EXPERIMENTS, weights
from firkin.workbench.measurement import Measurement
from firkin.workbench.stage import Stage
from tests.support.bench import nothing_left
from tests.support.bundle import Firkin
from tests.support.pages import Page

pytestmark = pytest.mark.requires("root", "cgroup2")

QUICK = Host(processors=len(os.sched_getaffinity(0)), page=4096, seconds=0.6, repetitions=2)

# What does not depend on what else the machine does.
EXACT = frozenset({"oom", "oom-group", "pids", "freeze"})
# What compares groups with each other, so that it hardly does.
SHARES = frozenset(name for name, one in EXPERIMENTS.items() if one.unit.startswith("share"))


def test_a_frozen_group_is_still(firkin: Firkin) -> None:
    document = json.loads(firkin("bench", "models", "freeze", "--quick", "--json", check=False).stdout)
    assert {"kernel", "processors", "memory", "date", "load", "noise"} <= document["host"].keys()
    assert document["host"]["noise"]["before"]["together"] >= 0
    (experiment,) = document["experiments"]
    frozen, thawed = experiment["quantities"]
    assert (frozen["name"], frozen["agrees"]) == ("frozen", True)
    assert thawed["measured"] > 0
    assert _total(experiment["distributions"]["until frozen"]["counts"]) == 10
    assert nothing_left()


def test_what_is_unknown_is_named(firkin: Firkin) -> None:
    done = firkin("bench", "models", "wights", check=False)
    assert done.returncode == 1 and "unknown experiment 'wights' (one of weights, nested-weights" in done.stderr


def test_what_a_host_can_not_run_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    impossible = replace(EXPERIMENTS["freeze"], name="impossible", lacking=lambda host: "needs a second moon")
    chosen = {"freeze": EXPERIMENTS["freeze"], "impossible": impossible}
    monkeypatch.setattr(models_command, "EXPERIMENTS", chosen)
    models_command.models([], quick=True, as_json=False)
    assert "-    impossible: not run: it needs a second moon\n" in capsys.readouterr().out
    with pytest.raises(UsageError, match="bench models: impossible needs a second moon"):
        models_command.models(["impossible"], quick=True, as_json=False)
    assert nothing_left()


@pytest.mark.parametrize(("budget", "repetitions"), [(0.0, 2), (1e9, 4)])
def test_who_has_no_time_repeats_at_least_once(budget: float, repetitions: int) -> None:
    done: list[int] = []

    def measure(host: Host, stage: Stage) -> Measurement:
        done.append(1)
        return Measurement({"frozen": 0, "thawed": 1})

    host = replace(QUICK, repetitions=4, budget=budget)
    assert run_experiment(replace(EXPERIMENTS["freeze"], measure=measure), host).agrees
    assert len(done) == repetitions


@pytest.mark.requires("cpu", "cpuset", "memory", "pids")
def test_all_of_them(firkin: Firkin) -> None:
    document = json.loads(firkin("bench", "models", "--quick", "--json", check=False, timeout=900).stdout)
    found: dict[str, Any] = {one["name"]: one for one in document["experiments"]}
    assert list(found) == list(EXPERIMENTS)
    # On a busy machine few repetitions may look better than they are: five times what is tolerated is no chance.
    for one in (quantity for name in SHARES for quantity in found[name]["quantities"]):
        assert one["deviation"] < 0.1 or not one["decided"], found
    for name in EXACT:
        assert found[name]["agrees"], found[name]
    # How long things take depends on what else the machine does; that they are measured does not.
    assert {line["unit"] for line in found["latecomer"]["series"].values()} == {"share"}
    assert found["quota"]["quantities"][0]["measured"] > 0
    for name in ("quota-latency", "waking", "burst", "partition", "partition-isolated"):
        for one in found[name]["distributions"].values():
            assert _total(one["counts"]) > 0, name
    latency = found["quota-latency"]["distributions"]["latency"]
    assert _total(latency["counts"]) == _total(latency["predicted"])
    assert nothing_left()


def _total(counts: list[list[float]]) -> float:
    return sum(count for _, count in counts)


@pytest.mark.requires("cpu")
def test_a_wrong_prediction_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def falsified(root: CpuGroup, processors: float) -> tuple[Tree[CpuGroup], CpuShare]:
        # As if weights did not count.
        def equal(group: CpuGroup) -> CpuGroup:
            return replace(group, weight=100, children=[equal(child) for child in group.children])

        return share_cpu(equal(root), processors)

    monkeypatch.setattr(weights, "share_cpu", falsified)
    assert models_command.models(["weights"], quick=True, as_json=False) == 1
    out = capsys.readouterr().out
    assert "FAIL weights: " in out and "more than 2%" in out
    assert nothing_left()


@pytest.mark.requires("pids")
def test_a_wrong_prediction_of_a_limit_fails() -> None:
    def falsified(host: Host) -> Mapping[str, float]:
        return {"children": 20, "refused": 1}

    outcome = run_experiment(replace(EXPERIMENTS["pids"], predict=falsified), QUICK)
    assert outcome.differs and [verdict.agrees for verdict in outcome.verdicts] == [False, True]


def test_a_stage_that_fails_leaves_nothing() -> None:
    def broken(host: Host, stage: Stage) -> Measurement:
        stage.load(stage.group("a"), "spin", 1)
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        run_experiment(replace(EXPERIMENTS["freeze"], measure=broken), QUICK)
    assert nothing_left()


def test_a_page_of_a_run(firkin: Firkin, tmp_path: Path) -> None:
    firkin("bench", "models", "freeze", "--quick", "--html", tmp_path / "m.html", check=False)
    page = Page((tmp_path / "m.html").read_text())
    assert page.ids == ["x-freeze"] and "Does a frozen group use nothing" in page.text
    assert page.tags.count("figure") >= 1

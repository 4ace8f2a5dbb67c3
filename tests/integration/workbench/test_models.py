"""`firkin bench models`: real loads in real cgroups, predictions that hold, a wrong one that does not, nothing left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from firkin.cgroupfs import Cgroup
from firkin.errors import CgroupGoneError
from firkin.workbench.experiment import Host, run_experiment
from firkin.workbench.experiments import EXPERIMENTS
from firkin.workbench.measurement import Measurement
from firkin.workbench.stage import Stage
from tests.support.bundle import Firkin
from tests.support.pages import Page
from tests.support.waiting import eventually

pytestmark = pytest.mark.requires("root", "cgroup2")

QUICK = Host(processors=len(os.sched_getaffinity(0)), page=4096, seconds=1.0, repetitions=2)


def nothing_left() -> bool:
    try:
        with Cgroup("firkin-bench"):
            return False
    except CgroupGoneError:
        return True


def test_a_frozen_group_is_still(firkin: Firkin) -> None:
    document = json.loads(firkin("bench", "models", "freeze", "--quick", "--json", check=False).stdout)
    (experiment,) = document["experiments"]
    frozen, thawed = experiment["quantities"]
    assert (frozen["name"], frozen["agrees"]) == ("frozen", True)
    assert thawed["measured"] > 0
    assert nothing_left()


def test_what_is_unknown_is_named(firkin: Firkin) -> None:
    done = firkin("bench", "models", "wights", check=False)
    assert done.returncode == 1 and "unknown experiment 'wights' (one of weights, nested-weights" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_of_one_that_is_ended(firkin: Firkin, number: int) -> None:
    argv = firkin.command("bench", "models", "freeze")
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        eventually(lambda: bool(_loads()))
        process.send_signal(number)
    # The load dies with who started it; what SIGKILL leaves of groups, the next run removes.
    eventually(lambda: not _loads())
    firkin("bench", "models", "freeze", "--quick", check=False)
    assert nothing_left()


def _loads() -> list[int]:
    try:
        with Cgroup("firkin-bench") as place:
            return place.processes()
    except CgroupGoneError:
        return []


@pytest.mark.requires("memory", "pids")
@pytest.mark.parametrize("name", ["oom", "oom-group", "pids"])
def test_limits_are_exact(name: str) -> None:
    outcome = run_experiment(EXPERIMENTS[name], QUICK)
    assert outcome.agrees, outcome.verdicts


@pytest.mark.requires("cpu")
def test_weights_and_quotas_are_as_predicted_and_a_wrong_prediction_fails() -> None:
    for name in ("nested-weights", "idle-class", "quota"):
        outcome = run_experiment(EXPERIMENTS[name], QUICK)
        assert not outcome.differs, outcome.verdicts

    def wrong(host: Host) -> Mapping[str, float]:
        return {"a": 0.6, "b": 0.3, "c": 0.1}

    assert run_experiment(replace(EXPERIMENTS["weights"], predict=wrong), replace(QUICK, repetitions=3)).differs


@pytest.mark.requires("cpu")
def test_a_stage_that_fails_leaves_nothing() -> None:
    def broken(host: Host, stage: Stage) -> Measurement:
        stage.load(stage.group("a"), "spin", 1)
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        run_experiment(replace(EXPERIMENTS["weights"], measure=broken), QUICK)
    assert nothing_left()


def test_a_page_of_a_run(firkin: Firkin, tmp_path: Path) -> None:
    firkin("bench", "models", "freeze", "--quick", "--html", tmp_path / "m.html", check=False)
    page = Page((tmp_path / "m.html").read_text())
    assert page.ids == ["x-freeze"] and "Does a frozen group use nothing" in page.text
    assert page.tags.count("figure") >= 1

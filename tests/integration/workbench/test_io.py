"""Experiments with a block device: nobody gets more than his limit or his share, and the device is as it was."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from firkin.cgroupfs import Cgroup
from firkin.workbench.experiment import Host, run_experiment
from firkin.workbench.experiments import EXPERIMENTS
from firkin.workbench.scratch_disk import check_named, opened_disk
from tests.support.bundle import Firkin
from tests.support.requirements import scratch_disk

pytestmark = pytest.mark.requires("root", "cgroup2", "unified", "io", "disk")

ATTEMPTS = 5


def host() -> Host:
    return Host(len(os.sched_getaffinity(0)), os.sysconf("SC_PAGESIZE"), 1.0, 1, str(scratch_disk()))


def settings(device: str) -> list[str]:
    """What the root says of the device that makes a difference: what its requests cost, if they are counted."""
    with Cgroup(".") as root:
        lines = [line for name in ("io.cost.qos", "io.cost.model") for line in root.read(name).splitlines()]
    # What was counted once is listed for ever after.
    return [line for line in lines if line.startswith(device) and "enable=0" not in line and "ctrl=auto" not in line]


def test_nobody_is_faster_than_his_limit() -> None:
    outcome = run_experiment(EXPERIMENTS["io-max"], host())
    for verdict in outcome.verdicts:
        assert verdict.measured.mean < 1.3 * verdict.predicted, verdict
    # A guest that waits for its host gets less, but not next to nothing.
    had = sum(verdict.measured.mean for verdict in outcome.verdicts)
    assert had > 0.2 * sum(verdict.predicted for verdict in outcome.verdicts), outcome.verdicts


@pytest.mark.parametrize("name", ["io-weight", "io-weight-nested", "io-cost"])
def test_a_device_is_shared_by_weight_and_cost(name: str) -> None:
    # What a busy machine keeps a load from using, the others have: as often as that happens it is tried again.
    with opened_disk(host().device) as disk:
        before = settings(disk.number)
    outcome = run_experiment(EXPERIMENTS[name], host())
    for _ in range(ATTEMPTS):
        if all(verdict.deviation < 0.15 for verdict in outcome.verdicts):
            break
        outcome = run_experiment(EXPERIMENTS[name], host())
    assert all(verdict.deviation < 0.15 for verdict in outcome.verdicts), outcome.verdicts
    with opened_disk(host().device) as disk:
        assert settings(disk.number) == before


def test_bfq_is_told_and_the_scheduler_is_as_it_was() -> None:
    with opened_disk(host().device) as disk:
        before = Path(disk.queue, "scheduler").read_text()
    experiment = EXPERIMENTS["io-bfq-weight"]
    if why := experiment.lacking(host()):
        assert "BFQ" in why
        return
    outcome = run_experiment(experiment, host())
    assert sum(verdict.measured.mean for verdict in outcome.verdicts) == pytest.approx(1)
    with opened_disk(host().device) as disk:
        after = Path(disk.queue, "scheduler").read_text()
    # It is listed once it is loaded.
    assert before.partition("[")[2].partition("]")[0] in after.partition("[")[2].partition("]")[0]


def test_a_disk_is_named_on_the_command_line(firkin: Firkin, tmp_path: Path) -> None:
    done = firkin("bench", "models", "memory-min", "--quick", "--device", str(scratch_disk()), check=False)
    assert done.returncode == 0 and "ok   memory-min" in done.stdout, done
    check_named(str(scratch_disk()))
    refused = firkin("bench", "models", "io-max", "--device", tmp_path, check=False)
    assert refused.returncode == 1 and f"--device {tmp_path}: it is no block device" in refused.stderr

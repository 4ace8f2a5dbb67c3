"""Experiments with memory: what the kernel takes, leaves and slows is what the models say."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from firkin.workbench.experiment import Host, Outcome, run_experiment
from firkin.workbench.experiments import EXPERIMENTS
from tests.support.requirements import scratch_disk

pytestmark = pytest.mark.requires("root", "cgroup2", "unified", "memory", "disk")

POOL = Path("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages")


def run(name: str) -> Outcome:
    host = Host(len(os.sched_getaffinity(0)), os.sysconf("SC_PAGESIZE"), 1.0, 1, str(scratch_disk()))
    experiment = EXPERIMENTS[name]
    assert experiment.lacking(host) == ""
    return run_experiment(experiment, host)


UNTIMED = (
    "memory-low", "memory-min", "memory-low-stream", "memory-low-overcommitted", "memory-recursiveprot",
    "memory-reclaim",
)  # fmt: skip


@pytest.mark.parametrize("name", UNTIMED)
def test_what_is_left_does_not_depend_on_time(name: str) -> None:
    outcome = run(name)
    assert outcome.agrees, outcome.verdicts


@pytest.mark.requires("swap")
def test_swap_is_what_may_be_had_beyond_the_limit() -> None:
    outcome = run("memory-swap-max")
    assert outcome.agrees, outcome.verdicts


@pytest.mark.requires("psi")
def test_who_is_beyond_high_is_slowed_and_waits() -> None:
    # A busy machine delays more than the kernel asks for, or sees late where the curve begins.
    outcome = run("memory-high")
    beyond, *exact = outcome.verdicts
    assert all(verdict.agrees for verdict in exact), exact
    assert 0.7 < beyond.measured.mean / beyond.predicted < 1.3, beyond
    assert len(outcome.last.series["beyond high"].values) > 2 and outcome.expected.series["beyond high"](0.5) > 0
    found = {verdict.name: verdict.measured.mean for verdict in run("memory-pressure").verdicts}
    assert found["alone: full"] == pytest.approx(found["alone: some"], abs=0.01) and found["alone: some"] > 0.8
    assert found["beside: some"] > 0.8 and found["beside: full"] < 0.2


@pytest.fixture
def pages() -> Iterator[None]:
    """Four huge pages in the machine's pool."""
    before = POOL.read_text()
    POOL.write_text("4")
    assert POOL.read_text() == "4\n"
    yield
    POOL.write_text(before)


@pytest.mark.requires("hugetlb")
def test_huge_pages_beyond_the_limit_are_refused(pages: None) -> None:
    outcome = run("hugetlb")
    assert outcome.agrees, outcome.verdicts
    POOL.write_text("0")
    host = Host(1, 4096, 1.0, 1)
    assert EXPERIMENTS["hugetlb"].lacking(host) == "needs 3 free huge pages of 2048 KiB (sysctl vm.nr_hugepages)"

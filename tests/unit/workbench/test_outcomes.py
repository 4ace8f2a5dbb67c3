"""What is told of an experiment: distributions, the JSON of an outcome, and of one that could not be run."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from firkin.workbench.experiment import Experiment, Host, Outcome, Verdict, judged
from firkin.workbench.measurement import Distribution, Expectation, Measurement, Series
from firkin.workbench.noise import QUIET, Noise
from firkin.workbench.outcome_document import as_document, noise_document
from firkin.workbench.outcome_text import as_text, noise_text
from firkin.workbench.stage import Stage
from firkin.workbench.statistics import estimate


def not_measured(host: Host, stage: Stage) -> Measurement:
    raise AssertionError


EXPERIMENT = Experiment("e", "Why?", "a document", ("cpu",), "share", 0.02, lambda host: {}, not_measured)
HOST = Host(processors=2, page=4096, seconds=1.0, repetitions=2)


def test_distributions() -> None:
    found = Distribution.of("ms", [0.5, 1, 2, 3, 9], [1, 2, 4])
    assert found.counts == [(1, 2), (2, 1), (4, 1), (math.inf, 1)] and found.total == 5
    assert [found.quantile(part) for part in (0, 0.4, 0.41, 0.8, 1)] == [1, 1, 2, 4, math.inf]
    assert math.isnan(Distribution("ms", []).quantile(0.5))


def test_an_outcome_for_programs() -> None:
    verdicts = (Verdict("a", 0.5, estimate([0.5]), 0.0, agrees=True, is_decided=True),)
    last = Measurement(
        {"a": 0.5},
        {"a": Series("share", [0, 1], [0.4, 0.6]), "b": Series("ms", [0], [1])},
        {"latency": Distribution("ms", [(1.0, 2), (math.inf, 1)])},
    )
    expected = Expectation({"a": lambda at: 0.5 + at}, {"latency": Distribution("ms", [(1.0, 3)])})
    document = as_document(Outcome(EXPERIMENT, verdicts, last, expected, seconds=1.5))
    assert json.loads(json.dumps(document, allow_nan=False)) == {
        "name": "e", "question": "Why?", "source": "a document", "controllers": ["cpu"], "unit": "share",
        "tolerance": 0.02, "seconds": 1.5, "agrees": True, "differs": False,
        "quantities": [
            {"name": "a", "predicted": 0.5, "measured": 0.5, "margin": None, "deviation": 0.0, "agrees": True,
             "decided": True}
        ],
        "series": {
            "a": {"unit": "share", "times": [0, 1], "values": [0.4, 0.6], "predicted": [0.5, 1.5]},
            "b": {"unit": "ms", "times": [0], "values": [1]},
        },
        "distributions": {
            "latency": {"unit": "ms", "counts": [[1.0, 2], [None, 1]], "predicted": [[1.0, 3]]},
        },
    }  # fmt: skip


@pytest.mark.parametrize("why", ["needs the controller cpu: it is bound to a cgroup v1 hierarchy"])
def test_one_that_could_not_be_run(why: str) -> None:
    outcome = Outcome(EXPERIMENT, skipped=why)
    assert as_document(outcome)["skipped"] == why and "quantities" not in as_document(outcome)
    assert not outcome.agrees and not outcome.differs
    assert as_text(outcome) == f"-    e: not run: it {why}\n\n"


def test_noise_is_told_when_it_is_more_than_tolerable() -> None:
    busy = Noise(steal=0.01, others=0.3, spread=0.1, lost=0.2, together=0.5, worst=0.004)
    assert noise_text(QUIET) == noise_text(Noise(others=0.02)) == ""
    assert "30% of a processor was missing in a control run (others used 30%, the hypervisor 1%; the longest gap" in (
        noise_text(busy)
    )
    document = noise_document(QUIET, busy)
    assert (document["figure"], document["exceeds"], document["longestGap"]) == (0.3, True, 0.004)
    assert document["after"] == {"steal": 0.01, "others": 0.3, "spread": 0.1, "lost": 0.2, "together": 0.5}
    # That processors are not independent of each other is no noise of others.
    assert noise_document(QUIET, Noise(together=0.5))["exceeds"] is False


@pytest.mark.parametrize(("noise", "decided"), [(QUIET, True), (Noise(lost=0.05), True), (Noise(lost=0.2), False)])
def test_noise_widens_what_is_measured_too_roughly(noise: Noise, decided: bool) -> None:
    experiment = replace(EXPERIMENT, whole=lambda host: 1.0, roughness=lambda noise: noise.lost)
    (verdict,) = judged(experiment, HOST, {"a": 0.5}, {"a": [0.4, 0.4]}, noise)
    assert not verdict.agrees and verdict.is_decided is decided
    # It does not make agreement of what does not agree, nor doubt of what does.
    (verdict,) = judged(experiment, HOST, {"a": 0.5}, {"a": [0.5, 0.5]}, noise)
    assert verdict.agrees and verdict.is_decided


def test_where_much_is_lost_nothing_can_be_said_of_times() -> None:
    assert Noise(lost=0.05, worst=0.002).delay == pytest.approx(0.01) and Noise(lost=0.5, worst=0.002).delay == math.inf
    assert Noise(together=0.05).sharing == 0.05 and Noise(together=0.5).sharing == math.inf
    assert Noise(steal=0.1, worst=1).worst_of(Noise(steal=0.2, lost=0.3)) == Noise(steal=0.2, lost=0.3, worst=1)

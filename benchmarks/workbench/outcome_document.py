"""Outcomes for programs: the JSON of `firkin bench models`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict

from firkin.workbench.experiment import Outcome, Verdict
from firkin.workbench.measurement import Distribution, Series
from firkin.workbench.noise import TOLERABLE, Noise

__all__ = ["as_document", "noise_document"]


def as_document(outcome: Outcome) -> dict[str, object]:
    """The outcome as JSON. What is not known, as the margin of a single repetition, is null.

    `series` and `distributions` are those of the last repetition; `predicted` is there where something is.
    """
    experiment = outcome.experiment
    document: dict[str, object] = {
        "name": experiment.name,
        "question": experiment.question,
        "source": experiment.source,
        "controllers": list(experiment.controllers),
        "unit": experiment.unit,
        "tolerance": experiment.tolerance,
    }
    if outcome.skipped:
        return document | {"skipped": outcome.skipped}
    curves, spreads = outcome.expected.series, outcome.expected.distributions
    return document | {
        "seconds": round(outcome.seconds, 3),
        "agrees": outcome.agrees,
        "differs": outcome.differs,
        "quantities": list(map(_quantity, outcome.verdicts)),
        "series": {name: _series(one, curves.get(name)) for name, one in outcome.last.series.items()},
        "distributions": {
            name: _distribution(one, spreads.get(name)) for name, one in outcome.last.distributions.items()
        },
    }


def noise_document(before: Noise, after: Noise) -> dict[str, object]:
    """The control runs before and after all experiments, as parts of the time; `figure` is the worst of them that
    counts, and `exceeds` whether it is more than tolerable; `longestGap` is in seconds."""
    figure = max(before.figure, after.figure)
    return {
        "before": _parts(before),
        "after": _parts(after),
        "figure": figure,
        "exceeds": figure > TOLERABLE,
        "longestGap": max(before.worst, after.worst),
    }


def _parts(noise: Noise) -> dict[str, float]:
    return {name: value for name, value in asdict(noise).items() if name != "worst"}


def _quantity(one: Verdict) -> dict[str, object]:
    return {
        "name": one.name,
        "predicted": one.predicted,
        "measured": one.measured.mean,
        "margin": _known(one.measured.margin),
        "deviation": one.deviation,
        "agrees": one.agrees,
        "decided": one.is_decided,
    }


def _series(one: Series, predicted: Callable[[float], float] | None) -> dict[str, object]:
    document: dict[str, object] = {"unit": one.unit, "times": list(one.times), "values": list(one.values)}
    return document | {"predicted": [predicted(at) for at in one.times]} if predicted else document


def _distribution(one: Distribution, predicted: Distribution | None) -> dict[str, object]:
    document: dict[str, object] = {"unit": one.unit, "counts": _counts(one)}
    return document | {"predicted": _counts(predicted)} if predicted else document


def _counts(one: Distribution) -> list[list[float | None]]:
    return [[_known(bound), count] for bound, count in one.counts]


def _known(number: float) -> float | None:
    return number if math.isfinite(number) else None

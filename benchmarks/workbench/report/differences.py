"""What is not as it was: differences between two runs on the same host that are larger than they can be by chance.

Of an experiment that is a quantity whose means are farther apart than both 95 % confidence intervals together allow (as
errors add, by squares). Of a comparison with peers it is what firkin takes as a part of what the peer takes, round by
round, since both felt the same host in the same round.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from firkin.workbench.report.result import Comparison, Experiment, Facts, Quantity, Result, Sample
from firkin.workbench.statistics import Estimate, estimate

__all__ = ["Changes", "Difference", "compare", "other_host"]

WORSE, BETTER, GONE, PREDICTION = "worse", "better", "gone", "other prediction"
_OURS = "firkin"
_ALIKE = 0.05  # memory that the kernel keeps for itself differs from boot to boot


@dataclass(frozen=True)
class Difference:
    """One: `kind` is worse or better (farther from what is predicted, or slower), gone, or another prediction.

    `before` and `now` are None where there is nothing; `margin` is by how much they may differ by chance.
    """

    where: str
    name: str
    kind: str
    before: float | None
    now: float | None
    margin: float = 0.0
    unit: str = ""

    @property
    def is_bad(self) -> bool:
        """Whether somebody should look at it."""
        return self.kind != BETTER


@dataclass(frozen=True)
class Changes:
    """All differences, and how many quantities there are in both runs."""

    differences: tuple[Difference, ...]
    compared: int


def other_host(old: Facts, new: Facts) -> str:
    """Why these are not of the same host; empty if they may be."""
    if old.processors != new.processors:
        return f"{old.processors} processors before, {new.processors} now"
    if abs(old.memory - new.memory) > _ALIKE * max(old.memory, new.memory):
        return f"{old.memory / 2**30:.2f} GiB of memory before, {new.memory / 2**30:.2f} GiB now"
    if old.model and new.model and old.model != new.model:
        return f"{old.model} before, {new.model} now"
    return ""


def compare(old: Result, new: Result) -> Changes:
    """Compare what both have; what only the new one has is left out."""
    found: list[Difference] = []
    counted = 0
    experiments = {one.name: one for one in new.experiments}
    for experiment in old.experiments:
        counted += len(experiment.quantities)
        found.extend(_of_experiment(experiment, experiments.get(experiment.name)))
    comparisons = {one.name: one for one in new.comparisons}
    for comparison in old.comparisons:
        ratios = _ratios(comparison)
        counted += len(ratios)
        found.extend(_of_comparison(comparison.name, ratios, comparisons.get(comparison.name)))
    return Changes(tuple(found), counted)


def _of_experiment(old: Experiment, new: Experiment | None) -> Iterator[Difference]:
    found = {one.name: one for one in new.quantities} if new else {}
    for before in old.quantities:
        now = found.get(before.name)
        if now is None:
            yield Difference(old.name, before.name, GONE, before.measured, None, unit=old.unit)
        elif not math.isclose(before.predicted, now.predicted, rel_tol=1e-9, abs_tol=1e-12):
            yield Difference(old.name, before.name, PREDICTION, before.predicted, now.predicted, unit=old.unit)
        elif (margin := _beyond(before, now)) is not None:
            farther = abs(now.measured - now.predicted) > abs(before.measured - before.predicted)
            kind = WORSE if farther else BETTER
            yield Difference(old.name, before.name, kind, before.measured, now.measured, margin, old.unit)


def _beyond(before: Quantity, now: Quantity) -> float | None:
    # What of a single repetition is not known is nothing that could be exceeded.
    if before.margin is None or now.margin is None:
        return None
    margin = math.hypot(before.margin, now.margin)
    apart = abs(now.measured - before.measured)
    return margin if apart > margin + 1e-9 * max(abs(now.measured), abs(before.measured)) else None


def _of_comparison(where: str, old: Mapping[str, Estimate], new: Comparison | None) -> Iterator[Difference]:
    found = _ratios(new) if new else {}
    for name, before in old.items():
        now = found.get(name)
        if now is None:
            yield Difference(where, name, GONE, math.exp(before.mean), None, unit="x")
            continue
        margin = math.hypot(before.margin, now.margin)
        if abs(now.mean - before.mean) > margin:
            kind = WORSE if now.mean > before.mean else BETTER
            values = math.exp(before.mean), math.exp(now.mean)
            yield Difference(where, name, kind, *values, values[0] * (math.exp(margin) - 1), unit="x")


def _ratios(comparison: Comparison) -> dict[str, Estimate]:
    # Logarithms of ratios; more is worse.
    found = {}
    for ours in comparison.samples:
        if not ours.contender.startswith(_OURS):
            continue
        for peer in comparison.samples:
            if peer.step == ours.step and not peer.contender.startswith(_OURS):
                found[f"{ours.step}, {ours.contender} to {peer.contender}"] = estimate(_logarithms(ours, peer))
    return found


def _logarithms(ours: Sample, peer: Sample) -> list[float]:
    sign = 1 if ours.less_is_better else -1
    pairs = zip(ours.values, peer.values, strict=False)
    return [sign * math.log(mine / theirs) for mine, theirs in pairs if mine > 0 and theirs > 0] or [0.0]

"""Outcomes for people: the text of `firkin bench models`."""

from __future__ import annotations

from firkin.runtime.cli.table import table
from firkin.workbench.experiment import Outcome, Verdict
from firkin.workbench.noise import TOLERABLE, Noise

__all__ = ["as_text", "noise_text"]


def as_text(outcome: Outcome) -> str:
    """The outcome for people."""
    experiment = outcome.experiment
    if outcome.skipped:
        return f"-    {experiment.name}: not run: it {outcome.skipped}\n\n"
    rows = [
        (
            f"  {one.name}",
            f"{one.predicted:.3f}",
            f"{one.measured.mean:.3f} ± {one.measured.margin:.3f}",
            f"{one.deviation:.1%}",
            _remark(one, experiment.tolerance),
        )
        for one in outcome.verdicts
    ]
    verdict = "FAIL" if outcome.differs else "ok  " if outcome.agrees else "?   "
    heading = f"{verdict} {experiment.name}: {experiment.question}\n"
    return heading + table((f"  {experiment.unit}", "predicted", "measured", "off by", ""), rows) + "\n"


def _remark(one: Verdict, tolerance: float) -> str:
    if one.agrees:
        return ""
    return f"more than {tolerance:.0%}" if one.is_decided else f"more than {tolerance:.0%}, but measured too roughly"


def noise_text(noise: Noise) -> str:
    """What a control run found, if it is worth a word."""
    if noise.figure <= TOLERABLE:
        return ""
    return (
        f"!    noise: {noise.figure:.0%} of a processor was missing in a control run (others used {noise.others:.0%}, "
        f"the hypervisor {noise.steal:.0%}; the longest gap was {noise.worst * 1000:.1f} ms)\n\n"
    )

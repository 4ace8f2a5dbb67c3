"""Outcomes for people: the text of `firkin bench models`."""

from __future__ import annotations

from firkin.runtime.cli.table import table
from firkin.workbench.experiment import Outcome, Verdict

__all__ = ["as_text"]


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

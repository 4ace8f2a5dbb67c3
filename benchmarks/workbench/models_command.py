"""`firkin bench models`: the experiments, run one after the other, predictions first."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence

from firkin.cgroupfs.hierarchy import known_hierarchy
from firkin.errors import UsageError
from firkin.runtime.cli.table import table
from firkin.workbench.experiment import Experiment, Host, Outcome, Verdict, run_experiment
from firkin.workbench.experiments import EXPERIMENTS

__all__ = ["models"]


def models(names: Sequence[str], *, quick: bool, as_json: bool) -> int:
    """Run the named experiments, or all; 0 if no prediction failed, else 1.

    Raises UsageError for unknown names and a machine without the controllers, CgroupError.
    """
    if unknown := [name for name in names if name not in EXPERIMENTS]:
        raise UsageError(f"bench models: unknown experiment '{unknown[0]}'", hint=f"one of {', '.join(EXPERIMENTS)}")
    chosen = [EXPERIMENTS[name] for name in names or EXPERIMENTS]
    _check_controllers(chosen)
    outcomes = []
    for experiment in chosen:
        outcomes.append(_run(experiment, _host(quick=quick), quiet=as_json))
        if not as_json:
            sys.stdout.write(as_text(outcomes[-1]))
            sys.stdout.flush()
    if as_json:
        json.dump({"host": _facts(), "experiments": list(map(as_document, outcomes))}, sys.stdout, indent=2)
        sys.stdout.write("\n")
    return 1 if any(outcome.differs for outcome in outcomes) else 0


def _host(*, quick: bool) -> Host:
    processors = len(os.sched_getaffinity(0))
    return Host(processors, os.sysconf("SC_PAGESIZE"), *((1.0, 3) if quick else (3.0, 5)))


def _facts() -> dict[str, object]:
    return {"kernel": os.uname().release, "processors": len(os.sched_getaffinity(0))}


def _check_controllers(chosen: Sequence[Experiment]) -> None:
    hierarchy = known_hierarchy()
    missing = hierarchy.missing()
    for experiment in chosen:
        for name in experiment.controllers:
            if name not in hierarchy.controllers:
                why = missing.get(name, "not available")
                hint = "name experiments that need no more than this machine has, or use one with cgroup v2 alone"
                raise UsageError(f"bench models: {experiment.name} needs the controller {name}: it is {why}", hint=hint)


def _run(experiment: Experiment, host: Host, *, quiet: bool) -> Outcome:
    def show(done: int) -> None:
        if sys.stderr.isatty() and not quiet:
            sys.stderr.write(f"\r\x1b[K{experiment.name}: {done + 1} of {host.repetitions}")
            sys.stderr.flush()

    try:
        return run_experiment(experiment, host, show)
    finally:
        if sys.stderr.isatty() and not quiet:
            sys.stderr.write("\r\x1b[K")


def as_text(outcome: Outcome) -> str:
    """The outcome for people."""
    experiment = outcome.experiment
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


def as_document(outcome: Outcome) -> dict[str, object]:
    """The outcome for programs."""
    experiment = outcome.experiment
    return {
        "name": experiment.name,
        "question": experiment.question,
        "source": experiment.source,
        "unit": experiment.unit,
        "tolerance": experiment.tolerance,
        "agrees": outcome.agrees,
        "quantities": [
            {
                "name": one.name,
                "predicted": one.predicted,
                "measured": one.measured.mean,
                "margin": one.measured.margin,
                "deviation": one.deviation,
                "agrees": one.agrees,
                "decided": one.is_decided,
            }
            for one in outcome.verdicts
        ],
    }

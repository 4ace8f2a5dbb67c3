"""`firkin bench models`: the experiments, run one after the other, predictions first."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence

from firkin.cgroupfs.hierarchy import known_hierarchy
from firkin.errors import UsageError
from firkin.workbench.experiment import Experiment, Host, Outcome, run_experiment
from firkin.workbench.experiments import EXPERIMENTS
from firkin.workbench.host_facts import host_facts
from firkin.workbench.outcome_document import as_document
from firkin.workbench.outcome_text import as_text

__all__ = ["models"]


def models(names: Sequence[str], *, quick: bool, as_json: bool, page: str = "") -> int:
    """Run the named experiments, or all; 0 if no prediction failed, else 1. `page` is where a page of it goes, if any.

    What this host can not run is left out with its reason, unless it is named. Raises UsageError for unknown names and
    for named experiments that can not be run here, CgroupError.
    """
    if unknown := [name for name in names if name not in EXPERIMENTS]:
        raise UsageError(f"bench models: unknown experiment '{unknown[0]}'", hint=f"one of {', '.join(EXPERIMENTS)}")
    host = _host(quick=quick)
    chosen = [EXPERIMENTS[name] for name in names or EXPERIMENTS]
    reasons = {experiment.name: _why_not(experiment, host) for experiment in chosen}
    for name in names:
        if reasons[name]:
            hint = "name experiments that need no more than this machine has, or use one with cgroup v2 alone"
            raise UsageError(f"bench models: {name} {reasons[name]}", hint=hint)
    facts = host_facts()
    outcomes = []
    for experiment in chosen:
        why = reasons[experiment.name]
        outcomes.append(Outcome(experiment, skipped=why) if why else _run(experiment, host, quiet=as_json))
        if not as_json:
            sys.stdout.write(as_text(outcomes[-1]))
            sys.stdout.flush()
    document: dict[str, object] = {"host": facts, "experiments": list(map(as_document, outcomes))}
    if page:
        from firkin.workbench.report.command import write_result

        write_result(document, page)
    if as_json:
        json.dump(document, sys.stdout, indent=2)
        sys.stdout.write("\n")
    return 1 if any(outcome.differs for outcome in outcomes) else 0


def _host(*, quick: bool) -> Host:
    processors = len(os.sched_getaffinity(0))
    return Host(processors, os.sysconf("SC_PAGESIZE"), *((1.0, 3) if quick else (3.0, 5)))


def _why_not(experiment: Experiment, host: Host) -> str:
    hierarchy = known_hierarchy()
    for name in experiment.controllers:
        if name not in hierarchy.controllers:
            return f"needs the controller {name}: it is {hierarchy.missing().get(name, 'not available')}"
    return experiment.lacking(host)


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

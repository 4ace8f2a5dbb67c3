"""`firkin bench models`: the experiments, run one after the other, predictions first."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import replace

from firkin.cgroupfs.hierarchy import known_hierarchy
from firkin.errors import UsageError
from firkin.workbench.experiment import Experiment, Host, Outcome, UnmeasurableError, run_experiment
from firkin.workbench.experiments import EXPERIMENTS
from firkin.workbench.host_facts import host_facts
from firkin.workbench.noise import Control
from firkin.workbench.outcome_document import as_document, noise_document
from firkin.workbench.outcome_text import as_text, noise_text
from firkin.workbench.place import swept
from firkin.workbench.scratch_disk import check_named
from firkin.workbench.signals import unwinding

__all__ = ["models"]

# Seconds, repetitions, and seconds that an experiment may take in all.
_QUICK, _THOROUGH = (0.6, 3, 3.5), (3.0, 5, math.inf)


def models(names: Sequence[str], *, quick: bool, as_json: bool, page: str = "", device: str = "") -> int:
    """Run the named experiments, or all; 0 if no prediction failed, else 1. `page` is where a page of it goes, if any,
    and `device` the path of a block device that may be overwritten.

    What this host can not run is left out with its reason, unless it is named. Raises UsageError for unknown names and
    for named experiments that can not be run here, CgroupError.
    """
    if unknown := [name for name in names if name not in EXPERIMENTS]:
        raise UsageError(f"bench models: unknown experiment '{unknown[0]}'", hint=f"one of {', '.join(EXPERIMENTS)}")
    if device:
        check_named(device)
    host = replace(_host(quick=quick), device=device)
    chosen = [EXPERIMENTS[name] for name in names or EXPERIMENTS]
    reasons = {experiment.name: _why_not(experiment, host) for experiment in chosen}
    for name in names:
        if reasons[name]:
            raise _refusal(name, reasons[name])
    with unwinding(), swept():
        facts, control = host_facts(), Control(host.processors)
        before = control.noise
        _tell(noise_text(before), as_json=as_json)
        outcomes = [_outcome(one, reasons[one.name], host, control, bool(names), as_json) for one in chosen]
        control.again()
    _tell(noise_text(control.noise), as_json=as_json)
    facts["noise"] = noise_document(before, control.noise)
    document: dict[str, object] = {"host": facts, "experiments": list(map(as_document, outcomes))}
    if page:
        from firkin.workbench.report.command import write_result

        write_result(document, page)
    if as_json:
        json.dump(document, sys.stdout, indent=2)
        sys.stdout.write("\n")
    return 1 if any(outcome.differs for outcome in outcomes) else 0


def _refusal(name: str, why: str) -> UsageError:
    hint = "in a source tree `python -m tests.vm -- firkin bench models` runs them in a guest with cgroup v2 alone"
    return UsageError(f"bench models: {name} {why}", hint=hint)


def _outcome(experiment: Experiment, why: str, host: Host, control: Control, is_named: bool, as_json: bool) -> Outcome:
    try:
        outcome = Outcome(experiment, skipped=why) if why else _run(experiment, host, control, quiet=as_json)
    except UnmeasurableError as error:
        if is_named:
            raise _refusal(experiment.name, str(error)) from error
        outcome = Outcome(experiment, skipped=str(error))
    _tell(as_text(outcome), as_json=as_json)
    return outcome


def _tell(text: str, *, as_json: bool) -> None:
    if not as_json:
        sys.stdout.write(text)
        sys.stdout.flush()


def _host(*, quick: bool) -> Host:
    seconds, repetitions, budget = _QUICK if quick else _THOROUGH
    processors = len(os.sched_getaffinity(0))
    return Host(processors, os.sysconf("SC_PAGESIZE"), seconds, repetitions, budget=budget)


def _why_not(experiment: Experiment, host: Host) -> str:
    hierarchy = known_hierarchy()
    for name in experiment.controllers:
        if name not in hierarchy.controllers:
            return f"needs the controller {name}: it is {hierarchy.missing().get(name, 'not available')}"
    return experiment.lacking(host)


def _run(experiment: Experiment, host: Host, control: Control, *, quiet: bool) -> Outcome:
    def show(done: int) -> None:
        if sys.stderr.isatty() and not quiet:
            sys.stderr.write(f"\r\x1b[K{experiment.name}: {done + 1} of {host.repetitions}")
            sys.stderr.flush()

    try:
        return run_experiment(experiment, host, show, control.again)
    finally:
        if sys.stderr.isatty() and not quiet:
            sys.stderr.write("\r\x1b[K")

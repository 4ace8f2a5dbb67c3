"""Shares over time: what a group gets that comes late."""

from __future__ import annotations

from firkin.workbench.experiment import Experiment, Host
from firkin.workbench.experiments.weights import shares_of
from firkin.workbench.measurement import Expectation, Measurement
from firkin.workbench.stage import Stage

__all__ = ["EXPERIMENTS"]

_STEP = 0.05
_SETTLE = 0.3  # seconds until the balance between processors is found


def _alone(host: Host) -> float:
    return host.seconds / 2


def _late(host: Host, stage: Stage) -> Measurement:
    first, second = stage.group("first"), stage.group("second")
    stage.load(first, "spin", host.processors)
    watch = stage.over_time(["first", "second"], _STEP)
    watch.go_on(_alone(host))
    stage.load(second, "spin", host.processors)
    came = watch.now
    watch.go_on(_SETTLE + host.seconds)
    return Measurement(shares_of(watch.used(came + _SETTLE)), watch.shares())


LATECOMER = Experiment(
    "latecomer",
    "Does who comes late get his part at once, and no more for having waited?",
    "Documentation/admin-guide/cgroup-v2.rst, CPU; place_entity, kernel/sched/fair.c",
    ("cpu",),
    "share of what is used",
    0.02,
    lambda host: {"first": 0.5, "second": 0.5},
    _late,
    lambda host: 1.0,
    expect=lambda host: Expectation(
        series={
            "first": lambda at: 1.0 if at < _alone(host) else 0.5,
            "second": lambda at: 0.0 if at < _alone(host) else 0.5,
        }
    ),
)

EXPERIMENTS = (LATECOMER,)

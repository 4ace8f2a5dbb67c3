"""cpu.max: what a quota leaves, and how often it throttles."""

from __future__ import annotations

from collections.abc import Mapping

from firkin.cgroupfs.models.bandwidth import Quota, steady
from firkin.workbench.experiment import Experiment, Host
from firkin.workbench.measurement import Measurement
from firkin.workbench.stage import Stage

__all__ = ["EXPERIMENTS"]

_SOURCE = "Documentation/scheduler/sched-bwc.rst"
_LIMIT = Quota(quota=0.05, period=0.1)


def _predict(host: Host) -> Mapping[str, float]:
    found = steady(_LIMIT, 1, host.processors)
    return {"processors": found.usage, "periods throttled": found.periods, "throttled": found.throttled}


def _measure(host: Host, stage: Stage) -> Measurement:
    group = stage.group("limited", cpu_max="50000 100000")
    stage.load(group, "spin", 1)
    stage.settle(0.3)
    before = group.cpu.stat
    used = stage.usage(["limited"], host.seconds)["limited"]
    after = group.cpu.stat
    periods = after["nr_periods"] - before["nr_periods"]
    lost = (after["throttled_usec"] - before["throttled_usec"]) / 1e6 / (periods * _LIMIT.period)
    throttled = (after["nr_throttled"] - before["nr_throttled"]) / periods
    return Measurement({"processors": used, "periods throttled": throttled, "throttled": lost})


QUOTA = Experiment(
    "quota",
    "Does half a processor of quota leave half a processor, throttled in each period?",
    _SOURCE,
    ("cpu",),
    "",
    0.05,
    _predict,
    _measure,
    lambda host: 1.0,
)


def _measure_above(host: Host, stage: Stage) -> Measurement:
    stage.group("above", cpu_max="50000 100000")
    for name in ("a", "b"):
        stage.load(stage.group(f"above/{name}", cpu_max="40000 100000"), "spin", 1)
    stage.settle(0.3)
    # Who of them gets how much is a matter of who asks first.
    return Measurement(stage.usage(["above"], host.seconds))


QUOTA_ABOVE = Experiment(
    "quota-above",
    "Does the limit of a parent hold for all below it together?",
    _SOURCE,
    ("cpu",),
    "processors",
    0.03,
    lambda host: {"above": 0.5},
    _measure_above,
    lambda host: 1.0,
)

EXPERIMENTS = (QUOTA, QUOTA_ABOVE)

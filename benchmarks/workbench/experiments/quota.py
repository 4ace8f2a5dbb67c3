"""cpu.max: what a quota leaves, and how often it throttles."""

from __future__ import annotations

from collections.abc import Mapping

from firkin.cgroupfs.models.bandwidth import Quota, steady
from firkin.workbench.experiment import Experiment, Host
from firkin.workbench.measurement import Measurement
from firkin.workbench.stage import Stage

__all__ = ["EXPERIMENTS", "in_file"]

_SOURCE = "Documentation/scheduler/sched-bwc.rst"


def in_file(limit: Quota) -> str:
    """The quota as cpu.max has it."""
    return f"{round(limit.quota * 1e6)} {round(limit.period * 1e6)}"


def of_quota(name: str, question: str, limit: Quota, threads: int = 1) -> Experiment:
    """An experiment on threads that never sleep under a quota."""
    return Experiment(
        name,
        question,
        _SOURCE,
        ("cpu",),
        "",
        0.05,
        lambda host: _predict(limit, threads, host),
        lambda host, stage: _measure(limit, threads, host, stage),
        lambda host: 1.0,
        lacking=lambda host: "" if host.processors >= threads else f"needs {threads} processors",
        roughness=lambda noise: noise.figure if threads == 1 else noise.sharing,
    )


def _predict(limit: Quota, threads: int, host: Host) -> Mapping[str, float]:
    found = steady(limit, threads, host.processors)
    return {"processors": found.usage, "periods throttled": found.periods, "throttled": found.throttled}


def _measure(limit: Quota, threads: int, host: Host, stage: Stage) -> Measurement:
    group = stage.group("limited", cpu_max=in_file(limit))
    stage.load(group, "spin", threads)
    stage.settle(0.3)
    before = group.cpu.stat
    used = stage.usage(["limited"], host.seconds)["limited"]
    after = group.cpu.stat
    periods = after["nr_periods"] - before["nr_periods"]
    # The time of all processors on which it stood still is added up.
    lost = (after["throttled_usec"] - before["throttled_usec"]) / 1e6 / (periods * limit.period) / threads
    throttled = (after["nr_throttled"] - before["nr_throttled"]) / periods
    return Measurement({"processors": used, "periods throttled": throttled, "throttled": lost})


QUOTA = of_quota(
    "quota", "Does half a processor of quota leave half a processor, throttled in each period?", Quota(0.05, 0.1)
)
SHORT = of_quota("quota-short", "Is it the same with periods of 20 ms, a few ticks long?", Quota(0.01, 0.02))
SMALL = of_quota("quota-small", "Is a tenth of a processor a tenth, though ticks are long for it?", Quota(0.01, 0.1))
THREADS = of_quota(
    "quota-threads", "Do two threads use a quota up in half the time, and wait for longer?", Quota(0.05, 0.1), threads=2
)


def _measure_above(host: Host, stage: Stage) -> Measurement:
    stage.group("above", cpu_max="50000 100000")
    for name in ("a", "b"):
        stage.load(stage.group(f"above/{name}", cpu_max="40000 100000"), "spin", 1)
    stage.settle(0.3)
    # Who of them gets how much is a matter of who asks first.
    return Measurement(stage.usage(["above"], host.seconds))


ABOVE = Experiment(
    "quota-above",
    "Does the limit of a parent hold for all below it together?",
    _SOURCE,
    ("cpu",),
    "processors",
    0.03,
    lambda host: {"above": 0.5},
    _measure_above,
    lambda host: 1.0,
    roughness=lambda noise: noise.figure,
)

EXPERIMENTS = (QUOTA, SHORT, SMALL, THREADS, ABOVE)

"""How soon who wakes up is served beside those who never sleep."""

from __future__ import annotations

from firkin.workbench.experiment import Experiment, Host
from firkin.workbench.measurement import Distribution, Measurement
from firkin.workbench.stage import Stage
from firkin.workbench.trace import Trace, poisson

__all__ = ["EXPERIMENTS"]

_MILLISECOND = 1e6  # nanoseconds
_SOON = 24.0  # milliseconds: the work at half speed, and some slices and ticks of those who run


def _arrivals(host: Host) -> Trace:
    # Much less than half of a processor, which is the least that it is due.
    return poisson(rate=40, work=0.002, seconds=max(1.0, host.seconds), seed=5)


def _part(found: Distribution, bound: float) -> float:
    return sum(count for upper, count in found.counts if upper <= bound) / found.total


def _measure(host: Host, stage: Stage) -> Measurement:
    trace = _arrivals(host)
    stage.load(stage.group("busy"), "spin", 2 * host.processors)
    stage.settle(0.2)
    load = stage.load(stage.group("waking"), "request", len(trace), given=trace.text)
    load.told("serving")
    load.told("served")
    found = load.counted("ms", _MILLISECOND)
    return Measurement({"soon": _part(found, _SOON)}, distributions={"latency": found})


WAKING = Experiment(
    "waking",
    f"Is who sleeps most of the time served within {_SOON:.0f} ms beside one as heavy that never does?",
    "Documentation/scheduler/sched-eevdf.rst, sched-design-CFS.rst: who was asleep is owed, and runs first",
    ("cpu",),
    "of the requests",
    0.05,
    lambda host: {"soon": 1},
    _measure,
    lambda host: 1.0,
    roughness=lambda noise: noise.sharing,
)

EXPERIMENTS = (WAKING,)

"""Requests under a quota: how long they take, and what a burst is worth (cpu.max, cpu.max.burst)."""

from __future__ import annotations

from collections.abc import Mapping

from firkin.cgroupfs import Cgroup
from firkin.cgroupfs.models.bandwidth import Quota
from firkin.workbench.experiment import Experiment, Host
from firkin.workbench.experiments.quota import in_file
from firkin.workbench.loads import Load
from firkin.workbench.measurement import Distribution, Expectation, Measurement
from firkin.workbench.noise import Noise
from firkin.workbench.stage import Stage
from firkin.workbench.trace import Trace, poisson, regular

__all__ = ["EXPERIMENTS"]

_SOURCE = "Documentation/scheduler/sched-bwc.rst; __refill_cfs_bandwidth_runtime, kernel/sched/fair.c"
_MILLISECOND = 1e6  # nanoseconds


def _start(stage: Stage, group: Cgroup, limit: Quota, trace: Trace) -> Load:
    # It begins two periods after it knows the phase, with a full quota.
    gap = (limit.period - limit.quota) / 2
    words = (len(trace), round(gap * 1e6), round(2 * limit.period * 1e6))
    return stage.load(group, "request-from-period", *words, given=trace.text)


def _rough(noise: Noise) -> float:
    return 1000 * noise.delay


def _quantiles(found: Distribution) -> dict[str, float]:
    return {"p50": found.quantile(0.5), "p90": found.quantile(0.9), "p99": found.quantile(0.99)}


_LIMIT = Quota(0.03, 0.1)


# They need two thirds of the quota on average, and come in bunches that need more.
_ARRIVALS = poisson(rate=50, work=0.005, seconds=1.5, seed=2)


def _predict_latency(host: Host) -> Mapping[str, float]:
    throttled = _ARRIVALS.served(_LIMIT).throttled
    return {**_quantiles(_ARRIVALS.latencies(_LIMIT)), "throttled a second": 1000 * throttled / _ARRIVALS.arrivals[-1]}


def _measure_latency(host: Host, stage: Stage) -> Measurement:
    group = stage.group("server", cpu_max=in_file(_LIMIT))
    load = _start(stage, group, _LIMIT, _ARRIVALS)
    load.told("serving")
    before = group.cpu.stat["throttled_usec"]
    load.told("served")
    throttled = (group.cpu.stat["throttled_usec"] - before) / 1000 / _ARRIVALS.arrivals[-1]
    found = load.counted("ms", _MILLISECOND)
    return Measurement({**_quantiles(found), "throttled a second": throttled}, distributions={"latency": found})


LATENCY = Experiment(
    "quota-latency",
    "How long do requests take, under a quota that is enough on average but not always?",
    _SOURCE,
    ("cpu",),
    "ms",
    0.1,
    _predict_latency,
    _measure_latency,
    lambda host: 1000 * _LIMIT.period,
    expect=lambda host: Expectation(distributions={"latency": _ARRIVALS.latencies(_LIMIT)}),
    roughness=_rough,
)

_PLAIN, _BURSTING = Quota(0.02, 0.1), Quota(0.02, 0.1, burst=0.02)
_NAMES = {"without burst": _PLAIN, "with burst": _BURSTING}
# More than a quota, less than that and a burst; three periods in between bring the burst back.
_SPIKES = regular(gap=0.3, work=0.035, count=5)


def _measure_burst(host: Host, stage: Stage) -> Measurement:
    plain = stage.group("without-burst", cpu_max=in_file(_PLAIN))
    bursting = stage.group("with-burst", cpu_max=in_file(_BURSTING), cpu_max_burst=str(round(_BURSTING.burst * 1e6)))
    loads = {"without burst": _start(stage, plain, _PLAIN, _SPIKES)}
    loads["with burst"] = _start(stage, bursting, _BURSTING, _SPIKES)
    for load in loads.values():
        load.told("serving")
    watch = stage.over_time(["without-burst", "with-burst"], 0.02)
    watch.go_on(_SPIKES.arrivals[-1])
    for load in loads.values():
        load.told("served")
    found = {name: load.counted("ms", _MILLISECOND) for name, load in loads.items()}
    return Measurement({name: one.quantile(0.5) for name, one in found.items()}, watch.processors(), found)


BURST = Experiment(
    "burst",
    "Does cpu.max.burst save a request the wait that is longer than its quota, after a rest?",
    _SOURCE,
    ("cpu",),
    "ms",
    0.1,
    lambda host: {name: _SPIKES.latencies(limit).quantile(0.5) for name, limit in _NAMES.items()},
    _measure_burst,
    lambda host: 1000 * _PLAIN.period,
    expect=lambda host: Expectation(distributions={n: _SPIKES.latencies(limit) for n, limit in _NAMES.items()}),
    roughness=_rough,
)

EXPERIMENTS = (LATENCY, BURST)

"""memory.high: who goes beyond it is slowed and not killed, and memory.pressure tells."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping

from firkin.cgroupfs import Cgroup
from firkin.cgroupfs.models.pressure import full, some
from firkin.cgroupfs.models.throttling import growth
from firkin.workbench.experiment import Experiment, Host
from firkin.workbench.measurement import Expectation, Measurement
from firkin.workbench.sampling import average, sampled, wait_until
from firkin.workbench.stage import Stage

__all__ = ["EXPERIMENTS"]

_MIB = 1 << 20
_HIGH = 64 * _MIB
_MAX = 32 * _MIB
_COARSE = 6  # CLOCK_MONOTONIC_COARSE, whose resolution is the tick of the timer


def _curve(host: Host, high: float = _HIGH) -> list[tuple[float, float]]:
    return list(growth(high, host.seconds, page=host.page, tick=time.clock_getres(_COARSE)))


def _predict_high(host: Host) -> Mapping[str, float]:
    curve = _curve(host)
    ends = [since for since, _ in curve[1:]] + [host.seconds]
    area = sum(usage * (min(end, host.seconds) - since) for (since, usage), end in zip(curve, ends, strict=True))
    beyond = (area / host.seconds - _HIGH) / _MIB
    return {"beyond high, on average": beyond, "killed at high": 0, "had at max": _MAX / _MIB, "killed at max": 1}


def _measure_high(host: Host, stage: Stage) -> Measurement:
    bounded = stage.group("max", memory_max=str(_MAX), memory_swap_max="0")
    stage.load(bounded, "hold", 2 * _MAX).process.wait()
    slowed = stage.group("high", memory_max=str(2 * _HIGH), memory_swap_max="0")
    stage.load(slowed, "hold", _HIGH).told("held")
    # What is charged beyond it comes in whole batches, so it is known where the curve begins.
    high = slowed.memory.high = slowed.memory.current
    first = _curve(host, high)[0][1]
    stage.load(slowed, "hold", 2 * _HIGH)
    wait_until(lambda: slowed.memory.current >= first)
    series = sampled("MiB", {"beyond high": lambda: (slowed.memory.current - high) / _MIB}, host.seconds)
    values = {
        "beyond high, on average": average(series["beyond high"]),
        "killed at high": slowed.memory.events["oom_kill"],
        "had at max": bounded.memory.peak / _MIB,
        "killed at max": bounded.memory.events["oom_kill"],
    }
    return Measurement(values, series)


def _expect_high(host: Host) -> Expectation:
    curve = _curve(host)
    return Expectation({"beyond high": lambda now: (_held(curve, now) - _HIGH) / _MIB})


def _held(curve: list[tuple[float, float]], now: float) -> float:
    return next((usage for since, usage in reversed(curve) if since <= now), curve[0][1])


HIGH = Experiment(
    "memory-high",
    "Without swap: is who allocates beyond memory.high slowed as the delay says, where memory.max kills?",
    "mm/memcontrol.c, calculate_high_delay; Documentation/admin-guide/cgroup-v2.rst, Memory",
    ("memory",),
    "MiB",
    0.05,
    _predict_high,
    _measure_high,
    expect=_expect_high,
)


def _stalls(group: Cgroup) -> tuple[int, int]:
    pressure = group.core.memory_pressure
    if pressure.some is None or pressure.full is None:
        return 0, 0
    return pressure.some.total, pressure.full.total


def _stalled(groups: Mapping[str, Cgroup], seconds: float) -> dict[str, tuple[float, float]]:
    # Not read in between: what is shorter than a tick is lost each time (collect_percpu_times).
    before, began = {name: _stalls(group) for name, group in groups.items()}, time.monotonic()
    time.sleep(seconds)
    after, ended = {name: _stalls(group) for name, group in groups.items()}, time.monotonic()
    span = (ended - began) * 1e6
    return {
        name: ((after[name][0] - before[name][0]) / span, (after[name][1] - before[name][1]) / span) for name in groups
    }


def _on_one(stage: Stage, group: Cgroup, *words: object) -> int:
    # One processor for both, and what waits for memory runs first when it need not wait.
    pid = stage.load(group, *words).process.pid
    os.sched_setaffinity(pid, {min(os.sched_getaffinity(0))})
    return pid


def _measure_pressure(host: Host, stage: Stage) -> Measurement:
    high = 32 * _MIB
    groups = {}
    for name in ("alone", "beside"):
        groups[name] = group = stage.group(name, memory_high=str(high), memory_swap_max="0")
        if name == "beside":
            os.setpriority(os.PRIO_PROCESS, _on_one(stage, group, "spin", 1), 19)
        _on_one(stage, group, "hold", 4 * high)
    for group in groups.values():
        wait_until(_is_beyond(group, high * 1.07))
    values = {}
    for name, (some_, full_) in _stalled(groups, host.seconds).items():
        values[f"{name}: some"], values[f"{name}: full"] = some_, full_
    return Measurement(values)


def _is_beyond(group: Cgroup, usage: float) -> Callable[[], bool]:
    # A tenth of a second or more is then waited at a time.
    return lambda: group.memory.current > usage


def _predict_pressure(host: Host) -> Mapping[str, float]:
    return {
        "alone: some": some(1, 0, 1),
        "alone: full": full(1, 0, 1),
        "beside: some": some(1, 1, 1),
        "beside: full": full(1, 1, 1),
    }


PRESSURE = Experiment(
    "memory-pressure",
    "Is one who is held back at memory.high some pressure, and full pressure unless another one works?",
    "kernel/sched/psi.c; Documentation/accounting/psi.rst",
    ("memory",),
    "part of the time",
    0.05,
    _predict_pressure,
    _measure_pressure,
    lambda host: 1.0,
    lacking=lambda host: "" if os.path.exists("/proc/pressure/memory") else "needs pressure stall information (psi=1)",
)

EXPERIMENTS = (HIGH, PRESSURE)

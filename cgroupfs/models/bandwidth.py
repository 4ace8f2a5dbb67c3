"""cpu.max: what a quota does in time: periods throttled, time lost, and how long requests take.

Documentation/scheduler/sched-bwc.rst, kernel/sched/fair.c. A group has `quota` of processor time in each `period`;
what it did not use of earlier periods it may keep up to `burst` (cpu.max.burst, since Linux 5.14). Its threads stand
still from when that is used up until the next period begins. All times are in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firkin.cgroupfs.models.tree import Floats

__all__ = ["Quota", "Service", "Throttling", "latencies", "serve", "steady"]


@dataclass(frozen=True)
class Quota:
    """cpu.max and cpu.max.burst."""

    quota: float
    period: float = 0.1
    burst: float = 0.0

    @property
    def processors(self) -> float:
        """The limit as a number of processors."""
        return self.quota / self.period


@dataclass(frozen=True)
class Throttling:
    """What cpu.stat shows in the long run: `usage` in processors, the share of periods that were throttled
    (nr_throttled by nr_periods), and `throttled` seconds of each thread's second (throttled_usec of a group with one
    thread)."""

    usage: float
    periods: float
    throttled: float


@dataclass(frozen=True)
class Service:
    """How requests were served: the `latencies` of each, and for how many seconds in all the group was `throttled`."""

    latencies: Floats
    throttled: float


def steady(limit: Quota, threads: int, processors: float) -> Throttling:
    """`threads` that never sleep, on a machine whose `processors` are otherwise idle.

    They use up the quota at the speed at which they run, and wait for the rest of the period. A burst is used up once
    and does not come back, as nothing is ever left over.
    """
    speed = min(threads, processors)
    if speed <= limit.processors:
        return Throttling(speed, 0.0, 0.0)
    return Throttling(limit.processors, 1.0, 1.0 - limit.quota / speed / limit.period)


def latencies(limit: Quota, arrivals: Floats, work: Floats) -> Floats:
    """How long each request takes; see `serve`."""
    return serve(limit, arrivals, work).latencies


def serve(limit: Quota, arrivals: Floats, work: Floats) -> Service:
    """Requests that one thread serves, in turn: `arrivals` are when they come, in order from 0, at which a period
    begins, and `work` how much processor time each needs.

    The thread has a processor whenever the group is not throttled. Quota is taken as exact: the kernel hands it out to
    processors in slices of 5 ms (sched_cfs_bandwidth_slice_us) and looks at each tick whether it is used up, so what is
    measured differs by as much.
    """
    taken = np.empty(len(arrivals))
    bucket = _Bucket(limit)
    now = 0.0
    for number, (arrival, needed) in enumerate(zip(arrivals, work, strict=True)):
        now = bucket.run(max(now, float(arrival)), float(needed))
        taken[number] = now - arrival
    return Service(taken, bucket.throttled)


class _Bucket:
    # What is left of the quota; `_next` is when it is filled up the next time.

    def __init__(self, limit: Quota) -> None:
        self._limit = limit
        self._left = limit.quota
        self._next = limit.period
        self.throttled = 0.0

    def run(self, now: float, work: float) -> float:
        """When work that begins now is done."""
        self._refill(now)
        while True:
            until_refill = self._next - now
            step = min(work, self._left, until_refill)
            now, work, self._left = now + step, work - step, self._left - step
            if work <= 1e-12:
                return now
            if self._left <= 1e-12 or now >= self._next - 1e-12:
                self.throttled += max(self._next - now, 0.0)
                now = self._next
                self._refill(now)

    def _refill(self, now: float) -> None:
        if now < self._next:
            return
        limit = self._limit
        periods = int((now - self._next) / limit.period + 1e-9) + 1
        self._left = min(self._left + periods * limit.quota, limit.quota + limit.burst)
        self._next += periods * limit.period

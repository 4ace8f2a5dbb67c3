"""Requests that are known beforehand: the same for the load that serves them and for the model that predicts it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from firkin.cgroupfs.models.bandwidth import Quota, Service, serve
from firkin.workbench.measurement import Distribution

__all__ = ["BOUNDS", "Trace", "poisson", "regular"]

BOUNDS = tuple(2 ** (step / 16) for step in range(-64, 16 * 13))
"""Bounds of latencies in milliseconds, as fine as those of the loads (csrc/load_histogram.h)."""


@dataclass(frozen=True)
class Trace:
    """Requests: when they arrive, in seconds from the start, and how many seconds of a processor each needs."""

    arrivals: Sequence[float]
    work: Sequence[float]

    def __len__(self) -> int:
        return len(self.arrivals)

    @property
    def text(self) -> str:
        """As the load reads it (csrc/load_request.c)."""
        return "".join(
            f"{round(at * 1e6)} {round(of * 1e6)}\n" for at, of in zip(self.arrivals, self.work, strict=True)
        )

    def served(self, limit: Quota) -> Service:
        """How it goes under a quota, if it starts with a period."""
        return serve(limit, np.array(self.arrivals), np.array(self.work))

    def latencies(self, limit: Quota) -> Distribution:
        """The predicted latencies in milliseconds."""
        return Distribution.of("ms", (1000 * float(one) for one in self.served(limit).latencies), BOUNDS)


def poisson(rate: float, work: float, seconds: float, seed: int) -> Trace:
    """Open-loop arrivals, `rate` a second on average, that do not wait for one another; all need the same `work`."""
    rng, at, arrivals = random.Random(seed), 0.0, []
    while (at := at + rng.expovariate(rate)) < seconds:
        arrivals.append(at)
    return Trace(arrivals, [work] * len(arrivals))


def regular(gap: float, work: float, count: int) -> Trace:
    """One request after each `gap`, the first at once."""
    return Trace([number * gap for number in range(count)], [work] * count)

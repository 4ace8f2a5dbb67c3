"""Quantities over time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from itertools import pairwise

from firkin.errors import CgroupTimeoutError
from firkin.workbench.measurement import Series

__all__ = ["average", "sampled", "wait_until"]


def sampled(
    unit: str,
    read: Mapping[str, Callable[[], float]],
    seconds: float,
    *,
    until: Callable[[], bool] = lambda: False,
    every: float = 0.01,
) -> dict[str, Series]:
    """Read some quantities `every` so many seconds, for `seconds` or until something is the case."""
    times: list[float] = []
    values: dict[str, list[float]] = {name: [] for name in read}
    began = time.monotonic()
    while True:
        times.append(time.monotonic() - began)
        for name, function in read.items():
            values[name].append(function())
        if times[-1] >= seconds or until():
            return {name: Series(unit, times, found) for name, found in values.items()}
        time.sleep(every)


def wait_until(happened: Callable[[], bool], *, seconds: float = 60.0) -> None:
    """Look often whether something has happened of which the kernel tells nobody. Raises CgroupTimeoutError."""
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            raise CgroupTimeoutError(f"a load did not come to its limit within {seconds:.0f} s", verb="wait", file="")
        time.sleep(0.002)


def average(series: Series) -> float:
    """The mean over time: each value counts for as long as it was the last one."""
    spans = [later - earlier for earlier, later in pairwise(series.times)]
    area = sum(span * value for span, value in zip(spans, series.values[:-1], strict=True))
    return area / sum(spans) if spans else series.values[-1]

"""Quantities over time, and their mean."""

from __future__ import annotations

import pytest

from firkin.errors import CgroupTimeoutError
from firkin.workbench.measurement import Series
from firkin.workbench.sampling import average, sampled, wait_until


def test_each_value_counts_until_the_next_is_read() -> None:
    assert average(Series("", [0, 1, 4], [2, 6, 100])) == pytest.approx((1 * 2 + 3 * 6) / 4)
    assert average(Series("", [0.5], [7])) == 7


def test_reading_ends_with_what_is_waited_for() -> None:
    counts = iter(range(10))
    series = sampled("MiB", {"a": lambda: next(counts), "b": lambda: 5}, 60, until=lambda: next(counts) >= 5, every=0)
    assert list(series["a"].values) == [0, 2, 4] and list(series["b"].values) == [5, 5, 5]
    assert series["a"].unit == "MiB" and list(series["a"].times) == sorted(series["a"].times)


def test_who_waits_for_what_does_not_come_is_told() -> None:
    wait_until(lambda: True, seconds=0)
    with pytest.raises(CgroupTimeoutError, match="did not come to its limit within 0 s"):
        wait_until(lambda: False, seconds=0)

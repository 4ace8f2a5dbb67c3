"""What a quota does in time, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firkin.cgroupfs.models.bandwidth import Quota, Throttling, latencies, serve, steady


def taken(limit: Quota, *requests: tuple[float, float]) -> list[float]:
    arrivals, work = zip(*requests, strict=True)
    return list(latencies(limit, np.array(arrivals), np.array(work)))


def test_threads_that_never_sleep() -> None:
    half = Quota(0.05)
    assert steady(half, 1, 4) == Throttling(0.5, 1.0, 0.5)
    # Two threads use it up in half the time, then both wait.
    assert steady(half, 2, 4) == Throttling(0.5, 1.0, 0.75)
    assert steady(half, 2, 1) == Throttling(0.5, 1.0, 0.5)
    assert steady(Quota(0.2), 1, 4) == Throttling(1, 0.0, 0.0)


def test_a_request_that_fits_is_not_slowed_and_one_that_does_not_waits_for_the_next_period() -> None:
    assert taken(Quota(0.02), (0, 0.02)) == pytest.approx([0.02])
    assert taken(Quota(0.02), (0, 0.03)) == pytest.approx([0.11])
    # 20 ms in each of the periods that begin at 0, 0.1 and 0.2.
    assert taken(Quota(0.02), (0, 0.05)) == pytest.approx([0.21])


def test_requests_wait_for_each_other() -> None:
    assert taken(Quota(0.02), (0, 0.015), (0, 0.015)) == pytest.approx([0.015, 0.11])
    assert taken(Quota(0.02), (0, 0.02), (0.05, 0.01)) == pytest.approx([0.02, 0.06])


def test_a_burst_is_what_earlier_periods_left() -> None:
    # Nothing is used until 0.3: one period's quota is kept, no more than the burst.
    assert taken(Quota(0.02, burst=0.01), (0.3, 0.03)) == pytest.approx([0.03])
    assert taken(Quota(0.02, burst=0.01), (0.3, 0.04)) == pytest.approx([0.11])
    assert taken(Quota(0.02), (0.3, 0.03)) == pytest.approx([0.11])


def test_throttled_is_the_time_from_the_end_of_the_quota_to_the_next_period() -> None:
    # 20 ms in the first period, 80 throttled; the same in the second; 10 ms in the third.
    assert serve(Quota(0.02), np.array([0.0]), np.array([0.05])).throttled == pytest.approx(0.16)
    assert serve(Quota(0.02), np.array([0.0, 0.1]), np.array([0.02, 0.02])).throttled == 0
    assert serve(Quota(0.02, burst=0.02), np.array([0.3]), np.array([0.05])).throttled == pytest.approx(0.06)


REQUESTS = st.lists(st.tuples(st.floats(0, 0.2), st.floats(1e-4, 0.2)), min_size=1, max_size=20)


@given(st.floats(0.005, 0.1), st.floats(0, 0.1), REQUESTS)
def test_nothing_is_faster_than_its_work_and_no_quota_is_exceeded(
    quota: float, burst: float, requests: list[tuple[float, float]]
) -> None:
    gaps, work = zip(*requests, strict=True)
    arrivals = np.cumsum(gaps)
    limit = Quota(quota, burst=min(burst, quota))
    took = latencies(limit, arrivals, np.array(work))
    ends = arrivals + took
    assert (took >= np.array(work) - 1e-9).all() and (np.diff(ends) >= 0).all()
    periods = int(ends[-1] / limit.period) + 1
    assert sum(work) <= periods * quota + limit.burst + 1e-6


@given(st.floats(0.005, 0.1), REQUESTS)
def test_a_burst_slows_nothing(quota: float, requests: list[tuple[float, float]]) -> None:
    gaps, work = zip(*requests, strict=True)
    arrivals = np.cumsum(gaps)
    with_burst = latencies(Quota(quota, burst=quota), arrivals, np.array(work))
    assert (with_burst <= latencies(Quota(quota), arrivals, np.array(work)) + 1e-9).all()

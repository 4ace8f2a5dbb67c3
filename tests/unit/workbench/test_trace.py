"""Requests that a model and a load see alike."""

from __future__ import annotations

import pytest

from firkin.cgroupfs.models.bandwidth import Quota
from firkin.workbench.trace import Trace, poisson, regular


def test_arrivals_are_known_beforehand() -> None:
    trace = poisson(rate=100, work=0.002, seconds=5, seed=1)
    assert trace == poisson(rate=100, work=0.002, seconds=5, seed=1) != poisson(rate=100, work=0.002, seconds=5, seed=2)
    assert len(trace) == pytest.approx(500, abs=100) and list(trace.arrivals) == sorted(trace.arrivals)
    assert trace.arrivals[-1] < 5 and set(trace.work) == {0.002}


def test_what_the_load_reads_is_in_microseconds() -> None:
    assert regular(gap=0.3, work=0.035, count=3).text == "0 35000\n300000 35000\n600000 35000\n"


def test_latencies_are_predicted_in_milliseconds() -> None:
    # 10 ms fit into a quota of 20; 30 wait for the next period.
    found = Trace([0, 0.2], [0.01, 0.03]).latencies(Quota(0.02))
    assert found.total == 2 and found.unit == "ms"
    assert found.quantile(0.5) == pytest.approx(10, rel=0.05) and found.quantile(1) == pytest.approx(110, rel=0.05)

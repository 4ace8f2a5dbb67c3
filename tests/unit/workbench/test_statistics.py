"""Estimates from few repetitions."""

from __future__ import annotations

import math

import pytest

from firkin.workbench.statistics import estimate


def test_estimates() -> None:
    assert estimate([2.0]).margin == math.inf
    found = estimate([1.0, 2.0, 3.0])
    # Student's t for two degrees of freedom is 4.303, the standard error 1 / sqrt(3).
    assert found.mean == 2 and found.margin == pytest.approx(4.303 / math.sqrt(3))
    assert estimate([5.0] * 30).margin == 0
    assert estimate([0.0, 1.0] * 20).margin == pytest.approx(1.96 * 0.50637 / math.sqrt(40), rel=1e-3)

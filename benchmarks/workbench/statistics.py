"""What a few repetitions say of a quantity: the mean, and how far it may be off."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Estimate", "estimate"]

# Student's t for a confidence of 95 % on both sides, by degrees of freedom from 1.
_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131)
_T_MANY = 1.96


@dataclass(frozen=True)
class Estimate:
    """The mean of what was measured; the truth is within `margin` of it with 95 % confidence."""

    mean: float
    margin: float


def estimate(values: Sequence[float]) -> Estimate:
    """The estimate from independent repetitions; a single one has no margin that could be known: inf."""
    mean = math.fsum(values) / len(values)
    if len(values) < 2:
        return Estimate(mean, math.inf)
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
    degrees = len(values) - 1
    factor = _T[degrees - 1] if degrees <= len(_T) else _T_MANY
    return Estimate(mean, factor * spread / math.sqrt(len(values)))

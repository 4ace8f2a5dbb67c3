"""What an experiment measures beside single numbers: a quantity over time, and how values are distributed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["Distribution", "Expectation", "Measurement", "Series"]


@dataclass(frozen=True)
class Series:
    """A quantity over time: `values` in `unit`, each as it was around the second of `times`, counted from the start."""

    unit: str
    times: Sequence[float]
    values: Sequence[float]


@dataclass(frozen=True)
class Distribution:
    """How often which values were met: `counts` are pairs of an upper bound in `unit`, ascending, and a count.

    A value is counted with the least bound that is not below it. A bound of inf is for what was larger than all others.
    """

    unit: str
    counts: Sequence[tuple[float, int]]

    @classmethod
    def of(cls, unit: str, values: Iterable[float], bounds: Sequence[float]) -> Distribution:
        """The distribution of some values, by `bounds` in ascending order; those without values are left out."""
        found: dict[float, int] = {}
        for value in values:
            bound = next((bound for bound in bounds if value <= bound), math.inf)
            found[bound] = found.get(bound, 0) + 1
        return cls(unit, sorted(found.items()))

    @property
    def total(self) -> int:
        """How many values there are."""
        return sum(count for _, count in self.counts)

    def quantile(self, part: float) -> float:
        """The bound that so large a part of the values (0 to 1) is not above; nan if there are none."""
        wanted, seen = part * self.total, 0
        for bound, count in self.counts:
            seen += count
            if seen >= wanted and seen:
                return bound
        return math.nan


@dataclass(frozen=True)
class Measurement:
    """What one repetition found: `values` are compared with what is predicted, the rest is for the eye."""

    values: Mapping[str, float]
    series: Mapping[str, Series] = field(default_factory=dict)
    distributions: Mapping[str, Distribution] = field(default_factory=dict)


@dataclass(frozen=True)
class Expectation:
    """What is predicted for the eye: series as functions of the time in seconds, and distributions."""

    series: Mapping[str, Callable[[float], float]] = field(default_factory=dict)
    distributions: Mapping[str, Distribution] = field(default_factory=dict)

"""Counters, gauges and histograms, and their form as text (Prometheus exposition format 0.0.4)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

__all__ = ["SECONDS", "Counter", "Gauge", "Histogram", "sample"]

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
"""Bounds for durations: from a call that looks something up to the pull of a large image."""


class Counter:
    """A sum for each combination of the values of `labels`."""

    kind = "counter"

    def __init__(self, name: str, help: str, labels: Sequence[str] = ()) -> None:
        self._name, self._help, self._labels = name, help, tuple(labels)
        # Without labels there is one sum, and it is shown from the beginning.
        self._sums: dict[tuple[str, ...], float] = {} if labels else {(): 0}

    def add(self, *values: str, amount: float = 1) -> None:
        """Add `amount`; `values` are those of the labels."""
        self._sums[values] = self._sums.get(values, 0) + amount

    def lines(self) -> Iterator[str]:
        """Its text."""
        yield from _head(self._name, self._help, self.kind)
        for values, total in sorted(self._sums.items()):
            yield sample(self._name, zip(self._labels, values, strict=True), total)


class Gauge(Counter):
    """The same for what goes down, too."""

    kind = "gauge"

    def set(self, *values: str, to: float) -> None:
        """Set the value; `values` are those of the labels."""
        self._sums[values] = to


class Histogram:
    """How many observations were at or below each of `bounds`, for each combination of the values of `labels`."""

    def __init__(self, name: str, help: str, labels: Sequence[str] = (), bounds: Sequence[float] = SECONDS) -> None:
        self._name, self._help, self._labels, self._bounds = name, help, tuple(labels), tuple(bounds)
        self._counts: dict[tuple[str, ...], list[int]] = {}
        self._sums: dict[tuple[str, ...], float] = {}

    def observe(self, amount: float, *values: str) -> None:
        """Count an observation; `values` are those of the labels."""
        counts = self._counts.get(values)
        if counts is None:
            counts = self._counts[values] = [0] * (len(self._bounds) + 1)
        counts[bisect_left(self._bounds, amount)] += 1
        self._sums[values] = self._sums.get(values, 0.0) + amount

    def lines(self) -> Iterator[str]:
        """Its text."""
        yield from _head(self._name, self._help, "histogram")
        for values, counts in sorted(self._counts.items()):
            labels = list(zip(self._labels, values, strict=True))
            below = 0
            for bound, count in zip((*map(_number, self._bounds), "+Inf"), counts, strict=True):
                below += count
                yield sample(f"{self._name}_bucket", (*labels, ("le", bound)), below)
            yield sample(f"{self._name}_sum", labels, self._sums[values])
            yield sample(f"{self._name}_count", labels, below)


def sample(name: str, labels: Iterator[tuple[str, str]] | Sequence[tuple[str, str]], value: float) -> str:
    """One line: a name, its labels, a value."""
    text = ",".join(f'{label}="{_escaped(one)}"' for label, one in labels)
    return f"{name}{{{text}}} {_number(value)}" if text else f"{name} {_number(value)}"


def _head(name: str, help: str, kind: str) -> Iterator[str]:
    yield f"# HELP {name} {help}"
    yield f"# TYPE {name} {kind}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)

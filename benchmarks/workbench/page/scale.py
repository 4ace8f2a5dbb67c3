"""Scales: where a value is between the ends of an axis, and which values are worth a mark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Linear", "Log", "Scale", "alike", "figure", "has_prefixes", "quantity"]

_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_BYTES = ("B", "bytes", "bytes/s", "B/s")
_TIMES = {"s": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6}
_PLAIN = 1e4  # below it numbers are written out


@dataclass(frozen=True)
class Linear:
    """From `least` to `most` evenly; `low` and `high` are where they are drawn."""

    least: float
    most: float
    low: float
    high: float

    def __call__(self, value: float) -> float:
        """Where the value is; what is beyond the ends is at them."""
        part = (value - self.least) / ((self.most - self.least) or 1.0)
        return self.low + (self.high - self.low) * min(max(part, 0.0), 1.0)

    def ticks(self, count: int = 5, unit: str = "") -> list[float]:
        """At most some more than so many round values, with a step of 1, 2 or 5; of bytes, of what they are told in."""
        if unit in _BYTES and self.most > 1024:
            size = float(1024 ** math.floor(math.log2(self.most) / 10))
            return [size * tick for tick in Linear(self.least / size, self.most / size, 0, 1).ticks(count)]
        span = (self.most - self.least) or 1.0
        rough = span / max(count - 1, 1)
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * part for part in (1, 2, 5, 10) if power * part >= rough * (1 - 1e-9))
        first, last = math.ceil(self.least / step - 1e-9), math.floor(self.most / step + 1e-9)
        return [number * step for number in range(first, last + 1)]


@dataclass(frozen=True)
class Log:
    """The same by factors; both ends are above 0."""

    least: float
    most: float
    low: float
    high: float

    def __call__(self, value: float) -> float:
        """Where the value is; what is beyond the ends is at them."""
        part = math.log(max(value, self.least) / self.least) / (math.log(self.most / self.least) or 1.0)
        return self.low + (self.high - self.low) * min(part, 1.0)

    def ticks(self, count: int = 6) -> list[float]:
        """Powers of ten, or if those are few, also their double and fivefold."""
        first, last = math.floor(math.log10(self.least)), math.ceil(math.log10(self.most))
        every = max(1, math.ceil((last - first + 1) / count))
        parts: Sequence[int] = (1, 2, 5) if last - first < 2 else (1,)
        found = [part * 10.0**power for power in range(first, last + 1, every) for part in parts]
        return [value for value in found if self.least * (1 - 1e-9) <= value <= self.most * (1 + 1e-9)]


Scale = Linear | Log


def figure(value: float) -> str:
    """A number in few characters, such as 0.125, 37.5, 12k or 3.2G."""
    for size, prefix in _PREFIXES:
        if abs(value) >= max(size, _PLAIN) * (1 - 1e-9):
            return f"{value / size:.4g}{prefix}"
    if value and abs(value) < 0.001:
        return f"{value:.2g}"
    return f"{value:.4g}" if abs(value) >= 1 else f"{round(value, 4):.3g}"


def alike(values: Sequence[float], unit: str = "") -> list[str]:
    """Numbers that are compared, all with as many decimals; bytes and times each with the unit that suits."""
    most = max((abs(value) for value in values), default=0.0)
    if has_prefixes(unit) or most >= _PLAIN or 0 < most < 1e-3:
        return [quantity(value, unit if has_prefixes(unit) else "") for value in values]
    decimals = 0 if all(value == round(value) for value in values) else max(0, 2 - math.floor(math.log10(most)))
    return [f"{value:.{decimals}f}" for value in values]


def has_prefixes(unit: str) -> bool:
    """Whether each number of a unit is written with a prefix of its own, such as KiB or ms, and needs no other unit."""
    return unit in _BYTES or unit in _TIMES


def quantity(value: float, unit: str) -> str:
    """A number and its unit; bytes by 1024, times in what suits them."""
    if unit in _TIMES:
        return _time(value * _TIMES[unit])
    if unit not in _BYTES:
        return f"{figure(value)} {unit}".rstrip()
    each = "/s" if unit.endswith("/s") else ""
    for size, prefix in ((1 << 40, "Ti"), (1 << 30, "Gi"), (1 << 20, "Mi"), (1 << 10, "Ki")):
        if abs(value) >= size:
            return f"{value / size:.3g} {prefix}B{each}"
    return f"{value:.3g} B{each}"


def _time(seconds: float) -> str:
    for size, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if abs(seconds) >= size * (1 - 1e-9):
            return f"{figure(float(f'{seconds / size:.3g}'))} {unit}"
    return f"{seconds * 1e9:.3g} ns" if seconds else "0"

"""The columns of the view: where their values come from, and how they are shown."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from firkin.cgroupfs.accounting.values import UNLIMITED

__all__ = ["COLUMNS", "QUANTITIES", "Column", "CpuMax", "Limit", "Now", "Rate", "Source", "Values", "printable"]

QUANTITIES = ("cpu.stat", "memory.current", "io.stat", "pids.current", "cpu.pressure", "memory.pressure", "io.pressure")
"""What is read at each interval."""


class Values(Protocol):
    """What a column can ask about one group."""

    def now(self, name: str) -> int | None:
        """A number of the last pass; None if the group has none."""

    def per_second(self, name: str) -> float | None:
        """How fast a counter grew between the last two passes."""

    def limit(self, name: str) -> int | None:
        """A number that is configured; may be `UNLIMITED`."""


@dataclass(frozen=True, slots=True)
class Now:
    """A number as it was read; `name` is that of a column of the matrix."""

    name: str

    def of(self, values: Values) -> float | None:
        """The value of one group, None if it has none."""
        return values.now(self.name)


@dataclass(frozen=True, slots=True)
class Rate:
    """How fast a counter grows per second, times `factor`, `most` at most."""

    name: str
    factor: float = 1
    most: float = math.inf

    def of(self, values: Values) -> float | None:
        """The value of one group, None if it has none."""
        found = values.per_second(self.name)
        return None if found is None else min(self.most, found * self.factor)


@dataclass(frozen=True, slots=True)
class Limit:
    """What is configured; may be `UNLIMITED`."""

    name: str

    def of(self, values: Values) -> float | None:
        """The value of one group, None if it has none."""
        return values.limit(self.name)


@dataclass(frozen=True, slots=True)
class CpuMax:
    """How many processors cpu.max permits; may be `UNLIMITED`."""

    def of(self, values: Values) -> float | None:
        """The value of one group, None if it has none."""
        quota, period = values.limit("cpu.max quota"), values.limit("cpu.max period")
        return quota if not quota or quota == UNLIMITED or not period else quota / period


Source: TypeAlias = Now | Rate | Limit | CpuMax


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `name` for options and JSON, `key` to sort by it, its title and width, and what it shows."""

    name: str
    key: str
    title: str
    width: int
    source: Source
    show: Callable[[float], str]

    def text(self, values: Values) -> str:
        """The cell, not wider than the column; empty if there is no value."""
        value = self.source.of(values)
        return "" if value is None else "max" if value == UNLIMITED else self.show(value)


def printable(text: str) -> str:
    """The text without what would drive a terminal: a cgroup's name can have any character but a slash."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _size(value: float) -> str:
    for unit in " KMGTP":
        if value < 1000 or unit == "P":
            return f"{value:.0f}" if unit == " " else f"{value:.1f}{unit}" if value < 100 else f"{value:.0f}{unit}"
        value /= 1024
    raise AssertionError(value)


def _percent(value: float) -> str:
    return f"{value:.1f}" if value < 1000 else f"{value:.0f}"


def _cores(value: float) -> str:
    return f"{value:.2f}"


def _count(value: float) -> str:
    return f"{value:.0f}"


# A counter in microseconds that grows by 10000 in a second is one percent.
_PERCENT = 1e-4


def _stalled(resource: str) -> Rate:
    # The kernel sums stalls up now and then, so that a reading can have a part of the interval before.
    return Rate(f"{resource}.pressure some total", _PERCENT, 100)


COLUMNS = (
    Column("cpu_percent", "c", "CPU%", 6, Rate("cpu.stat usage_usec", _PERCENT), _percent),
    Column("memory_bytes", "m", "MEM", 6, Now("memory.current"), _size),
    Column("read_bytes_per_second", "r", "READ/s", 6, Rate("io.stat rbytes"), _size),
    Column("write_bytes_per_second", "w", "WRIT/s", 6, Rate("io.stat wbytes"), _size),
    Column("pids", "p", "PIDS", 5, Now("pids.current"), _count),
    Column("cpu_pressure_percent", "s", "pCPU%", 5, _stalled("cpu"), _percent),
    Column("memory_pressure_percent", "e", "pMEM%", 5, _stalled("memory"), _percent),
    Column("io_pressure_percent", "i", "pIO%", 5, _stalled("io"), _percent),
    Column("cpu_max_cores", "x", "CPUMAX", 6, CpuMax(), _cores),
    Column("cpu_weight", "g", "CPUWT", 5, Limit("cpu.weight"), _count),
    Column("memory_max_bytes", "M", "MEMMAX", 6, Limit("memory.max"), _size),
    Column("pids_max", "P", "PIDMAX", 7, Limit("pids.max"), _count),
    Column("io_weight", "o", "IOWT", 5, Limit("io.weight default"), _count),
)
"""All columns after the name. Pressure is the share of the time in which some task waited."""

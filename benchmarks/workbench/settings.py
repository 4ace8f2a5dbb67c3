"""The keys of a tree file: the interface files that a prediction knows, and how each is written."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from firkin.cgroupfs.models.partition import ISOLATED, MEMBER, ROOT
from firkin.cgroupfs.units import parse_list, parse_size, parse_time

__all__ = ["DEMANDS", "MACHINE", "SETTINGS", "Key"]


class Key(NamedTuple):
    """A key of the file: the field it sets, and the function that reads its text or raises ValueError."""

    field: str
    read: Callable[[str], object]


def _between(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise ValueError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return read


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise ValueError(f"{text!r} is not a number of 0 or more")
    return value


def _or_max(read: Callable[[str], float]) -> Callable[[str], float]:
    return lambda text: math.inf if text == "max" else float(read(text))


def _cpu_max(text: str) -> float:
    """`50ms 100ms`, `50000 100000`, `max`, or a number of processors."""
    quota, *period = text.split()
    if quota == "max":
        return math.inf
    if not period:
        processors = _number(text)
        if processors < 0.01:
            raise ValueError(
                f"{text!r} is a number of processors here, and less than 0.01 (or QUOTA PERIOD, with both)"
            )
        return processors
    if len(period) > 1 or parse_time(quota) < 1000 or not 1000 <= parse_time(period[0]) <= 1_000_000:
        raise ValueError(f"{text!r} is not QUOTA PERIOD, a quota of 1ms or more and a period from 1ms to 1s")
    return parse_time(quota) / parse_time(period[0])


def _cpuset(text: str) -> frozenset[int]:
    found = frozenset(parse_list(text))
    if not found:
        raise ValueError("no processor is listed")
    return found


def _partition(text: str) -> str:
    if text not in (MEMBER, ROOT, ISOLATED):
        raise ValueError(f"{text!r} is not {MEMBER}, {ROOT} or {ISOLATED}")
    return text


def _flag(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError(f"{text!r} is not 0 or 1")
    return text == "1"


def _fraction(text: str) -> float:
    value = _number(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    if value > 1:
        raise ValueError(f"{text!r} is more than all of the device")
    return value


SETTINGS = {
    "cpu.weight": Key("cpu_weight", _between(1, 10000)),
    "cpu.idle": Key("cpu_idle", _flag),
    "cpu.max": Key("cpu_max", _cpu_max),
    "cpuset.cpus": Key("cpuset", _cpuset),
    "cpuset.cpus.partition": Key("partition", _partition),
    "memory.min": Key("memory_min", _or_max(parse_size)),
    "memory.low": Key("memory_low", _or_max(parse_size)),
    "memory.high": Key("memory_high", _or_max(parse_size)),
    "memory.max": Key("memory_max", _or_max(parse_size)),
    "pids.max": Key("pids_max", _or_max(_between(0, 1 << 22))),
    "io.weight": Key("io_weight", _between(1, 10000)),
}
"""What a group may be given, by interface file (Documentation/admin-guide/cgroup-v2.rst)."""

DEMANDS = {
    "cpu": Key("cpu", _number),
    "threads": Key("threads", _between(0, 1 << 22)),
    "memory": Key("memory", parse_size),
    "pids": Key("pids", _between(0, 1 << 22)),
    "io": Key("io", _fraction),
}
"""What a group may want."""

MACHINE = {
    "cpus": Key("cpus", _between(1, 8192)),
    "memory": Key("memory", parse_size),
    "pids": Key("pids", _between(1, 1 << 22)),
}
"""What the machine may have."""

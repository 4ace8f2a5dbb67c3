"""How much groups use of a block device, from io.stat."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from firkin.cgroupfs import Cgroup
from firkin.workbench.measurement import Series
from firkin.workbench.scratch_disk import Disk

__all__ = ["Use", "used"]

_SLICES = 10


@dataclass(frozen=True)
class Use:
    """Of one group, reads and writes together: `bytes` and `requests` a second, and the bytes over time in MiB/s."""

    bytes: float
    requests: float
    series: Series


def used(groups: Mapping[str, Cgroup], disk: Disk, seconds: float) -> dict[str, Use]:
    """What each of some groups uses of the disk over so many seconds from now."""
    began = time.monotonic()
    taken = [(began, {name: _counted(group, disk) for name, group in groups.items()})]
    for part in range(1, _SLICES + 1):
        time.sleep(max(0.0, began + seconds * part / _SLICES - time.monotonic()))
        taken.append((time.monotonic(), {name: _counted(group, disk) for name, group in groups.items()}))
    return {name: _use([(now, found[name]) for now, found in taken]) for name in groups}


def _counted(group: Cgroup, disk: Disk) -> tuple[int, int]:
    line = group.io.stat.get(disk.number, {})
    bytes_, requests = (sum(int(line.get(key, 0)) for key in keys) for keys in (("rbytes", "wbytes"), ("rios", "wios")))
    return bytes_, requests


def _use(taken: list[tuple[float, tuple[int, int]]]) -> Use:
    (began, first), (ended, last) = taken[0], taken[-1]
    rates = [(found[0] - former[0]) / (now - then) / (1 << 20) for (then, former), (now, found) in pairwise(taken)]
    series = Series("MiB/s", [now - began for now, _ in taken[1:]], rates)
    return Use((last[0] - first[0]) / (ended - began), (last[1] - first[1]) / (ended - began), series)

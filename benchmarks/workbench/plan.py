"""What a prediction is made for: a machine, and a tree of groups with their settings and what they want."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

__all__ = ["Demand", "Machine", "Plan", "PlannedGroup", "changed", "walk"]


@dataclass(frozen=True)
class Machine:
    """What there is: `memory` in bytes, `pids` is kernel.pid_max."""

    cpus: int = 1
    memory: float = math.inf
    pids: float = math.inf


@dataclass(frozen=True)
class Demand:
    """What the processes of a group would use if nothing held them back.

    `cpu` is processors, by at most `threads` threads; `memory` is bytes, `pids` processes and threads, `io` the share
    of the device's time.
    """

    cpu: float = math.inf
    threads: int = 0
    memory: float = 0.0
    pids: float = 0.0
    io: float = 0.0


@dataclass(frozen=True)
class PlannedGroup:
    """One group; the fields are cgroup's interface files, `cpu_max` in processors.

    `cpuset` is cpuset.cpus, empty where the parent's count, `partition` cpuset.cpus.partition.
    """

    name: str
    path: str
    demand: Demand = Demand()
    cpu_weight: int = 100
    cpu_idle: bool = False
    cpu_max: float = math.inf
    cpuset: frozenset[int] = frozenset()
    partition: str = "member"
    memory_min: float = 0.0
    memory_low: float = 0.0
    memory_high: float = math.inf
    memory_max: float = math.inf
    pids_max: float = math.inf
    io_weight: int = 100
    children: tuple[PlannedGroup, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The machine and its tree; the root has no settings of its own."""

    machine: Machine
    root: PlannedGroup


def walk(group: PlannedGroup) -> Iterator[PlannedGroup]:
    """The group and all below it, parents first."""
    yield group
    for child in group.children:
        yield from walk(child)


def changed(group: PlannedGroup, path: str, **settings: object) -> PlannedGroup:
    """The tree with settings of the group at `path` changed. Raises KeyError if there is none."""
    if group.path == path:
        return replace(group, **settings)  # type: ignore[arg-type]  # whoever calls has checked them
    for number, child in enumerate(group.children):
        if path == child.path or path.startswith(f"{child.path}/"):
            children = list(group.children)
            children[number] = changed(child, path, **settings)
            return replace(group, children=tuple(children))
    raise KeyError(path)

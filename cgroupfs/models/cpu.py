"""Processors: cpu.weight, cpu.idle, cpu.max, cpuset.cpus and threads, as a share of processors for each group.

Documentation/admin-guide/cgroup-v2.rst (CPU), kernel/sched/core.c, kernel/sched/fair.c. It is the ideal that the
scheduler keeps to where threads can be spread evenly: on many processors with few threads a group's share also depends
on who sits beside whom, as each processor shares itself out by the weight that the group has *there*.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from firkin.cgroupfs.models.tree import Floats, Group, Tree
from firkin.cgroupfs.models.water import fill_level

__all__ = ["CpuGroup", "CpuShare", "scheduler_weight", "share_cpu", "share_processors"]

_IDLE = 3  # WEIGHT_IDLEPRIO, kernel/sched/sched.h
_LEAST = 2  # MIN_SHARES
_ONE_TASK = 1024  # NICE_0_LOAD before scaling: what a thread beside groups weighs


@dataclass(frozen=True)
class CpuGroup:
    """One group: its settings, and what its own threads want.

    `weight` is cpu.weight; `limit` is cpu.max as a number of processors (quota by period); `cpus` is how many
    processors cpuset.cpus.effective has; `threads` is how many threads want to run, `demand` how many processors they
    would use if they could (at most one each).
    """

    name: str
    weight: int = 100
    idle: bool = False
    limit: float = math.inf
    cpus: float = math.inf
    threads: int = 0
    demand: float = math.inf
    children: Sequence[CpuGroup] = ()

    @property
    def wants(self) -> float:
        """Processors that the group's own threads would use."""
        return min(self.demand, self.threads)


@dataclass(frozen=True)
class CpuShare:
    """Of each group of the tree, by number: `share` in processors, `wanted` without limits of its own or above it.

    `throttled` says who would use more if cpu.max, its own, let it.
    """

    share: Floats
    wanted: Floats
    throttled: np.ndarray[tuple[int], np.dtype[np.bool_]]


def scheduler_weight(weight: int, *, idle: bool = False) -> int:
    """What the scheduler makes of cpu.weight (sched_weight_from_cgroup, kernel/sched/core.c)."""
    return _IDLE if idle else max(_LEAST, (weight * _ONE_TASK + 50) // 100)


def share_cpu(root: CpuGroup, processors: float) -> tuple[Tree[CpuGroup], CpuShare]:
    """Who gets how much of `processors`.

    Weights count among siblings that want to run; what one does not use, the others share. Threads that are in a group
    with children, as only the root's may be, compete with the children one by one.
    """
    tree = Tree(_with_threads_as_group(root))
    limits, cpus = tree.array(lambda group: group.limit), tree.array(lambda group: group.cpus)
    weights = tree.array(lambda group: scheduler_weight(group.weight, idle=group.idle))
    wants = tree.array(lambda group: group.wants)
    return tree, share_processors(tree, weights=weights, limits=limits, cpus=cpus, wants=wants, processors=processors)


def share_processors(
    tree: Tree[Group], *, weights: Floats, limits: Floats, cpus: Floats, wants: Floats, processors: float
) -> CpuShare:
    """The same for groups by number, without threads in groups with children; `weights` are the scheduler's."""
    bounds = np.minimum(limits, cpus)
    wanted, most = tree.add_up(wants), tree.add_up(wants, np.minimum(bounds, processors))
    share = np.zeros(len(tree))
    share[0] = min(most[0], processors)
    for level in tree.levels:
        share[level.groups] = fill_level(level, share[level.parents], weights[level.groups], most[level.groups])
    below = tree.add_up(wants, np.where(np.isinf(bounds), processors, bounds))
    return CpuShare(share, wanted, _throttled(tree, share, wants, below, limits))


def _with_threads_as_group(group: CpuGroup) -> CpuGroup:
    children = [_with_threads_as_group(child) for child in group.children]
    if not children or not group.threads:
        return replace(group, children=children)
    # 100 is what one thread of the usual niceness weighs.
    own = CpuGroup("", weight=100 * group.threads, threads=group.threads, demand=group.demand)
    return replace(group, children=[*children, own], threads=0)


def _throttled(
    tree: Tree[Group], share: Floats, wants: Floats, bounded: Floats, limits: Floats
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    # What it would use but for its own limit: its own threads, and its children within theirs.
    asked = np.array(wants)
    for level in tree.levels:
        asked[level.parents] += level.sums(bounded[level.groups])
    return np.asarray((asked > limits * (1 + 1e-9)) & (share >= limits * (1 - 1e-9)), dtype=np.bool_)

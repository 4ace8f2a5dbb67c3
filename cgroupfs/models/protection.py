"""memory.min and memory.low: what they protect in effect, and whose memory is reclaimed when there is too little.

Documentation/admin-guide/cgroup-v2.rst (Memory), mm/page_counter.c (effective_protection), mm/vmscan.c
(get_scan_count).
"""

from __future__ import annotations

import numpy as np

from firkin.cgroupfs.models.tree import Floats, Group, Tree

_STEPS = 512

__all__ = ["effective_protection", "held_under_pressure", "reclaimed"]


def effective_protection(tree: Tree[Group], usage: Floats, setting: Floats, *, recursive: bool = True) -> Floats:
    """How many bytes of each group memory.min (or memory.low, as `setting`) protects.

    `usage` is memory.current of each group, with all below it. Children whose protected usage is more than the parent
    has share what there is by it; what the children of a parent do not claim goes to all of them by their usage beyond
    that, if the hierarchy is mounted with memory_recursiveprot (`recursive`, since Linux 5.7). The root is not
    protected, nor does it bound those directly below it.
    """
    protected = np.minimum(usage, setting)
    effective = np.zeros(len(tree))
    for depth, level in enumerate(tree.levels):
        own, used = protected[level.groups], usage[level.groups]
        if depth == 0:
            effective[level.groups] = setting[level.groups]
            continue
        granted = effective[level.parents][level.family]
        claimed = level.sums(own)[level.family]
        spare = usage[level.parents][level.family] - claimed
        with np.errstate(divide="ignore", invalid="ignore"):
            scaled = own * granted / claimed
            unclaimed = (granted - claimed) * (used - own) / spare
        extra = np.where((granted > claimed) & (spare > 0) & (used > own), unclaimed, 0.0) if recursive else 0.0
        effective[level.groups] = np.where(claimed > granted, scaled, own + extra)
    # The kernel's number may be larger than what there is to protect.
    return np.asarray(np.minimum(effective, usage), dtype=np.float64)


def reclaimed(usage: Floats, protection: Floats, excess: float) -> Floats:
    """How many bytes each of some groups loses when `excess` bytes are taken from all of them together.

    Reclaim scans each group in proportion to what it has beyond its protection, so that is how it pays. What is
    protected is taken only when nothing else is left, again in proportion; memory.min would rather have the kernel
    kill (the caller says so). Raises ValueError if there is not so much.
    """
    if excess > usage.sum():
        raise ValueError(f"{excess:.0f} bytes can not be reclaimed from {usage.sum():.0f}")
    covered = np.minimum(usage, protection)
    open_ = usage - covered
    first = min(excess, float(open_.sum()))
    taken = open_ * (first / open_.sum()) if first > 0 else np.zeros(len(usage))
    if (rest := excess - first) > 0:
        taken = taken + covered * (rest / covered.sum())
    return np.asarray(taken, dtype=np.float64)


def held_under_pressure(
    tree: Tree[Group], usage: Floats, setting: Floats, excess: float, *, recursive: bool = True
) -> Floats:
    """What the groups hold after `excess` bytes were reclaimed, little by little, from all below the root together.

    `usage` counts for groups without children; the others have what is below them. Nobody uses what he holds again.
    Each little is taken as `reclaimed` says by what is protected then: what a group loses of its claim, its siblings
    have the more of an overcommitted parent's protection. Raises ValueError if there is not so much.
    """
    leaves = np.ones(len(tree), dtype=bool)
    leaves[tree.parent[1:]] = False
    held = np.where(leaves, usage, 0.0)
    for _ in range(_STEPS):
        protection = effective_protection(tree, tree.add_up(held), setting, recursive=recursive)
        held[leaves] -= reclaimed(held[leaves], protection[leaves], excess / _STEPS)
    return tree.add_up(held)

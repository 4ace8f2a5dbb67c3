"""Limits on what is counted and not shared: pids.max, hugetlb, misc, rdma, dmem; memory.max, too.

Documentation/admin-guide/cgroup-v2.rst. A group can have what is left below its own limit and that of each ancestor;
limits may promise more than there is. Who asks for more gets an error (EAGAIN, ENOMEM, ENOSPC), nobody else is touched.
"""

from __future__ import annotations

import numpy as np

from firkin.cgroupfs.models.tree import Floats, Group, Tree

__all__ = ["headroom", "overcommitted", "refusing"]


def headroom(tree: Tree[Group], usage: Floats, limits: Floats) -> Floats:
    """How much more each group can take; `usage` counts all below it. Never less than nothing."""
    room = np.maximum(limits - usage, 0.0)
    for level in tree.levels:
        room[level.groups] = np.minimum(room[level.groups], room[level.parents][level.family])
    return room


def refusing(tree: Tree[Group], usage: Floats, limits: Floats, group: int, amount: float) -> int:
    """The number of the group whose limit says no when `group` takes `amount` more; -1 if it gets it.

    The kernel charges from the group upwards: the lowest one that is full refuses (its events file counts it: `max`).
    """
    while group >= 0:
        if usage[group] + amount > limits[group]:
            return group
        group = int(tree.parent[group])
    return -1


def overcommitted(tree: Tree[Group], limits: Floats) -> Floats:
    """By how much the children's limits promise more than the parent's own limit lets them have; 0 if not."""
    promised = np.zeros(len(tree))
    for level in tree.levels:
        promised[level.parents] = level.sums(limits[level.groups])
    with np.errstate(invalid="ignore"):
        excess = np.where(np.isinf(limits), 0.0, promised - limits)
    return np.asarray(np.maximum(excess, 0.0), dtype=np.float64)

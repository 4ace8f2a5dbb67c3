"""Block devices: io.weight (iocost, bfq), io.max, io.latency, as a share of what a device can do.

Documentation/admin-guide/cgroup-v2.rst (IO), block/blk-iocost.c, block/blk-throttle.c, block/blk-iolatency.c. The unit
of `demand` and `share` is the device's time: 1 is all that it can do. With iocost that is its cost model, which makes
requests of all sizes and kinds comparable; with bfq it is sectors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from firkin.cgroupfs.models.tree import Floats, Group, Tree
from firkin.cgroupfs.models.water import fill_level

__all__ = ["CostModel", "IoGroup", "IoMax", "bound_by_max", "share_device", "share_time"]


@dataclass(frozen=True)
class IoGroup:
    """One group on one device: io.weight (1..10000), and what it wants and may have, both in device time."""

    name: str
    weight: int = 100
    demand: float = 0.0
    limit: float = math.inf
    children: Sequence[IoGroup] = ()


@dataclass(frozen=True)
class CostModel:
    """The linear model of iocost (io.cost.model): bytes a second, sequential and random requests of 4 KiB a second."""

    bytes: float
    sequential: float
    random: float

    def cost(self, size: float, *, is_random: bool) -> float:
        """Device seconds that one request of `size` bytes takes (calc_lcoefs, calc_vtime_cost_builtin)."""
        page = 1 / self.bytes * 4096
        base = max(1 / (self.random if is_random else self.sequential) - page, 0.0)
        return base + max(math.ceil(size / 4096), 1) * page

    def requests(self, share: float, size: float, *, is_random: bool) -> float:
        """Requests of `size` bytes a second that so large a share of the device's time is enough for."""
        return share / self.cost(size, is_random=is_random)


@dataclass(frozen=True)
class IoMax:
    """One direction of a line of io.max: bytes and requests a second."""

    bytes: float = math.inf
    requests: float = math.inf


def share_device(root: IoGroup) -> tuple[Tree[IoGroup], Floats]:
    """Which part of the device's time each group has: by weight among siblings that want it, work-conserving."""
    tree = Tree(root)
    weights, demands = tree.array(lambda group: group.weight), tree.array(lambda group: group.demand)
    limits = tree.array(lambda group: group.limit)
    return tree, share_time(tree, weights=weights, demands=demands, limits=limits)


def share_time(tree: Tree[Group], *, weights: Floats, demands: Floats, limits: Floats) -> Floats:
    """The same for groups by number."""
    most = tree.add_up(demands, limits)
    share = np.zeros(len(tree))
    share[0] = min(most[0], 1.0)
    for level in tree.levels:
        share[level.groups] = fill_level(level, share[level.parents], weights[level.groups], most[level.groups])
    return share


def bound_by_max(limits: Sequence[IoMax], size: float) -> float:
    """Requests of `size` bytes a second that the lines of a group and of its ancestors allow; the tightest counts."""
    return min((min(limit.requests, limit.bytes / size) for limit in limits), default=math.inf)

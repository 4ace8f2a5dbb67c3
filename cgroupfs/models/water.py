"""Work-conserving shares by weight: what one does not want is shared by the others, by their weights again."""

from __future__ import annotations

import numpy as np

from firkin.cgroupfs.models.tree import Floats, Indices, Level

__all__ = ["fill", "fill_level"]


def fill(capacity: float, weights: Floats, most: Floats) -> Floats:
    """Share `capacity` among siblings by weight; none gets more than the `most` that it wants or may have.

    Each gets min(most, weight x level), with the level at which nothing is left over or nobody wants more.
    """
    family = np.zeros(len(weights), dtype=np.intp)
    return _fill(np.array([capacity], dtype=np.float64), weights, most, np.zeros(1, dtype=np.intp), family)


def fill_level(level: Level, capacities: Floats, weights: Floats, most: Floats) -> Floats:
    """The same for all groups of one depth: `capacities` has one of each parent, the others one of each group."""
    return _fill(capacities, weights, most, level.starts, level.family)


def _fill(capacities: Floats, weights: Floats, most: Floats, starts: Indices, family: Indices) -> Floats:
    most = np.minimum(most, capacities[family])
    # In the order in which siblings have enough when the level rises.
    order = np.lexsort((most / weights, family))
    heaviness, wanted, owner = weights[order], most[order], family[order]
    before = _running(wanted, starts, owner)
    left = np.add.reduceat(heaviness, starts)[owner] - _running(heaviness, starts, owner)
    levels = (capacities[owner] - before) / left
    thirsty = wanted > levels * heaviness
    # The first one who does not have enough says how high the level is; after it the levels fall.
    height = np.full(len(capacities), -np.inf)
    np.maximum.at(height, owner[thirsty], levels[thirsty])
    height[np.isneginf(height)] = np.inf
    return np.asarray(np.minimum(most, height[family] * weights), dtype=np.float64)


def _running(values: Floats, starts: Indices, owner: Indices) -> Floats:
    # The sum of those before it in the family.
    sums = np.cumsum(values) - values
    return np.asarray(sums - sums[starts][owner], dtype=np.float64)

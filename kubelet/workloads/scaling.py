"""How many pods each ReplicaSet of a Deployment is to have next: rolling updates, recreation, proportional scaling.

Source: "Deployments" of the Kubernetes documentation (rolling update, proportional scaling).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from firkin.kubelet.api.probe import IntOrString
from firkin.kubelet.api.workload import Deployment, ReplicaSet
from firkin.kubelet.workloads.revisions import DESIRED, MOST

__all__ = ["Bounds", "bounds_of", "count_of", "is_rescaled", "recreate", "rescale", "roll"]

Sizes = dict[str, int]
"""How many pods ReplicaSets are to have, by their names."""


class Bounds(NamedTuple):
    """How many pods are wanted, and how many there may and must be meanwhile."""

    wanted: int
    most: int
    fewest: int


def count_of(value: IntOrString | None, total: int, *, up: bool) -> int:
    """A number, or a percentage of `total`, rounded up or down."""
    if isinstance(value, str):
        part = int(value.removesuffix("%")) * total / 100
        return math.ceil(part) if up else math.floor(part)
    return value or 0


def bounds_of(item: Deployment) -> Bounds:
    """What a Deployment says of them."""
    wanted, rolling = item.spec.replicas, item.spec.strategy.rolling_update
    if item.spec.strategy.type == "Recreate" or rolling is None:
        return Bounds(wanted, wanted, 0)
    surge = count_of(rolling.max_surge, wanted, up=True)
    lacking = min(count_of(rolling.max_unavailable, wanted, up=False), wanted)
    if not surge and not lacking:
        # Both may round to nothing.
        lacking = 1
    return Bounds(wanted, wanted + surge if wanted else 0, max(wanted - lacking, 0))


def is_rescaled(sets: Sequence[ReplicaSet], bounds: Bounds) -> bool:
    """Whether other numbers are wanted than when the ReplicaSets got theirs."""
    told = [one.metadata.annotations.get(DESIRED) for one in sets if one.spec.replicas]
    return any(text is not None and text != str(bounds.wanted) for text in told)


def rescale(new: ReplicaSet | None, old: Sequence[ReplicaSet], bounds: Bounds) -> Sizes:
    """Give each ReplicaSet that has pods its part of another number of them."""
    active = [one for one in (*([new] if new else []), *old) if one.spec.replicas]
    if len(active) <= 1:
        one = active[0] if active else new
        return {one.metadata.name: bounds.wanted} if one is not None else {}
    total = sum(one.spec.replicas for one in active)
    missing = bounds.most - total
    # The largest one first: what is left of rounding is its own.
    active.sort(key=lambda one: -one.spec.replicas)
    sizes: Sizes = {}
    for one in active:
        share = _share(one, bounds.most) if missing else 0
        part = min(share, missing) if missing > 0 else max(share, missing)
        sizes[one.metadata.name] = one.spec.replicas + part
        missing -= part
    first = active[0].metadata.name
    sizes[first] = max(sizes[first] + missing, 0)
    return sizes


def _share(one: ReplicaSet, most: int) -> int:
    text = one.metadata.annotations.get(MOST, "")
    before = int(text) if text.isascii() and text.isdecimal() and int(text) else most
    return round(one.spec.replicas * most / before) - one.spec.replicas


def roll(new: int, sets: Sequence[ReplicaSet], available: Mapping[str, int], new_available: int, b: Bounds) -> Sizes:
    """The next step of a rolling update: the new one grows, or else old ones shrink; what is not named stays.

    Parameters: `new` is how many pods the new ReplicaSet, named "" here, has; `sets` are the old ones, the oldest
    first; `available` says how many of each are available, by name, `new_available` how many of the new.
    """
    total = new + sum(one.spec.replicas for one in sets)
    if new > b.wanted:
        return {"": b.wanted}
    if new < b.wanted and total < b.most:
        return {"": min(new + b.most - total, b.wanted)}
    spare = total - b.fewest - max(new - new_available, 0)
    sizes = {one.metadata.name: one.spec.replicas for one in sets}
    if spare <= 0:
        return {}
    # First those that serve nobody.
    for name, size in sizes.items():
        useless = min(size - min(available.get(name, 0), size), spare)
        sizes[name], spare = size - useless, spare - useless
    left = new_available + sum(min(available.get(name, 0), size) for name, size in sizes.items()) - b.fewest
    for name, size in sizes.items():
        gone = max(min(size, left), 0)
        sizes[name], left = size - gone, left - gone
    return {
        one.metadata.name: sizes[one.metadata.name] for one in sets if sizes[one.metadata.name] != one.spec.replicas
    }


def recreate(new: int, sets: Sequence[ReplicaSet], bounds: Bounds, *, old_is_there: bool) -> Sizes:
    """The next step of a recreation: all of the old go, then the new come when the last of the old has ended."""
    if shrinking := {one.metadata.name: 0 for one in sets if one.spec.replicas}:
        return shrinking
    return {} if old_is_there or new == bounds.wanted else {"": bounds.wanted}

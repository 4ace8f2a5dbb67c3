"""A tree of groups, laid out for arithmetic on all groups of a depth at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["Floats", "Indices", "Level", "Nested", "Tree"]

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


class Nested(Protocol):
    """What a tree is made of: anything with children."""

    @property
    def children(self) -> Sequence[Nested]: ...


Group = TypeVar("Group", bound=Nested)


class Level:
    """The groups of one depth, `start` to `stop`; the children of one parent follow each other.

    `parents` are those that have children here, `starts` where each one's begin, relative to `start`; `family` says
    of each group which of these it belongs to.
    """

    __slots__ = ("family", "parents", "start", "starts", "stop")

    def __init__(self, start: int, parent: Indices) -> None:
        self.start, self.stop = start, start + len(parent)
        self.parents, self.starts, self.family = np.unique(parent, return_index=True, return_inverse=True)

    @property
    def groups(self) -> slice:
        """Where the groups are in arrays of the tree."""
        return slice(self.start, self.stop)

    def sums(self, values: Floats) -> Floats:
        """The sum over the children of each parent; `values` has one for each group of the level."""
        return np.asarray(np.add.reduceat(values, self.starts), dtype=np.float64)


class Tree(Generic[Group]):
    """All groups below and with `root`, by depth: the root is number 0. `parent` is -1 for the root."""

    def __init__(self, root: Group) -> None:
        self.groups: list[Group] = [root]
        parents = [-1]
        self.levels: list[Level] = []
        start, stop = 0, 1
        while start < stop:
            for number in range(start, stop):
                children = self.groups[number].children
                self.groups.extend(children)  # type: ignore[arg-type]  # a group's children are of its own kind
                parents.extend([number] * len(children))
            start, stop = stop, len(self.groups)
            if start < stop:
                self.levels.append(Level(start, np.array(parents[start:stop], dtype=np.intp)))
        self.parent: Indices = np.array(parents, dtype=np.intp)

    def __len__(self) -> int:
        return len(self.groups)

    def array(self, of: Callable[[Group], float]) -> Floats:
        """One number of each group."""
        return np.fromiter(map(of, self.groups), dtype=np.float64, count=len(self.groups))

    def upwards(self) -> Iterator[Level]:
        """The levels, the deepest first."""
        return reversed(self.levels)

    def add_up(self, own: Iterable[float] | Floats, limit: Floats | None = None) -> Floats:
        """What each group and all below it have together; no group more than its `limit`."""
        total = np.array(own, dtype=np.float64)
        if limit is not None:
            leaves = np.ones(len(self), dtype=bool)
            leaves[self.parent[1:]] = False
            total[leaves] = np.minimum(total, limit)[leaves]
        for level in self.upwards():
            total[level.parents] += level.sums(total[level.groups])
            if limit is not None:
                total[level.parents] = np.minimum(total, limit)[level.parents]
        return total

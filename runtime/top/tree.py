"""The groups as a tree, walked in an order."""

from __future__ import annotations

from collections.abc import Container, Sequence

from firkin.cgroupfs.accounting.groups import Row

__all__ = ["Tree"]


class Tree:
    """The rows of a reader by their numbers: the `roots`, and of each row its `children` and its `depth`."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows
        self.roots: list[int] = []
        self.children: list[list[int]] = [[] for _ in rows]
        self.depth = [0] * len(rows)
        for place, row in enumerate(rows):
            if row.parent < 0:
                self.roots.append(place)
            else:
                self.children[row.parent].append(place)
                self.depth[place] = self.depth[row.parent] + 1

    def walk(
        self, keys: Sequence[float] | None, *, reverse: bool, hidden: Container[int], folded: Container[int]
    ) -> list[int]:
        """The rows, parents before children, siblings by their keys, smallest first, or by name without keys.

        Parameters: `reverse` turns the order of siblings round; rows in `hidden` are left out with all below them, and
        what is below groups whose ids are in `folded`.
        """
        found: list[int] = []
        waiting = self._sorted(self.roots, keys, reverse)[::-1]
        while waiting:
            place = waiting.pop()
            if place in hidden:
                continue
            found.append(place)
            if self.children[place] and self._rows[place].id not in folded:
                waiting += self._sorted(self.children[place], keys, reverse)[::-1]
        return found

    def with_ancestors(self, text: str) -> set[int]:
        """The rows whose paths have the text in them, and those above them."""
        found: set[int] = set()
        for place, row in enumerate(self._rows):
            if text in row.name:
                while place >= 0 and place not in found:
                    found.add(place)
                    place = self._rows[place].parent
        return found

    def _sorted(self, places: list[int], keys: Sequence[float] | None, reverse: bool) -> list[int]:
        if keys is None:
            return places[::-1] if reverse else places
        return sorted(places, key=keys.__getitem__, reverse=reverse)

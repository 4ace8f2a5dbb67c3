"""What the view shows: the groups as a tree, in an order, some of them folded away or filtered out.

A value is computed when it is asked for, so that the cost of a tick is that of reading, of one value of each group to
sort by, and of the rows in sight.
"""

from __future__ import annotations

from dataclasses import dataclass

from firkin.cgroupfs.accounting.reader import Reader, SupportsFileno
from firkin.cgroupfs.accounting.sample import Sample
from firkin.cgroupfs.accounting.values import UNLIMITED
from firkin.runtime.top.columns import COLUMNS, QUANTITIES, Column, printable
from firkin.runtime.top.limits import Limits

__all__ = ["BY_NAME", "Line", "Model"]

BY_NAME = "name"
"""To sort by name, as the tree is read."""

# How many ticks may pass until a new limit, and the files of another controller, are seen.
_LIMITS_EVERY = 5
_FILES_EVERY = 30


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the view: the group's place in the model, its id, name and depth, and whether others are below it."""

    row: int
    id: int
    name: str
    depth: int
    has_children: bool
    folded: bool


class _Group:
    # The columns.Values of one row.

    __slots__ = ("_model", "_place")

    def __init__(self, model: Model, place: int) -> None:
        self._model = model
        self._place = place

    def now(self, name: str) -> int | None:
        return self._model.sample.value(self._place, name)

    def per_second(self, name: str) -> float | None:
        before, after = self._model.before, self._model.sample
        earlier = self._model.places_before.get(after.rows[self._place].id)
        if before is None or earlier is None:
            return None
        first, last = before.value(earlier, name), after.value(self._place, name)
        nanoseconds = after.clocks[self._place] - before.clocks[earlier]
        if first is None or last is None or nanoseconds <= 0:
            return None
        return max(0, last - first) * 1e9 / nanoseconds

    def limit(self, name: str) -> int | None:
        row = self._model.sample.rows[self._place]
        return self._model.limits.value(row.id, row.name, name)


class Model:
    """The tree below `group`, read at each `tick`. Close it, or use it in `with`.

    `sort` is `BY_NAME` or the name of a column, `reverse` turns its order round (largest first, names ascending),
    `filter` is a part of the path: what has it is shown, with what is above it, whatever is folded.
    `descriptors` is how many may be kept open. Raises CgroupError.
    """

    def __init__(self, group: str | SupportsFileno, *, sort: str = BY_NAME, descriptors: int | None = None) -> None:
        self.sort = sort
        self.reverse = False
        self.filter = ""
        self.before: Sample | None = None
        self.places_before: dict[int, int] = {}
        self._folded: set[int] = set()
        self._ticks = 0
        self.limits = Limits()
        self._reader = Reader(group, subtree=True, quantities=QUANTITIES, descriptors=descriptors)
        self._arrange()
        self.sample = self._reader.sample()

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the descriptors."""
        self._reader.close()

    def tick(self) -> None:
        """Read again; rates are those since the last time. Raises CgroupError."""
        self._ticks += 1
        self.before = self.sample
        self.places_before = {row.id: place for place, row in enumerate(self.before.rows)}
        files = self._ticks % _FILES_EVERY == 0
        if files or self._reader.is_stale():
            self._reader.refresh(files=files)
            self._arrange()
        if self._ticks % _LIMITS_EVERY == 0:
            self.limits = Limits()
        self.sample = self._reader.sample()

    def _arrange(self) -> None:
        rows = self._reader.rows
        self._children: list[list[int]] = [[] for _ in rows]
        self._roots: list[int] = []
        for place, row in enumerate(rows):
            (self._children[row.parent] if row.parent >= 0 else self._roots).append(place)

    def __len__(self) -> int:
        """The number of groups that are not gone."""
        return sum(not state for state in self.sample.states)

    def sort_by(self, name: str) -> None:
        """Sort by a column; if that is so already, the other way round."""
        self.reverse = name == self.sort and not self.reverse
        self.sort = name

    def fold(self, id: int, *, folded: bool) -> None:
        """Hide or show what is below a group."""
        (self._folded.add if folded else self._folded.discard)(id)

    def lines(self) -> list[Line]:
        """The lines in their order."""
        order, wanted = self._order(), self._wanted()
        found: list[Line] = []
        waiting = [(place, 0) for place in reversed(self._sorted(self._roots, order))]
        while waiting:
            place, depth = waiting.pop()
            if self.sample.is_gone(place) or (wanted is not None and place not in wanted):
                continue
            row, children = self.sample.rows[place], self._children[place]
            folded = wanted is None and row.id in self._folded
            name = printable(row.name if depth == 0 else row.name.rpartition("/")[2])
            found.append(Line(place, row.id, name, depth, bool(children), folded))
            if not folded:
                waiting += [(child, depth + 1) for child in reversed(self._sorted(children, order))]
        return found

    def _order(self) -> list[float] | None:
        # A key for each row, smallest first; None: the order of names, which rows have.
        column = next((column for column in COLUMNS if column.name == self.sort), None)
        if column is None:
            return None
        values = (column.value(_Group(self, place)) for place in range(len(self.sample)))
        return [1.0 if value is None else -value for value in values]

    def _sorted(self, places: list[int], order: list[float] | None) -> list[int]:
        if order is None:
            return places[::-1] if self.reverse else places
        return sorted(places, key=order.__getitem__, reverse=self.reverse)

    def _wanted(self) -> set[int] | None:
        if not self.filter:
            return None
        found: set[int] = set()
        for place, row in enumerate(self.sample.rows):
            if self.filter in row.name:
                while place >= 0 and place not in found:
                    found.add(place)
                    place = self.sample.rows[place].parent
        return found

    def cell(self, line: Line, column: Column) -> str:
        """What is shown of a group in a column."""
        return column.text(_Group(self, line.row))

    def record(self, line: Line) -> dict[str, object]:
        """A group as JSON has it: numbers, null where there is none, `max` for no limit."""
        group, row = _Group(self, line.row), self.sample.rows[line.row]
        record: dict[str, object] = {"path": printable(row.name), "id": row.id}
        for column in COLUMNS:
            value = column.value(group)
            record[column.name] = "max" if value == UNLIMITED else value
        return record

"""What the view shows: the groups as a tree, in an order, some of them folded away or filtered out.

A tick costs what is looked at: all quantities of the groups in sight, and of the others only the file that they are
sorted by. Values are made of numbers when they are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from firkin.cgroupfs.accounting.reader import Reader, SupportsFileno
from firkin.cgroupfs.accounting.sample import Sample
from firkin.cgroupfs.accounting.use import growth
from firkin.cgroupfs.accounting.values import ABSENT, GONE, MISSING, UNLIMITED
from firkin.runtime.top.columns import COLUMNS, QUANTITIES, Column, Now, Rate, printable
from firkin.runtime.top.limits import Limits
from firkin.runtime.top.tree import Tree

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
        before, after, earlier = self._model.before, self._model.sample, self._model.place_before(self._place)
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

    `sort` is `BY_NAME` or the name of a column, `reverse` turns its order round (largest first, names ascending).
    `shown` are the rows in the order of lines, `focus` is the number of a line, which stays with its group. `reach` is
    how many lines before and after it are read at each tick, None for all; what is shown beyond that asks for it with
    `look`. `descriptors` is how many may be kept open. Raises CgroupError.
    """

    def __init__(self, group: str | SupportsFileno, *, sort: str = BY_NAME, descriptors: int | None = None) -> None:
        self.sort = sort
        self.reverse = False
        self.focus = 0
        self.reach: int | None = None
        self.before: Sample | None = None
        self.limits = Limits()
        self._filter = ""
        self._folded: set[int] = set()
        self._ticks = 0
        # The rows that were read since the last tick, None for all; and what `place_before` tells, when it is asked.
        self._fresh: set[int] | None = None
        self._places_before: dict[int, int] = {}
        self._reader = Reader(group, subtree=True, quantities=QUANTITIES, descriptors=descriptors, watch=True)
        self._grow()
        self.sample = self._reader.read()
        self._arrange(None)

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the descriptors."""
        self._reader.close()

    def __len__(self) -> int:
        """The number of groups that are not gone."""
        return len(self.sample) - bytes(self.sample.states).count(GONE)

    @property
    def filter(self) -> str:
        """A part of the path: what has it is shown, with what is above it, whatever is folded."""
        return self._filter

    @filter.setter
    def filter(self, text: str) -> None:
        self._filter = text
        self._arrange(self._focused())

    def sort_by(self, name: str) -> None:
        """Sort by a column; if that is so already, the other way round. A rate of what was not read shows at a tick."""
        focused = self._focused()
        self.reverse = name == self.sort and not self.reverse
        self.sort = name
        self._read(focused)

    def fold(self, id: int, *, folded: bool) -> None:
        """Hide or show what is below a group."""
        (self._folded.add if folded else self._folded.discard)(id)
        self._arrange(self._focused())

    def tick(self) -> None:
        """Read again; rates are those since a group was read before. Raises CgroupError."""
        self._ticks += 1
        focused = self._focused()
        self.before = self.sample.copy()
        files = self._ticks % _FILES_EVERY == 0
        if files or self._reader.is_stale():
            self._reader.refresh(files=files)
            self._grow()
        if self._ticks % _LIMITS_EVERY == 0:
            self.limits = Limits()
        self._read(focused)

    def place_before(self, place: int) -> int | None:
        """The number that a row had before the last tick, None if its group was not there."""
        if self.before is None or self.before.rows is self._reader.rows:
            return place
        if not self._places_before:
            self._places_before = {row.id: number for number, row in enumerate(self.before.rows)}
        return self._places_before.get(self._reader.rows[place].id)

    def _grow(self) -> None:
        self._tree = Tree(self._reader.rows)
        self._having: dict[str, list[int]] = {}

    def _read(self, focused: int | None) -> None:
        self._places_before = {}
        if self.reach is None:
            self.sample, self._fresh = self._reader.read(), None
            self._arrange(focused)
            return
        file = self._file_to_sort_by()
        self.sample = self._reader.read(self._with_file(file) if file else (), [file] if file else None)
        self._arrange(focused)
        near = self.shown[max(0, self.focus - self.reach) : self.focus + self.reach + 1]
        self._reader.read(sorted(near))
        self._fresh = set(near)

    def _with_file(self, file: str) -> list[int]:
        number = self._reader.layout.file(file)
        if file not in self._having:
            self._having[file] = [place for place, row in enumerate(self._reader.rows) if row.fds[number] != MISSING]
        return self._having[file]

    def look(self, place: int) -> None:
        """Read a group that is not within reach, if that was not done since the last tick."""
        if self._fresh is not None and place not in self._fresh:
            self._reader.read((place,))
            self._fresh.add(place)

    def _focused(self) -> int | None:
        return self._reader.rows[self.shown[self.focus]].id if self.shown else None

    def _arrange(self, focused: int | None) -> None:
        rows = self._reader.rows
        hidden = {place for place, state in enumerate(self.sample.states) if state == GONE}
        if self._filter:
            hidden |= set(range(len(rows))) - self._tree.with_ancestors(self._filter)
        folded = () if self._filter else self._folded
        self.shown = self._tree.walk(self._keys(), reverse=self.reverse, hidden=hidden, folded=folded)
        last = min(self.focus, max(0, len(self.shown) - 1))
        self.focus = next((number for number, place in enumerate(self.shown) if rows[place].id == focused), last)

    def _column(self) -> Column | None:
        return next((column for column in COLUMNS if column.name == self.sort), None)

    def _file_to_sort_by(self) -> str:
        column = self._column()
        return column.source.name.partition(" ")[0] if column and isinstance(column.source, Now | Rate) else ""

    def _keys(self) -> Sequence[float] | None:
        # A key for each row, smallest first; None: the order of names, which rows have.
        column = self._column()
        if column is None:
            return None
        if isinstance(column.source, Now):
            return [1 if value == ABSENT else -value for value in self.sample.column(column.source.name)]
        if isinstance(column.source, Rate) and self.before:
            # NaN is not equal to itself.
            return [1 if rate != rate else -rate for rate in growth(self.before, self.sample, column.source.name)]
        values = (column.source.of(_Group(self, place)) for place in range(len(self.sample)))
        return [1 if value is None else -value for value in values]

    def lines(self) -> list[Line]:
        """The lines in their order."""
        return [self.line(place) for place in self.shown]

    def line(self, place: int) -> Line:
        """The line of a row."""
        row, depth, children = self.sample.rows[place], self._tree.depth[place], self._tree.children[place]
        name = printable(row.name if depth == 0 else row.name.rpartition("/")[2])
        return Line(place, row.id, name, depth, bool(children), not self._filter and row.id in self._folded)

    def cells(self, line: Line) -> list[str]:
        """What is shown of a group, column by column."""
        group = _Group(self, line.row)
        return [column.text(group) for column in COLUMNS]

    def record(self, line: Line) -> dict[str, object]:
        """A group as JSON has it: numbers, null where there is none, `max` for no limit."""
        group, row = _Group(self, line.row), self.sample.rows[line.row]
        record: dict[str, object] = {"path": printable(row.name), "id": row.id}
        for column in COLUMNS:
            value = column.source.of(group)
            record[column.name] = "max" if value == UNLIMITED else value
        return record

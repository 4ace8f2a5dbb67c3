"""The result of a pass: a matrix of numbers, and what its rows and columns are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from firkin.cgroupfs.accounting.groups import Row
from firkin.cgroupfs.accounting.layout import Layout
from firkin.cgroupfs.accounting.records import GroupStats, group_stats
from firkin.cgroupfs.accounting.values import GONE, known

__all__ = ["Sample"]


class Sample:
    """What a pass has read, row by row, as it is in the reader's matrix or as a copy of it.

    `layout` names the columns and `rows` the groups. `values` is the matrix, row after row, `clocks` has the time of
    each row (CLOCK_MONOTONIC in nanoseconds), `states` has `READ` or `GONE`. All three offer the buffer protocol.
    """

    __slots__ = ("clocks", "layout", "rows", "states", "values")

    def __init__(
        self,
        layout: Layout,
        rows: Sequence[Row],
        values: memoryview[int],
        clocks: memoryview[int],
        states: memoryview[int],
    ) -> None:
        self.layout = layout
        self.rows = rows
        self.values = values
        self.clocks = clocks
        self.states = states

    def __len__(self) -> int:
        return len(self.rows)

    def copy(self) -> Sample:
        """A sample that stays as it is."""
        values, clocks = memoryview(bytes(self.values)).cast("Q"), memoryview(bytes(self.clocks)).cast("q")
        return Sample(self.layout, self.rows, values, clocks, memoryview(bytes(self.states)))

    @property
    def paths(self) -> tuple[str, ...]:
        """The groups' paths, row by row."""
        return tuple(row.name for row in self.rows)

    @property
    def matrix(self) -> memoryview[int]:
        """The matrix with two dimensions: `matrix[row, column]`. Raises ValueError if there is nothing in it."""
        shape = len(self.rows), len(self.layout.columns)
        return self.values.cast("B").cast("Q", shape) if all(shape) else _nothing()

    def is_gone(self, row: int) -> bool:
        """Whether the row's group was removed."""
        return self.states[row] == GONE

    def column(self, name: str) -> memoryview[int]:
        """A quantity of all groups, such as `cpu.stat usage_usec`: a view, without a copy. Raises KeyError."""
        number = self.layout.column(name)
        if number < 0:
            raise KeyError(name)
        return self.values[number :: len(self.layout.columns)]

    def value(self, row: int, name: str) -> int | None:
        """A quantity of one group; None where it is absent or not selected. May be `UNLIMITED`."""
        number = self.layout.column(name)
        return None if number < 0 else known(self.values[row * len(self.layout.columns) + number])

    def group(self, row: int) -> GroupStats:
        """The row as a typed record."""
        named = self.rows[row]
        return group_stats(named.name, named.id, self.clocks[row], lambda column: self.value(row, column))

    def groups(self) -> Iterator[GroupStats]:
        """The records of all groups that were read."""
        return (self.group(row) for row in range(len(self.rows)) if not self.is_gone(row))


def _nothing() -> memoryview[int]:
    raise ValueError("the sample has no rows or no columns")

"""The pass over the statistics files of many cgroups, in C: no interpreter lock, no Python object for what is read.

The text of a file is taken apart by these rules, which `firkin.cgroupfs.accounting.twin` says once more in Python:
only lines that end in a newline count; a number is nothing but decimal digits, or the word `max`; an unknown key, or
a word that is not as it should be, is passed over. Averages of pressure are in hundredths of a percent.
"""

from collections.abc import Iterable, Sequence

from firkin.cgroupfs.accounting.groups import Row
from firkin.cgroupfs.accounting.layout import Layout

class Table:
    """A matrix of numbers, with a row for each cgroup and a column for each quantity of `layout`.

    The views below stay valid; after `place` they are of the rows before. A pass is made by `threads` threads, of which
    one is the caller's. One pass at a time: a second thread that asks for one meanwhile gets RuntimeError.
    """

    def __init__(self, layout: Layout, threads: int = 1) -> None: ...
    threads: int
    """How many threads share a pass; it can be set between passes. Raises ValueError for less than one."""

    @property
    def values(self) -> memoryview[int]:
        """The matrix, row by row, as unsigned 64-bit numbers; `ABSENT` and `UNLIMITED` are special ones."""

    @property
    def clocks(self) -> memoryview[int]:
        """For each row: CLOCK_MONOTONIC in nanoseconds, taken just before its first file was read."""

    @property
    def states(self) -> memoryview[int]:
        """For each row: `READ` or `GONE`."""

    @property
    def errors(self) -> memoryview[int]:
        """For each row, for each file: the errno of the last pass, 0 if it was read or not chosen."""

    def place(self, rows: Sequence[Row]) -> None:
        """Take these rows instead of those before.

        The descriptors in them stay the caller's, which keeps them open until the next `place`.
        """

    def read(self, rows: Sequence[int] | None = None, files: Iterable[int] | None = None) -> int:
        """Read the rows that are not gone; returns how many of them are not.

        Parameters: `rows` are numbers of rows in ascending order, all rows if None; the others stay as they are.
        `files` are numbers of the layout's files, all files if None; what the rows had of other ones becomes absent.
        Nothing is raised for a cgroup that was removed, even in the midst of its files: its state tells.
        Raises IndexError for what is no row or file, and for rows in another order.
        """

    def text(self, row: int, file: int) -> bytes:
        """The text of one file, read now. Raises OSError, IndexError."""

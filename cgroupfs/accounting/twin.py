"""The pass over the statistics files in plain Python: what `_reader.Table` must give, to the last bit.

It is the tests' oracle, and readable where the C is fast. Its rules for a file's text are the module's functions.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from itertools import pairwise

from firkin.cgroupfs.accounting.groups import AT_FDCWD, Row
from firkin.cgroupfs.accounting.layout import Kind, Layout, StatFile
from firkin.cgroupfs.accounting.values import ABSENT, GONE, LARGEST, MISSING, READ, UNLIMITED

__all__ = ["Table", "parse", "parse_hundredths", "parse_number"]

_DIGITS = frozenset(b"0123456789")
_GONE_ERRORS = (errno.ENODEV, errno.ENOENT, errno.ESTALE)
_LARGEST_FILE = (1 << 24) - 1


def parse_number(word: bytes) -> int | None:
    """Decimal digits, of at most `LARGEST`, or `max`; None for anything else."""
    if word == b"max":
        return UNLIMITED
    return min(_int(word), LARGEST) if word and _DIGITS.issuperset(word) else None


def parse_hundredths(word: bytes) -> int | None:
    """`12.34` as 1234; None for anything else."""
    whole, dot, rest = word.partition(b".")
    if not (whole and dot and len(rest) == 2 and _DIGITS.issuperset(whole + rest)):
        return None
    return min(_int(whole) * 100 + int(rest), LARGEST)


def _int(digits: bytes) -> int:
    # Python refuses to convert thousands of digits.
    significant = digits.lstrip(b"0")
    return LARGEST if len(significant) > 20 else int(significant or b"0")


def _lines(text: bytes) -> list[bytes]:
    # What follows the last newline may be cut off in the midst of a number.
    return text.split(b"\n")[:-1]


def _parse_single(_file: StatFile, lines: list[bytes]) -> dict[str, int | None]:
    return {"": parse_number(lines[0])} if lines else {}


def _parse_pair(file: StatFile, lines: list[bytes]) -> dict[str, int | None]:
    first, space, second = lines[0].partition(b" ") if lines else (b"", b"", b"")
    return dict(zip(file.keys, map(parse_number, (first, second)), strict=True)) if space else {}


def _parse_flat(_file: StatFile, lines: list[bytes]) -> dict[str, int | None]:
    found: dict[str, int | None] = {}
    for line in lines:
        key, space, word = line.partition(b" ")
        value = parse_number(word)
        if space and value is not None:
            found[os.fsdecode(key)] = value
    return found


def _words(line: bytes) -> Iterator[tuple[str, bytes]]:
    for word in line.split(b" ")[1:]:
        key, equals, value = word.partition(b"=")
        if equals:
            yield os.fsdecode(key), value


def _parse_pressure(_file: StatFile, lines: list[bytes]) -> dict[str, int | None]:
    found: dict[str, int | None] = {}
    for line in lines:
        who = os.fsdecode(line.partition(b" ")[0])
        for key, word in _words(line):
            value = parse_number(word) if key == "total" else parse_hundredths(word)
            if value is not None:
                found[f"{who} {key}"] = value
    return found


def _parse_devices(file: StatFile, lines: list[bytes]) -> dict[str, int | None]:
    sums = dict.fromkeys(file.keys, 0)
    for line in lines:
        for key, word in _words(line):
            value = parse_number(word)
            if key in sums and value is not None and value <= LARGEST:
                sums[key] = min(sums[key] + value, LARGEST)
    return {**sums}


_PARSERS: dict[Kind, Callable[[StatFile, list[bytes]], dict[str, int | None]]] = {
    Kind.SINGLE: _parse_single,
    Kind.FLAT: _parse_flat,
    Kind.PAIR: _parse_pair,
    Kind.PRESSURE: _parse_pressure,
    Kind.DEVICES: _parse_devices,
}


def parse(file: StatFile, text: bytes) -> list[int]:
    """The numbers of a file's columns, `ABSENT` where the text has none."""
    found = _PARSERS[file.kind](file, _lines(text))
    return [ABSENT if value is None else value for value in map(found.get, file.keys)]


class Table:
    """The same as `_reader.Table`, by the same names; it reads with one thread, however many there may be."""

    def __init__(self, layout: Layout, threads: int = 1) -> None:
        self.threads = threads
        self._layout = layout
        self.place([])

    @property
    def threads(self) -> int:
        """How many threads were asked for."""
        return self._threads

    @threads.setter
    def threads(self, threads: int) -> None:
        if threads < 1:
            raise ValueError("a pass needs a thread")
        self._threads = threads

    def place(self, rows: Sequence[Row]) -> None:
        """Take these rows instead of those before."""
        self._rows = list(rows)
        count, files = len(rows), len(self._layout.files)
        self._values = memoryview(bytearray(b"\xff") * (8 * count * len(self._layout.columns))).cast("Q")
        self._clocks = memoryview(bytearray(8 * count)).cast("q")
        self._states = memoryview(bytearray(count))
        self._errors = memoryview(bytearray(2 * count * files)).cast("h")
        self.values, self.clocks = self._values.toreadonly(), self._clocks.toreadonly()
        self.states, self.errors = self._states.toreadonly(), self._errors.toreadonly()

    def read(self, rows: Sequence[int] | None = None, files: Iterable[int] | None = None) -> int:
        """Read the rows that are not gone; returns how many of them are not. Raises IndexError."""
        everything = range(len(self._layout.files))
        chosen = set(everything if files is None else files)
        wanted = list(range(len(self._rows)) if rows is None else rows)
        if not chosen.issubset(everything):
            raise IndexError("no such file")
        if any(not last < row < len(self._rows) for last, row in pairwise([-1, *wanted])):
            raise IndexError("no such row, or not in ascending order")
        for number in wanted:
            if self._states[number] == READ:
                self._read_row(number, chosen)
        return sum(self._states[number] == READ for number in wanted)

    def text(self, row: int, file: int) -> bytes:
        """The text of one file, read now. Raises OSError, IndexError."""
        if row < 0 or file < 0:
            raise IndexError("no such row or file")
        return _read_file(self._rows[row], file, self._layout.files[file].name)

    def _read_row(self, number: int, chosen: Set[int]) -> None:
        row, columns = self._rows[number], len(self._layout.columns)
        self._clocks[number] = time.monotonic_ns()
        values = [ABSENT] * columns
        errors = dict.fromkeys(range(len(self._layout.files)), 0)
        for position in sorted(chosen):
            file, first = self._layout.files[position], self._layout.first[position]
            try:
                values[first : first + len(file.keys)] = parse(file, _read_file(row, position, file.name))
            except OSError as error:
                errors[position] = error.errno or 0
        doubtful = any(errors[place] in _GONE_ERRORS and row.fds[place] != MISSING for place in chosen)
        if (doubtful or all(errors[place] for place in chosen)) and not _is_alive(row):
            self._states[number] = GONE
            values = [ABSENT] * columns
        for column, value in enumerate(values):
            self._values[number * columns + column] = value
        for position, error_number in errors.items():
            self._errors[number * len(errors) + position] = error_number


def _read_file(row: Row, number: int, name: str) -> bytes:
    fd = row.fds[number]
    if fd == MISSING:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    if fd >= 0:
        return _pread(fd)
    directory = _open_directory(row)
    try:
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    finally:
        os.close(directory)
    try:
        return _pread(fd)
    finally:
        os.close(fd)


def _pread(fd: int) -> bytes:
    size = 1 << 16
    while len(text := os.pread(fd, size, 0)) == size:
        if size > _LARGEST_FILE:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        size *= 2
    return text


def _open_directory(row: Row) -> int:
    return os.dup(row.dir_fd) if row.dir_fd >= 0 else _find_directory(row)


def _find_directory(row: Row) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(row.path, flags, dir_fd=None if row.base == AT_FDCWD else row.base)
    if os.fstat(fd).st_ino != row.id:
        os.close(fd)
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
    return fd


def _is_alive(row: Row) -> bool:
    # The C library hides that a directory can be listed no more, so the name is looked up again.
    try:
        os.close(_find_directory(row))
    except OSError as error:
        return error.errno not in _GONE_ERRORS
    return True

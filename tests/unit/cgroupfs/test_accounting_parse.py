"""The parser in C gives what its twin in Python gives, whatever the text is."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firkin.cgroupfs.accounting import ABSENT, UNLIMITED, twin
from firkin.cgroupfs.accounting._reader import Table
from firkin.cgroupfs.accounting.groups import AT_FDCWD, Row
from firkin.cgroupfs.accounting.layout import QUANTITIES, Kind, Layout, StatFile, build_layout
from firkin.cgroupfs.accounting.values import LARGEST
from tests.support.stat_tree import RECORDED

LAYOUT = build_layout(QUANTITIES, ["2MB"])
BY_KIND = {
    "single": "memory.current", "flat": "cpu.stat", "long": "memory.stat", "pair": "cpu.max",
    "pressure": "memory.pressure", "full only": "irq.pressure", "devices": "io.stat",
}  # fmt: skip
FILES = {name: next(file for file in LAYOUT.files if file.name == file_name) for name, file_name in BY_KIND.items()}


class OneFile:
    """A table of one row and one file, which is in memory."""

    def __init__(self, file: StatFile) -> None:
        self.file = file
        self.fd = os.memfd_create(file.name)
        self.table = Table(Layout([file]))
        row = Row("/", AT_FDCWD, b"/")
        row.id = os.stat("/").st_ino
        row.fds = [self.fd]
        self.table.place([row])

    def parse(self, text: bytes) -> list[int]:
        """The numbers that the C code finds."""
        os.truncate(self.fd, 0)
        os.pwrite(self.fd, text, 0)
        assert self.table.read() == 1
        return list(self.table.values)


# One for each, so that what was learnt from one text is there for the next.
SUBJECTS = {name: OneFile(file) for name, file in FILES.items()}


def numbers() -> st.SearchStrategy[str]:
    """Numbers, many of them around the limits, and some that are none."""
    limits = (0, 1, 10**18, 10**19, LARGEST // 10, LARGEST, UNLIMITED, ABSENT, 1 << 64, 1 << 100, 10**30)
    near = st.sampled_from(limits).flatmap(lambda value: st.integers(max(0, value - 12), value + 12))
    whole = st.one_of(near, st.integers(0, 1 << 70)).map(str)
    decimal = st.tuples(whole, st.integers(0, 99)).map(lambda pair: f"{pair[0]}.{pair[1]:02}")
    odd = st.sampled_from(
        ["", "max", "maxi", "ma", "-1", "+1", "1 ", " 1", "0x10", "1.5", "1.234", "007", "0" * 40, "٣"]
    )
    return st.one_of(whole, decimal, odd)


def keys(file: StatFile) -> st.SearchStrategy[str]:
    """Keys of the file, and others."""
    known = [key.rpartition(" ")[2] for key in file.keys]
    others = ["x", "", "avg10x", "tota", "usage_use", "usage_usecs", "k" * 47, "k" * 48, "k" * 300, "a=b", "total"]
    return st.one_of(st.sampled_from(known), st.sampled_from(others))


def texts(file: StatFile) -> st.SearchStrategy[bytes]:
    """Texts that look like the file's, in any order, with anything missing or odd, and cut off anywhere."""
    pairs = st.lists(st.tuples(keys(file), numbers()), max_size=12)
    if file.kind in (Kind.PRESSURE, Kind.DEVICES):
        words = pairs.map(lambda found: " ".join(f"{key}={number}" for key, number in found))
        names = st.sampled_from(["some", "full", "8:0", "", "sum", "somefull"])
        lines = st.lists(st.tuples(names, words).map(" ".join), max_size=4)
    elif file.kind is Kind.FLAT:
        lines = pairs.map(lambda found: [f"{key} {number}" for key, number in found])
    else:
        lines = st.lists(st.lists(numbers(), min_size=1, max_size=3).map(" ".join), max_size=2)
    whole = lines.map(lambda found: "".join(f"{line}\n" for line in found).encode())
    cut = st.tuples(whole, st.integers(0, 400)).map(lambda pair: pair[0][: pair[1]])
    return st.one_of(whole, cut)


@pytest.mark.parametrize("name", SUBJECTS)
@settings(max_examples=60)
@given(data=st.data())
def test_a_likely_text(name: str, data: st.DataObject) -> None:
    text = data.draw(texts(FILES[name]))
    assert SUBJECTS[name].parse(text) == twin.parse(FILES[name], text)


@pytest.mark.parametrize("name", SUBJECTS)
@settings(max_examples=60)
@given(data=st.data())
def test_any_bytes(name: str, data: st.DataObject) -> None:
    alphabet = st.sampled_from([b"0", b"9", b" ", b"\n", b"=", b".", b"max", b"some", b"full", b"avg10", b"total",
                                b"\0", b"anon", b"rbytes", b"usage_usec", b"\xff", b"m"])  # fmt: skip
    text = data.draw(st.one_of(st.binary(max_size=200), st.lists(alphabet, max_size=40).map(b"".join)))
    assert SUBJECTS[name].parse(text) == twin.parse(FILES[name], text)


@pytest.mark.parametrize("name", sorted({file.name for file in LAYOUT.files} & RECORDED.keys()))
def test_recorded_texts(name: str) -> None:
    file = next(file for file in LAYOUT.files if file.name == name)
    subject, text = OneFile(file), RECORDED[name].encode()
    assert subject.parse(text) == subject.parse(text) == twin.parse(file, text)
    assert any(value != ABSENT for value in twin.parse(file, text))


def test_keys_in_another_order_find_their_columns_again_and_again() -> None:
    file = FILES["flat"]
    subject = OneFile(file)
    for shift in (0, 3, 3, 1, 0):
        order = [*file.keys[shift:], *file.keys[:shift]]
        text = "".join(f"{key} {file.keys.index(key)}\n" for key in order).encode()
        assert subject.parse(text) == list(range(len(file.keys)))


def test_more_lines_than_are_remembered() -> None:
    text = b"".join(b"unknown%d 1\n" % number for number in range(500)) + b"user_usec 7\n"
    assert SUBJECTS["flat"].parse(text) == twin.parse(FILES["flat"], text)
    assert SUBJECTS["flat"].parse(text)[1] == 7


@pytest.mark.parametrize(
    ("text", "value"),
    [(b"18446744073709551612\n", LARGEST - 1), (b"18446744073709551614\n", LARGEST), (b"9" * 5000 + b"\n", LARGEST),
     (b"max\n", UNLIMITED), (b"12", ABSENT), (b"12 \n", ABSENT), (b"\n12\n", ABSENT), (b"", ABSENT), (b"007\n", 7)],
)  # fmt: skip
def test_a_single_number_at_the_limits(text: bytes, value: int) -> None:
    assert SUBJECTS["single"].parse(text) == twin.parse(FILES["single"], text) == [value]

"""Quantities as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firkin.cgroupfs.units import format_list, parse_list, parse_percent, parse_size, parse_time


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("4096", 4096),
        ("512m", 512 << 20),
        ("512M", 512 << 20),
        ("1.5G", 3 << 29),
        ("64KiB", 64 << 10),
        ("64kb", 64 << 10),
        (" 2 T ", 2 << 40),
        ("1e", 1 << 60),
        ("7.999999999999999999E", 9223372036854775806),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "m", "-1", "1.5", "1..5G", "1x", "0x10", "1 2", "1,5G", "٣", "1e3", "inf", "max"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match=r"size|byte"):
        parse_size(text)


@given(st.integers(0, 1 << 63))
def test_a_number_of_bytes_is_itself(number: int) -> None:
    assert parse_size(str(number)) == number


@given(st.integers(0, 1 << 20), st.sampled_from("kmgtp"))
def test_prefixes_are_powers_of_1024(number: int, prefix: str) -> None:
    assert parse_size(f"{number}{prefix}") == number << 10 * (" kmgtp".index(prefix))


@pytest.mark.parametrize(
    ("text", "time"), [("20000", 20000), ("20ms", 20000), ("1.5s", 1_500_000), ("0.5 ms", 500), ("7us", 7), ("7µs", 7)]
)
def test_times(text: str, time: int) -> None:
    assert parse_time(text) == time


@pytest.mark.parametrize("text", ["", "1m", "1.5", "0.5us", "-1", "ms", "1h"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"time|microsecond"):
        parse_time(text)


@pytest.mark.parametrize(("text", "value"), [("0", 0.0), ("12.34", 12.34), ("100", 100.0), ("50%", 50.0)])
def test_percentages(text: str, value: float) -> None:
    assert parse_percent(text) == value


@pytest.mark.parametrize("text", ["", "101", "-1", "1.234", "max", "nan"])
def test_what_is_no_percentage(text: str) -> None:
    with pytest.raises(ValueError, match="percentage"):
        parse_percent(text)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("", set()),
        ("\n", set()),
        ("0", {0}),
        ("0-3,7", {0, 1, 2, 3, 7}),
        ("0-7:2/4", {0, 1, 4, 5}),
        ("3,1-2", {1, 2, 3}),
    ],
)
def test_lists(text: str, numbers: set[int]) -> None:
    assert parse_list(text) == numbers


@pytest.mark.parametrize("text", ["a", "1,,2", "3-1", "-1", "1-", "0-99999999", "0-3:0/2", "0-3:3/2", "1;2"])
def test_what_is_no_list(text: str) -> None:
    with pytest.raises(ValueError, match=r"list|range"):
        parse_list(text)


@given(st.sets(st.integers(0, 500)))
def test_a_list_is_read_as_it_is_written(numbers: set[int]) -> None:
    assert parse_list(format_list(numbers)) == numbers


def test_a_list_is_as_short_as_the_kernels() -> None:
    assert format_list([7, 0, 1, 2, 5]) == "0-2,5,7"

"""The delay at memory.high, against the table that mm/memcontrol.c gives for memory.high of 100 MiB."""

from __future__ import annotations

import math

import pytest

from firkin.cgroupfs.models.throttling import high_delay, high_rate

MIB = 1 << 20


@pytest.mark.parametrize(
    ("usage", "milliseconds"),
    [(100, 0), (101, 0), (108, 409), (109, 518), (110, 639), (112, 921), (115, 1439), (117, 1849), (118, 2000),
     (120, 2000), (400, 2000)],
)  # fmt: skip
def test_the_table_of_the_kernel(usage: int, milliseconds: int) -> None:
    assert high_delay(usage * MIB, 100 * MIB) == pytest.approx(milliseconds / 1000, abs=0.0011)


def test_fewer_pages_wait_less_and_a_limit_of_nothing_is_one_page() -> None:
    assert high_delay(110 * MIB, 100 * MIB, 32) == pytest.approx(0.3195, abs=0.001)
    assert high_delay(MIB, 0) == 2.0


def test_the_rate_at_which_it_goes_on_growing() -> None:
    assert high_rate(90 * MIB, 100 * MIB) == math.inf
    assert high_rate(120 * MIB, 100 * MIB) == 64 * 4096 / 2

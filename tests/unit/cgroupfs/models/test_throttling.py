"""The delay at memory.high, against the table that mm/memcontrol.c gives for memory.high of 100 MiB."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firkin.cgroupfs.models.throttling import BATCH, growth, high_delay, high_rate, slept

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


def test_delays_take_whole_ticks_and_the_wheel_is_coarse_for_long_ones() -> None:
    assert slept(0.0259, 0) == 0.0259
    # 6 ticks of 4 ms are asked for and over with the 7th; 63 and more end at each 8th, 4.5 later on average.
    assert slept(0.0259, 0.004) == pytest.approx(0.028)
    assert slept(62 * 0.004, 0.004) == pytest.approx(63 * 0.004)
    assert slept(63 * 0.004, 0.004) == pytest.approx(67.5 * 0.004)
    assert slept(2.0, 0.001) == pytest.approx(2.0325)


@given(st.floats(0, 2), st.sampled_from([0.001, 0.004, 0.01]))
def test_no_delay_is_shorter_than_its_whole_ticks(delay: float, tick: float) -> None:
    assert delay - tick <= slept(delay, tick) <= delay * 1.13 + tick


def test_growth_beyond_high_is_worked_out_by_hand() -> None:
    # 100 MiB are 400 batches: the sixth beyond is the first whose delay, 64 * 0.015 ** 2, is more than 10 ms.
    batch = BATCH * 4096
    curve = list(growth(100 * MIB, 0.05))
    assert [usage / batch for _, usage in curve] == [406, 407, 408]
    waits = [64 * (6 / 400) ** 2, 64 * (7 / 400) ** 2]
    assert [now for now, _ in curve] == pytest.approx([0, waits[0], sum(waits)], abs=1e-5)


@given(st.integers(8, 4096), st.floats(1, 60))
def test_growth_follows_the_cube_root_of_time(mebibytes: int, seconds: float) -> None:
    high = mebibytes * MIB
    curve = list(growth(high, seconds))
    assert all(now < later and usage < more for (now, usage), (later, more) in pairwise(curve))
    # Where it is not yet as slow as it can get, and has come far enough for batches not to matter.
    beyond = (3 * seconds / (high / 4096)) ** (1 / 3)
    if 0.04 < beyond < 0.15 and beyond * high > 32 * BATCH * 4096:
        assert curve[-1][1] - high == pytest.approx(beyond * high, rel=0.06)

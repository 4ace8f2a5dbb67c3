"""Pressure, against the examples of the comment at the top of kernel/sched/psi.c."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firkin.cgroupfs.models.pressure import full, some


def test_the_example_of_many_tasks_on_many_processors() -> None:
    # 257 tasks on 256 processors, one of them delayed: next to nothing is lost.
    assert some(1, 256, 256) == pytest.approx(1 / 256)
    assert full(1, 256, 256) == 0
    # 1 of 4 tasks delayed on 4 processors: a quarter of what could be done is not.
    assert some(1, 3, 4) == 0.25 and full(1, 3, 4) == 0.25


def test_one_processor() -> None:
    assert (some(1, 0, 1), full(1, 0, 1)) == (1, 1)
    assert (some(1, 1, 1), full(1, 1, 1)) == (1, 0)
    assert (some(0, 3, 1), full(0, 3, 1)) == (0, 0)
    assert (some(0, 0, 1), full(0, 0, 1)) == (0, 0)


@given(st.integers(0, 500), st.integers(0, 500), st.integers(1, 64))
def test_full_is_no_more_than_some_and_both_are_parts(delayed: int, productive: int, processors: int) -> None:
    assert 0 <= full(delayed, productive, processors) <= some(delayed, productive, processors) <= 1
    assert some(delayed, productive, processors) <= some(delayed + 1, productive, processors)

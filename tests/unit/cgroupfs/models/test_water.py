"""Sharing by weight: the properties that any such rule must have, and cases worked out by hand."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firkin.cgroupfs.models.water import fill

WEIGHTS = st.integers(1, 10000)
WANTS = st.one_of(st.floats(0, 64), st.just(float("inf")))
SIBLINGS = st.lists(st.tuples(WEIGHTS, WANTS), min_size=1, max_size=12)


def shares(capacity: float, siblings: list[tuple[int, float]]) -> list[float]:
    weights, most = zip(*siblings, strict=True)
    return list(fill(capacity, np.array(weights, dtype=float), np.array(most, dtype=float)))


@pytest.mark.parametrize(
    ("capacity", "siblings", "expected"),
    [
        (2, [(100, 9), (100, 9)], [1, 1]),
        (2, [(100, 9), (300, 9)], [0.5, 1.5]),
        # Who wants little leaves the rest to the others, by their weights again.
        (2, [(100, 0.1), (100, 9), (300, 9)], [0.1, 0.475, 1.425]),
        (2, [(100, 0), (100, 9)], [0, 2]),
        (2, [(100, 0.5), (200, 0.5)], [0.5, 0.5]),
        (4, [(1, 9), (10000, 9)], [4 / 10001, 40000 / 10001]),
        (0, [(100, 9)], [0]),
        (1, [(100, float("inf")), (100, float("inf")), (200, 0.2)], [0.4, 0.4, 0.2]),
    ],
)
def test_worked_out_by_hand(capacity: float, siblings: list[tuple[int, float]], expected: list[float]) -> None:
    assert shares(capacity, siblings) == pytest.approx(expected, abs=1e-9)


@given(st.floats(0, 256), SIBLINGS)
def test_nothing_is_made_nothing_is_wasted(capacity: float, siblings: list[tuple[int, float]]) -> None:
    given_out = shares(capacity, siblings)
    wanted = sum(most for _, most in siblings)
    assert sum(given_out) == pytest.approx(min(capacity, wanted), rel=1e-9, abs=1e-9)
    assert all(0 <= share <= most + 1e-9 for share, (_, most) in zip(given_out, siblings, strict=True))


@given(st.floats(0.01, 256), SIBLINGS)
def test_who_is_not_satisfied_has_the_same_by_weight_and_no_less_than_anybody(
    capacity: float, siblings: list[tuple[int, float]]
) -> None:
    given_out = shares(capacity, siblings)
    levels = [share / weight for share, (weight, _) in zip(given_out, siblings, strict=True)]
    thirsty = [
        level for level, share, (_, most) in zip(levels, given_out, siblings, strict=True) if share < most - 1e-6
    ]
    assert all(level == pytest.approx(max(levels), rel=1e-6) for level in thirsty)


@given(st.floats(0.01, 256), SIBLINGS, st.randoms(use_true_random=False))
def test_order_does_not_matter(capacity: float, siblings: list[tuple[int, float]], rng: random.Random) -> None:
    order = list(range(len(siblings)))
    rng.shuffle(order)
    straight = shares(capacity, siblings)
    shuffled = shares(capacity, [siblings[at] for at in order])
    assert shuffled == pytest.approx([straight[at] for at in order], rel=1e-9, abs=1e-9)


@given(st.floats(0.01, 256), SIBLINGS, st.integers(1, 10000))
def test_more_weight_is_never_less(capacity: float, siblings: list[tuple[int, float]], more: int) -> None:
    (weight, most), *others = siblings
    heavier = shares(capacity, [(weight + more, most), *others])
    assert heavier[0] >= shares(capacity, siblings)[0] - 1e-9


@given(st.floats(0.01, 256), WEIGHTS, st.integers(1, 12))
def test_equal_weights_are_equal_shares(capacity: float, weight: int, count: int) -> None:
    assert shares(capacity, [(weight, float("inf"))] * count) == pytest.approx([capacity / count] * count)

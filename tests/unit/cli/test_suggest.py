"""Hints for mistyped names."""

from __future__ import annotations

import pytest

from firkin.runtime.cli.suggest import closest, distance


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("", "", 0),
        ("run", "run", 0),
        ("", "run", 3),
        ("run", "rnu", 1),
        ("run", "rn", 1),
        ("run", "ruun", 1),
        ("run", "ran", 1),
        ("kill", "list", 3),
        ("bundel", "bundle", 1),
    ],
)
def test_the_distance_counts_inserts_deletes_replacements_and_swaps(first: str, second: str, expected: int) -> None:
    assert distance(first, second) == expected
    assert distance(second, first) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [("rnu", "run"), ("kil", "kill"), ("re", "resume"), ("strat", "start"), ("zzz", ""), ("", ""), ("x", "")],
)
def test_the_closest_name_is_near_or_none(word: str, expected: str) -> None:
    assert closest(word, ["run", "resume", "kill", "start", "state"]) == expected


def test_nothing_is_closest_among_nothing() -> None:
    assert closest("run", []) == ""

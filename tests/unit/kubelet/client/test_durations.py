"""Durations as Go writes them."""

from __future__ import annotations

import pytest

from firkin.errors import UsageError
from firkin.kubelet.client.durations import seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"), [("5s", 5), ("2m", 120), ("1h30m", 5400), ("1.5h", 5400), ("100ms", 1), ("1m0.5s", 61)]
)
def test_durations(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "soon", "5 s", "-5s", "1h30", "s"])
def test_what_is_none(text: str) -> None:
    with pytest.raises(UsageError, match="invalid duration"):
        seconds_of(text)

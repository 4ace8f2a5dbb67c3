"""Quantities are exact, and what is none is named."""

from __future__ import annotations

import pytest

from firkin.kubelet.api.quantity import milli, parse_quantity, whole


@pytest.mark.parametrize(
    ("text", "units", "thousandths"),
    [
        ("100m", 1, 100),
        ("64Mi", 1 << 26, (1 << 26) * 1000),
        ("1e3", 1000, 1_000_000),
        ("0.5", 1, 500),
        (2, 2, 2000),
        (1.5, 2, 1500),
        ("1E", 10**18, 10**21),
        ("1Ei", 1 << 60, (1 << 60) * 1000),
        ("1n", 1, 1),
        ("-5", -5, -5000),
        ("+1", 1, 1000),
    ],
)
def test_quantities(text: str | int | float, units: int, thousandths: int) -> None:
    assert (whole(text), milli(text)) == (units, thousandths)


@pytest.mark.parametrize("text", ["", "m", ".", "1x", "--1", "1..2", "1K", "1e99", "0x10", "1 Mi", "Inf", "NaN"])
def test_what_is_no_quantity_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        parse_quantity(text)

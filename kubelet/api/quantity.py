"""Quantities: 100m processors, 64Mi bytes (resource.Quantity of the Kubernetes API)."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal, InvalidOperation

__all__ = ["Quantity", "milli", "parse_quantity", "whole"]

# As it is in a manifest; numbers are allowed there.
Quantity = str | int | float

_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_DIGITS = frozenset("0123456789.")


def parse_quantity(value: Quantity) -> Decimal:
    """The exact number that a quantity is. Raises ValueError with what is wrong."""
    text = str(value)
    digits = text.lstrip("+-")
    end = next((at for at, letter in enumerate(digits) if letter not in _DIGITS), len(digits))
    number, suffix = digits[:end], digits[end:]
    if len(text) - len(digits) > 1 or not number.strip("."):
        raise ValueError(f"{text!r} is not a quantity, such as 500m, 2, 64Mi or 1e3")
    try:
        return Decimal(f"{'-' if text.startswith('-') else ''}{number}") * _factor(suffix)
    except (InvalidOperation, KeyError, ValueError):
        raise ValueError(f"{text!r} is not a quantity, such as 500m, 2, 64Mi or 1e3") from None


def _factor(suffix: str) -> Decimal:
    if suffix in _BINARY:
        return Decimal(1024) ** _BINARY[suffix]
    if suffix[:1] in ("e", "E") and len(suffix) > 1:
        exponent = int(suffix[1:])
        if abs(exponent) > 18:
            raise ValueError(suffix)
        return Decimal(10) ** exponent
    return Decimal(10) ** _DECIMAL[suffix]


def whole(value: Quantity) -> int:
    """The quantity in units, such as bytes; fractions are rounded up, as Kubernetes does. Raises ValueError."""
    return int(parse_quantity(value).to_integral_value(ROUND_CEILING))


def milli(value: Quantity) -> int:
    """The quantity in thousandths, such as of a processor; rounded up. Raises ValueError."""
    return int((parse_quantity(value) * 1000).to_integral_value(ROUND_CEILING))

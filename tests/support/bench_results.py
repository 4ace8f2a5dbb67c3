"""Results of the workbench, as `firkin bench models --json` writes them, for tests of what reads them."""

from __future__ import annotations

from typing import Any

__all__ = ["experiment", "result"]


def quantity(name: str, predicted: float, measured: float, margin: float | None = 0.01) -> dict[str, Any]:
    """A quantity that may differ by 0.02."""
    deviation = abs(measured - predicted)
    agrees = deviation <= 0.02
    return {
        "name": name,
        "predicted": predicted,
        "measured": measured,
        "margin": margin,
        "deviation": deviation,
        "agrees": agrees,
        "decided": agrees or deviation > (margin or float("inf")),
    }


def experiment(name: str, *quantities: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An experiment with these quantities, or an undisturbed share of one half."""
    return {
        "name": name,
        "question": f"What of {name}?",
        "source": "a document",
        "controllers": ["cpu"],
        "unit": "share",
        "tolerance": 0.02,
        "seconds": 3.0,
        "quantities": list(quantities) or [quantity("half", 0.5, 0.51)],
        "series": {},
        "distributions": {},
        **more,
    }


def result(*experiments: dict[str, Any], **facts: Any) -> dict[str, Any]:
    """A run of these experiments on a quiet host."""
    host = {"kernel": "6.1.0", "processors": 2, "memory": 1 << 30, "date": "2026-01-02T03:04:05Z", "load": 0.1}
    return {"host": {**host, **facts}, "experiments": list(experiments)}

"""Bars side by side: what was predicted, as an outline, over what was measured, filled, with how far it may be off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from firkin.workbench.page.document import drawing
from firkin.workbench.page.markup import Markup, element, joined
from firkin.workbench.page.scale import Linear, alike, figure, has_prefixes, quantity

__all__ = ["Pair", "pairs"]

_WIDTH, _ROW, _TOP, _AXIS = 400, 46, 6, 30
_APART = 50
"""From this ratio on, values of no common unit have a scale each."""


@dataclass(frozen=True)
class Pair:
    """A quantity: `margin` is None if not known, `slack` by how much a measurement may differ, 0 if not known."""

    name: str
    predicted: float
    measured: float
    margin: float | None
    slack: float
    verdict: str


def pairs(title: str, rows: Sequence[Pair], unit: str) -> Markup:
    """The bars of some quantities, on one axis if they have a unit or are of similar size."""
    tops = [_most(row) for row in rows]
    shared = bool(unit) or max(tops) <= _APART * min((top for top in tops if top > 0), default=1)
    scales = [Linear(0, (max(tops) if shared else top) or 1.0, 1, _WIDTH - 1) for top in tops]
    height = _TOP + _ROW * len(rows) + (_AXIS if shared else 4)
    marks: list[Markup] = []
    if shared:
        marks.extend(_axis(scales[0], height - _AXIS, unit))
    for number, (row, scale) in enumerate(zip(rows, scales, strict=True)):
        marks.extend(_row(row, scale, _TOP + number * _ROW, unit))
    told = "; ".join(f"{row.name}: predicted {figure(row.predicted)}, measured {figure(row.measured)}" for row in rows)
    return drawing(_WIDTH, height, title, told, *marks)


def _most(row: Pair) -> float:
    return max(row.predicted + row.slack, row.measured + (row.margin or 0.0), 0.0)


def _axis(scale: Linear, bottom: float, unit: str) -> Iterator[Markup]:
    for value in scale.ticks(unit=unit):
        at = scale(value)
        side = "axis" if value == 0 else "axis end" if at > _WIDTH - 20 else "axis middle"
        yield element("line", x1=at, x2=at, y1=0, y2=bottom, class_="base" if value == 0 else "grid")
        yield element("text", quantity(value, unit if has_prefixes(unit) else ""), x=at, y=bottom + 12, class_=side)
    if unit and not has_prefixes(unit):
        yield element("text", unit, x=_WIDTH, y=bottom + 25, class_="axis end")


def _row(row: Pair, scale: Linear, top: float, unit: str) -> Iterator[Markup]:
    sign = {"good": "✓", "bad": "✗", "unsure": "?"}[row.verdict]
    yield element("text", row.name, x=4, y=top + 12, class_="name")
    measured, predicted, margin = alike((row.measured, row.predicted, row.margin or 0.0), unit)
    said = measured if row.margin is None else f"{measured} ± {margin}"
    parts = joined(
        element("tspan", said), element("tspan", " of ", class_="note"),
        element("tspan", predicted), element("tspan", f" {sign}", class_=row.verdict),
    )  # fmt: skip
    yield element("text", parts, x=_WIDTH, y=top + 12, class_="end")
    zero = scale(0)
    if row.slack:
        low, high = scale(row.predicted - row.slack), scale(row.predicted + row.slack)
        yield element("rect", x=low, width=max(high - low, 1.0), y=top + 16, height=25, class_="band")
    width = scale(row.predicted) - zero
    yield element("rect", x=zero, width=max(width, 0.5), y=top + 18, height=8, class_="predicted")
    yield element("rect", x=zero, width=max(scale(row.measured) - zero, 0.5), y=top + 29, height=10, class_="measured")
    if row.margin:
        low, high = scale(row.measured - row.margin), scale(row.measured + row.margin)
        yield element("path", d=f"M{low:.1f} {top + 31}v6M{low:.1f} {top + 34}H{high:.1f}M{high:.1f} {top + 31}v6",
                      class_="whisker")  # fmt: skip

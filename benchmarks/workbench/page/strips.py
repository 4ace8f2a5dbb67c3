"""Strips: every value of some contenders as a dot, the median as a stroke, on one axis."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from firkin.workbench.page.document import drawing
from firkin.workbench.page.markup import Markup, element
from firkin.workbench.page.scale import Linear, Log, Scale, alike, has_prefixes, quantity

__all__ = ["strips"]

_WIDTH, _ROW, _TOP, _AXIS = 400, 38, 6, 30
_APART = 30
"""From this ratio on the axis is by factors."""


def strips(title: str, rows: Mapping[str, Sequence[float]], unit: str, ours: str) -> Markup:
    """The strips of some contenders; those whose names begin with `ours` have a colour of their own."""
    least, most = min(map(min, rows.values())), max(map(max, rows.values()))
    height = _TOP + _ROW * len(rows) + _AXIS
    by_factors = least > 0 and most > _APART * least
    scale: Scale = Log(least / 1.1, most * 1.1, 2, _WIDTH - 4) if by_factors else Linear(0, most or 1.0, 2, _WIDTH - 4)
    bottom = height - _AXIS
    marks = []
    axis = unit if has_prefixes(unit) else ""
    for value in scale.ticks():
        at = scale(value)
        side = "axis" if at < 12 else "axis end" if at > _WIDTH - 20 else "axis middle"
        marks.append(element("line", x1=at, x2=at, y1=0, y2=bottom, class_="grid"))
        marks.append(element("text", quantity(value, axis), x=at, y=bottom + 12, class_=side))
    if not axis:
        marks.append(element("text", unit, x=_WIDTH, y=bottom + 25, class_="axis end"))
    medians = {name: statistics.median(values) for name, values in rows.items()}
    for number, (name, said) in enumerate(zip(rows, alike(list(medians.values()), unit), strict=True)):
        colour = "c0" if name.startswith(ours) else "c6"
        marks.extend(_strip(name, said, rows[name], medians[name], scale, _TOP + _ROW * number, colour))
    told = "; ".join(f"{name}: median {quantity(value, unit)}" for name, value in medians.items())
    return drawing(_WIDTH, height, title, told, *marks)


def _strip(
    name: str, said: str, values: Sequence[float], median: float, scale: Scale, top: float, colour: str
) -> list[Markup]:
    dots = [
        element("circle", cx=scale(value), cy=top + 25, r=3, class_=f"f{colour[1:]} faint") for value in sorted(values)
    ]
    at = scale(median)
    return [
        element("text", name, x=2, y=top + 12, class_="name halo"),
        element("text", said, x=_WIDTH, y=top + 12, class_="end halo"),
        *dots,
        element("line", x1=at, x2=at, y1=top + 18, y2=top + 32, class_=f"{colour} median"),
    ]

"""Curves: quantities over time, and how values are distributed. Each has its name beside its end."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from firkin.workbench.page.document import drawing
from firkin.workbench.page.markup import Markup, element
from firkin.workbench.page.scale import Linear, Log, Scale, figure, has_prefixes, quantity
from firkin.workbench.page.style import COLOURS

__all__ = ["Curve", "Shape", "cumulative", "hour_ticks", "over_time"]

_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 92, 10, 34
_LINE = 12.5
"""How far names must be apart to be read."""

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Curve:
    """One line: its points in order, and the same as predicted, which may be none."""

    name: str
    points: Points
    predicted: Points = ()


@dataclass(frozen=True)
class Shape:
    """How large a drawing is, and whether a value holds until the next one comes (`steps`)."""

    width: float = 400
    height: float = 230
    steps: bool = False


def over_time(
    title: str, curves: Sequence[Curve], unit: str, shape: Shape | None = None, *, hours: bool = False
) -> Markup:
    """Values in `unit` over seconds, from 0; with `hours` these are times of a day."""
    shape = shape or Shape()
    points = [point for curve in curves for point in (*curve.points, *curve.predicted)]
    first, last = min(x for x, _ in points), max(x for x, _ in points)
    least, most = min(0.0, *(y for _, y in points)), max(y for _, y in points) or 1.0
    across = Linear(first, last, _LEFT, shape.width - _RIGHT)
    up = Linear(least, most * 1.04, shape.height - _BOTTOM, _TOP)
    across_ticks = hour_ticks(first, last) if hours else [(value, figure(value)) for value in across.ticks()]
    up_ticks = [(value, quantity(value, unit if has_prefixes(unit) else "")) for value in up.ticks(unit=unit)]
    marks = [
        *_grid(
            shape, across, up, across_ticks, up_ticks, ("" if hours else "seconds", "" if has_prefixes(unit) else unit)
        )
    ]
    marks.extend(_curves(curves, across, up, steps=shape.steps))
    marks.extend(_names(curves, across, up))
    return drawing(shape.width, shape.height, title, _told(curves, unit), *marks)


def cumulative(title: str, curves: Sequence[Curve], unit: str) -> Markup:
    """Which part of all values (0 to 1) is not above each, on an axis by factors."""
    shape = Shape(steps=True)
    values = [x for curve in curves for x, _ in (*curve.points, *curve.predicted) if 0 < x < math.inf]
    least, most = min(values, default=1.0), max(values, default=10.0)
    # The first bound is where its values end, not where they begin.
    curves = [
        replace(one, points=_drawn_out(one.points, most), predicted=_drawn_out(one.predicted, most)) for one in curves
    ]
    across = Log(least / 2, max(most, least * 10), _LEFT, shape.width - _RIGHT)
    up = Linear(0, 1, shape.height - _BOTTOM, _TOP)
    ticks = [(value, quantity(value, unit if has_prefixes(unit) else "")) for value in across.ticks()]
    parts = [(value, f"{value:.0%}") for value in (0, 0.25, 0.5, 0.75, 0.9, 1)]
    marks = [*_grid(shape, across, up, ticks, parts, ("" if has_prefixes(unit) else unit, ""))]
    marks.extend(_curves(curves, across, up, steps=True))
    marks.extend(_names_on_the_way(curves, across, up))
    return drawing(shape.width, shape.height, title, _told(curves, "of all"), *marks)


def _drawn_out(points: Points, to: float) -> Points:
    return [*points, (to, points[-1][1])] if points else points


def _grid(
    shape: Shape, across: Scale, up: Scale, ticks: Sequence[tuple[float, str]], levels: Sequence[tuple[float, str]],
    units: tuple[str, str],
) -> Iterator[Markup]:  # fmt: skip
    bottom = shape.height - _BOTTOM
    for value, name in levels:
        at = up(value)
        yield element("line", x1=_LEFT, x2=shape.width - _RIGHT, y1=at, y2=at, class_="grid")
        yield element("text", name, x=_LEFT - 6, y=at + 3.5, class_="axis end")
    if units[1]:
        yield element("text", units[1], x=0, y=shape.height - 4, class_="axis")
    for value, name in ticks:
        at = across(value)
        yield element("line", x1=at, x2=at, y1=bottom, y2=bottom + 4, class_="base")
        yield element("text", name, x=at, y=bottom + 16, class_="axis middle")
    yield element("line", x1=_LEFT, x2=shape.width - _RIGHT, y1=bottom, y2=bottom, class_="base")
    yield element("text", units[0], x=shape.width - _RIGHT, y=shape.height - 4, class_="axis end")


def _curves(curves: Sequence[Curve], across: Scale, up: Scale, *, steps: bool) -> Iterator[Markup]:
    for number, curve in enumerate(curves):
        colour = f"c{number % COLOURS}"
        if curve.predicted:
            told = element("title", f"{curve.name}, as predicted")
            yield element("path", told, d=_path(curve.predicted, across, up, steps=steps), class_=f"guide {colour}")
        if curve.points:
            told = element("title", curve.name)
            yield element("path", told, d=_path(curve.points, across, up, steps=steps), class_=f"line {colour}")


def _path(points: Points, across: Scale, up: Scale, *, steps: bool) -> str:
    places = [(across(x), up(y)) for x, y in points]
    begin = f"M{places[0][0]:.1f} {places[0][1]:.1f}"
    if steps:
        return begin + "".join(f"H{x:.1f}V{y:.1f}" for x, y in places[1:])
    return begin + "".join(f"L{x:.1f} {y:.1f}" for x, y in places[1:])


def _names_on_the_way(curves: Sequence[Curve], across: Scale, up: Scale) -> Iterator[Markup]:
    # All end at the top: each has its name beside it, at a height of its own.
    for number, curve in enumerate(curves):
        level = 0.62 - 0.12 * (number % 5)
        x = next((x for x, y in curve.points or curve.predicted if y >= level), 0.0)
        yield _name(curve, number, across(x) + 5, up(level) + 3.5)


def _names(curves: Sequence[Curve], across: Scale, up: Scale) -> Iterator[Markup]:
    ends = [(curve.points or curve.predicted)[-1] for curve in curves]
    heights = spread([up(y) for _, y in ends], _LINE, _TOP + 4, up.low + 4)
    for number, (curve, (x, _), at) in enumerate(zip(curves, ends, heights, strict=True)):
        yield _name(curve, number, across(x) + 6, at + 3.5)


def _name(curve: Curve, number: int, x: float, y: float) -> Markup:
    full = element("title", curve.name)
    return element("text", _short(curve.name), full, x=x, y=y, class_=f"name halo c{number % COLOURS}")


def spread(places: Sequence[float], apart: float, least: float, most: float) -> list[float]:
    """The places moved as little as keeps them `apart`, in the same order; within the ends if there is room."""
    order = sorted(range(len(places)), key=lambda number: places[number])
    found = list(places)
    floor = least
    for number in order:
        found[number] = max(found[number], floor)
        floor = found[number] + apart
    ceiling = most
    for number in reversed(order):
        found[number] = min(found[number], ceiling)
        ceiling = found[number] - apart
    return found


def _short(name: str, most: int = 15) -> str:
    return name if len(name) <= most else f"…{name[1 - most :]}"


def hour_ticks(first: float, last: float) -> list[tuple[float, str]]:
    """Round times of a day between two, in seconds from midnight, with their names."""
    step = next(step for step in (300, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 604800, math.inf)
                if (last - first) / step <= 9)  # fmt: skip
    if math.isinf(step):
        return [(first, _clock(first)), (last, _clock(last))]
    begin = math.ceil(first / step)
    return [(number * step, _clock(number * step)) for number in itertools.takewhile(
        lambda number: number * step <= last, itertools.count(begin))]  # fmt: skip


def _clock(seconds: float) -> str:
    days, rest = divmod(round(seconds), 86400)
    return f"{days} d" if days > 1 and not rest else f"{round(seconds) // 3600:02}:{rest % 3600 // 60:02}"


def _told(curves: Sequence[Curve], unit: str) -> str:
    said = []
    for curve in curves:
        values = [y for _, y in curve.points or curve.predicted]
        said.append(f"{curve.name}: {figure(min(values))} to {figure(max(values))} {unit}".rstrip())
    return "; ".join(said)

"""Spans: what goes on when, a row for each, with names before and a word behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from firkin.workbench.page.document import drawing
from firkin.workbench.page.markup import Markup, element
from firkin.workbench.page.scale import Linear

__all__ = ["Row", "spans"]

_WIDTH, _ROW, _LEFT, _RIGHT, _AXIS = 820, 22, 300, 80, 24


@dataclass(frozen=True)
class Row:
    """One row: its name, what it is about, when (pairs of seconds), a word about all, and its colour by number."""

    name: str
    about: str
    times: Sequence[tuple[float, float]]
    said: str
    colour: int


def spans(title: str, rows: Sequence[Row], first: float, last: float, ticks: Sequence[tuple[float, str]]) -> Markup:
    """The rows over the time from `first` to `last`, with names of some times."""
    across = Linear(first, last, _LEFT, _WIDTH - _RIGHT)
    height = _ROW * len(rows) + _AXIS
    marks = []
    for value, name in ticks:
        at = across(value)
        marks.append(element("line", x1=at, x2=at, y1=0, y2=height - _AXIS, class_="grid"))
        marks.append(element("text", name, x=at, y=height - 8, class_="axis middle"))
    for number, row in enumerate(rows):
        top = number * _ROW
        about = element("tspan", f"  {row.about}", class_="note")
        marks.append(element("text", element("tspan", _short(row.name)), about, x=0, y=top + 14))
        for begin, end in row.times:
            left, right = across(begin), across(end)
            told = element("title", f"{row.name}: {row.about}")
            marks.append(element("rect", told, x=left, width=max(right - left, 1.0), y=top + 4, height=_ROW - 8,
                                 class_=f"f{row.colour}"))  # fmt: skip
        marks.append(element("text", row.said, x=_WIDTH, y=top + 14, class_="end note"))
    return drawing(_WIDTH, height, title, "; ".join(f"{row.name}: {row.about}, {row.said}" for row in rows), *marks)


def _short(name: str, most: int = 22) -> str:
    return name if len(name) <= most else f"…{name[1 - most :]}"

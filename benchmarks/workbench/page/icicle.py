"""Icicles: a whole at the top, and below it, level by level, who has which part of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from firkin.workbench.page.document import drawing
from firkin.workbench.page.markup import Markup, element
from firkin.workbench.page.style import COLOURS

__all__ = ["Cell", "icicle"]

_WIDTH, _ROW, _STRIPE = 400, 30, 5
_SEEN = 2.0
"""What is narrower is drawn together with its neighbours."""

_LETTER = 6.2
"""How wide a letter is, more or less."""


@dataclass(frozen=True)
class Cell:
    """One part: `value` of the whole, `said` about it, whether something holds it back, how much of it is `kept`."""

    name: str
    value: float
    said: str
    held: bool = False
    kept: float = 0.0
    children: Sequence[Cell] = ()


def icicle(title: str, whole: Cell, description: str) -> Markup:
    """The picture. What of a part no child has is left empty; what is kept (protected) has a stripe above it, what is
    held back a dashed one below it."""
    depth = _depth(whole)
    scale = (_WIDTH - 1) / (whole.value or 1.0)
    marks = [element("rect", x=0, y=0, width=_WIDTH, height=_ROW - 2, class_="spare"),
             element("text", whole.name, x=6, y=18, class_="name"),
             element("text", whole.said, x=_WIDTH - 6, y=18, class_="note end")]  # fmt: skip
    marks.extend(_below(whole, 0.0, _ROW, scale, None))
    return drawing(_WIDTH, depth * _ROW, title, description, *marks)


def _depth(cell: Cell) -> int:
    return 1 + max(map(_depth, cell.children), default=0)


def _below(parent: Cell, left: float, top: float, scale: float, colour: int | None) -> Iterator[Markup]:
    narrow: list[Cell] = []
    for number, cell in enumerate(parent.children):
        own = number % (COLOURS - 1) if colour is None else colour
        width = cell.value * scale
        if width < _SEEN:
            narrow.append(cell)
            continue
        yield from _cell(cell, left, top, width, own)
        yield from _below(cell, left, top + _ROW, scale, own)
        left += width
    if narrow and (width := sum(cell.value for cell in narrow) * scale) > 0:
        held = sum(cell.held for cell in narrow)
        name = f"{len(narrow)} more"
        said = f"{name}, {held} of them held back" if held else name
        yield from _cell(Cell(name, 0, said, held=held > 0), left, top, max(width, 1.0), COLOURS - 1)


def _cell(cell: Cell, left: float, top: float, width: float, colour: int) -> Iterator[Markup]:
    height = _ROW - 2
    parts = [element("title", f"{cell.name}: {cell.said}"),
             element("rect", x=left, y=top, width=width, height=height, class_=f"cell f{colour}")]  # fmt: skip
    if cell.kept and cell.value:
        kept = width * min(cell.kept / cell.value, 1.0)
        parts.append(element("rect", x=left, y=top, width=kept, height=_STRIPE, class_="kept"))
    if cell.held:
        at = top + height - _STRIPE / 2
        parts.append(element("line", x1=left, x2=left + width - 1, y1=at, y2=at, class_="held"))
    room = int((width - 8) / _LETTER)
    if room >= 3:
        name = cell.name if len(cell.name) <= room else f"{cell.name[: room - 1]}…"
        parts.append(element("text", name, x=left + 5, y=top + 18, class_="inside"))
    yield element("g", *parts)

"""The lines of the view that are in sight, as one widget: urwid's own list takes several times as long to draw."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import urwid

from firkin.runtime.top.model import Model
from firkin.runtime.top.table import cells, label

__all__ = ["Body"]

_NAME_WIDTH = 20


class Body(urwid.Widget):
    """The model's lines, as many as there is room for, with the one that has the focus among them.

    `name_width` is that of the first column. Keys that move the focus are its own, all others for who has the widget.
    """

    _sizing = frozenset([urwid.BOX])
    _selectable = True

    def __init__(self, model: Model) -> None:
        super().__init__()
        self._model = model
        self._first = 0
        self.name_width = _NAME_WIDTH

    def resize(self, columns: int, rows: int, others: int) -> None:
        """Lay out for a screen of this size, on which the other columns take `others`."""
        self.name_width = max(_NAME_WIDTH, columns - others)
        # The focus is in sight: so is nothing farther away than this, not even after the next page is turned to.
        self._model.reach = 2 * rows
        self.update()

    def update(self) -> None:
        """The model has other lines, or other numbers in them."""
        self._invalidate()

    def render(self, size: tuple[()] | tuple[int] | tuple[int, int], focus: bool = False) -> urwid.Canvas:
        """Draw what is in sight."""
        columns, rows = size  # type: ignore[misc]
        self._scroll(rows)
        texts, attributes, charsets = [], [], []
        for number in range(self._first, self._first + rows):
            text, charset = self._encoded(number, columns)
            attribute: Hashable = "focus" if focus and number == self._model.focus else "line"
            texts.append(text)
            attributes.append([(attribute, len(text))])
            charsets.append(charset)
        return urwid.TextCanvas(texts, attributes, charsets, maxcol=columns)

    def _scroll(self, rows: int) -> None:
        count, focus = len(self._model.shown), self._model.focus
        self._first = max(0, min(self._first, count - rows, focus))
        self._first = max(self._first, focus - rows + 1)

    def _encoded(self, number: int, columns: int) -> tuple[bytes, Any]:
        text = self._text(number)
        if text.isascii():
            encoded = text[:columns].encode()
            return encoded, [(None, len(encoded))]
        end, _ = urwid.calc_text_pos(text, 0, len(text), columns)
        return urwid.apply_target_encoding(text[:end])

    def _text(self, number: int) -> str:
        if number >= len(self._model.shown):
            return ""
        place = self._model.shown[number]
        self._model.look(place)
        line = self._model.line(place)
        name = label(line)
        if len(name) > self.name_width:
            name = name[: self.name_width - 1] + "~"
        return f"{name:{self.name_width}} {cells(self._model, line)}"

    def keypress(self, size: tuple[()] | tuple[int] | tuple[int, int], key: str) -> str | None:
        """Move the focus; what it does not do that with is returned."""
        last = len(self._model.shown) - 1
        moves = {"up": -1, "down": 1, "page up": -size[-1], "page down": size[-1], "home": -last, "end": last}  # type: ignore[misc]
        if key not in moves:
            return key
        self._model.focus = max(0, min(last, self._model.focus + moves[key]))
        self._invalidate()
        return None

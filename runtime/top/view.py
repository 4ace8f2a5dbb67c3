"""The view in a terminal."""

from __future__ import annotations

import signal
from collections.abc import Hashable
from types import FrameType
from typing import Any

import urwid

from firkin.runtime.top.body import Body
from firkin.runtime.top.columns import COLUMNS
from firkin.runtime.top.model import BY_NAME, Line, Model
from firkin.runtime.top.table import titles

__all__ = ["View", "show"]

_PALETTE = [
    ("head", "standout", ""),
    ("sorted", "standout,bold", ""),
    ("line", "", ""),
    ("focus", "standout", ""),
    ("foot", "bold", ""),
]
# A key, or what a mouse does.
_Input = str | tuple[str, int, int, int]
_KEYS = {column.key: column.name for column in COLUMNS} | {"n": BY_NAME}
_HELP = "q quit  </> or a letter: sort  R reverse  enter/left/right fold  / filter"


class View:
    """The screen: the head of the columns, the lines, and what the keys do or the filter.

    `widget` is all of it; `key` and `input_filter` are for urwid's main loop.
    """

    def __init__(self, model: Model, screen: urwid.display.raw.Screen) -> None:
        self._model = model
        self._screen = screen
        self._body = Body(model)
        self._head = urwid.Text("", wrap="clip")
        self._foot = urwid.Text("", wrap="clip")
        self._filter = urwid.Edit("filter: ")
        urwid.connect_signal(self._filter, "change", self._set_filter)
        self._footer: urwid.WidgetPlaceholder[urwid.Widget] = urwid.WidgetPlaceholder(self._foot)
        head, foot = urwid.AttrMap(self._head, "head"), urwid.AttrMap(self._footer, "foot")
        self.widget = urwid.Frame(self._body, header=head, footer=foot)
        self._resize()

    def tick(self) -> None:
        """Read again and show that. Raises CgroupError."""
        self._model.tick()
        self._update()

    def input_filter(self, keys: list[_Input], _raw: list[int]) -> list[_Input]:
        """Lay the columns out anew when the terminal has another size."""
        if "window resize" in keys:
            self._resize()
        return keys

    def key(self, key: _Input) -> bool:
        """Act on a key that moves neither the focus nor the cursor; returns whether it has a meaning."""
        if not isinstance(key, str):
            return False
        if self.widget.focus_position == "footer":
            return self._end_filter(key)
        if key in ("q", "Q"):
            raise urwid.ExitMainLoop
        if key == "/":
            self._footer.original_widget = self._filter
            self.widget.focus_position = "footer"
        elif key == "esc":
            self._filter.set_edit_text("")
        else:
            return self._sort(key) or self._fold(key)
        return True

    def _end_filter(self, key: str) -> bool:
        if key == "esc":
            self._filter.set_edit_text("")
        if key in ("enter", "esc"):
            self.widget.focus_position = "body"
            self._footer.original_widget = self._foot
        return True

    def _set_filter(self, _widget: urwid.Edit, text: str) -> None:
        self._model.filter = text
        self._update()

    def _sort(self, key: str) -> bool:
        names = [BY_NAME, *(column.name for column in COLUMNS)]
        place = names.index(self._model.sort)
        if key in ("<", ">"):
            self._model.sort_by(names[(place + (1 if key == ">" else -1)) % len(names)])
        elif key == "R":
            self._model.sort_by(self._model.sort)
        elif key in _KEYS:
            self._model.sort_by(_KEYS[key])
        else:
            return False
        self._update()
        return True

    def _fold(self, key: str) -> bool:
        line = self._focused()
        if line is None or key not in ("enter", " ", "left", "right"):
            return False
        folded = not line.folded if key in ("enter", " ") else key == "left"
        if line.has_children:
            self._model.fold(line.id, folded=folded)
        self._update()
        return True

    def _focused(self) -> Line | None:
        return self._model.line(self._model.shown[self._model.focus]) if self._model.shown else None

    def _resize(self) -> None:
        columns, rows = self._screen.get_cols_rows()
        self._body.resize(columns, rows, len(titles()) + 1)
        self._set_texts()

    def _update(self) -> None:
        self._body.update()
        self._set_texts()

    def _set_texts(self) -> None:
        head: list[Any] = [self._title(BY_NAME, f"{'CGROUP':{self._body.name_width}}")]
        for column in COLUMNS:
            head += [" ", self._title(column.name, column.title.rjust(column.width))]
        self._head.set_text(head)
        filtered = f"filter: {self._model.filter}  " if self._model.filter else ""
        self._foot.set_text(f"{len(self._model)} groups  {filtered}{_HELP}")

    def _title(self, name: str, text: str) -> tuple[Hashable, str]:
        return ("sorted" if name == self._model.sort else "head", text)


def show(model: Model, interval: float) -> None:
    """Show the model until `q`, ctrl-C or SIGTERM. `interval` is in seconds. Raises CgroupError."""
    screen = urwid.display.raw.Screen()
    view = View(model, screen)
    loop = urwid.MainLoop(
        view.widget,
        _PALETTE,
        screen=screen,
        handle_mouse=False,
        input_filter=view.input_filter,
        unhandled_input=view.key,
    )

    def tick(*_: object) -> None:
        loop.set_alarm_in(interval, tick)
        view.tick()

    loop.set_alarm_in(interval, tick)
    numbers = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    before = [signal.signal(number, _leave) for number in numbers]
    try:
        loop.run()
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _leave(_number: int, _frame: FrameType | None) -> None:
    # The loop ends, and gives the terminal back as it was.
    raise urwid.ExitMainLoop

"""Lines whose columns are aligned: a column is as wide as its widest cell in the lines that follow each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

__all__ = ["Writer", "shown_annotations", "when"]

_PADDING = 2
_SHOWN = 140


class Writer:
    """Collects lines; `text` aligns them."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def line(self, level: int, name: str, *values: object) -> None:
        """A line: a name, and cells beside it."""
        self._lines.append("\t".join(["  " * level + name, *(str(value) for value in values)]))

    def mapping(self, level: int, name: str, values: Mapping[str, str], sign: str = "=") -> None:
        """Names and values, one a line, the first beside the name."""
        texts = [f"{key}{sign}{value}" for key, value in sorted(values.items())]
        self.texts(level, name, texts)

    def texts(self, level: int, name: str, texts: Sequence[str]) -> None:
        """Texts, one a line, the first beside the name."""
        for label, text in zip([name, *[""] * len(texts)], texts or ["<none>"], strict=False):
            self.line(level, label, text)

    def text(self) -> str:
        """All lines, aligned."""
        rows = [line.split("\t") for line in self._lines]
        _align(rows, 0, 0, len(rows))
        return "".join("".join(row).rstrip() + "\n" for row in rows)


def _align(rows: list[list[str]], column: int, start: int, end: int) -> None:
    # The last cell of a line ends no column.
    at = start
    while at < end:
        stop = at
        while stop < end and len(rows[stop]) > column + 1:
            stop += 1
        if stop > at:
            width = max(len(row[column]) for row in rows[at:stop]) + _PADDING
            for row in rows[at:stop]:
                row[column] = row[column].ljust(width)
            _align(rows, column + 1, at, stop)
        at = max(stop, at + 1)


def shown_annotations(values: Mapping[str, str]) -> dict[str, str]:
    """Annotations as they are shown: without what was applied, long ones cut."""
    hidden = "kubectl.kubernetes.io/last-applied-configuration"
    shown = {name: text for name, text in values.items() if name != hidden}
    return {name: text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..." for name, text in shown.items()}


def when(value: Any) -> str:
    """A time of the API in the zone of this machine."""
    if not value:
        return "<unset>"
    return datetime.fromisoformat(str(value).replace("Z", "+00:00")).astimezone().strftime("%a, %d %b %Y %H:%M:%S %z")

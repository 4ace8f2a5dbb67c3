"""The view as plain text and as JSON, for what is no terminal."""

from __future__ import annotations

from firkin.runtime.top.columns import COLUMNS
from firkin.runtime.top.model import Line, Model

__all__ = ["cells", "label", "records", "table", "titles"]


def label(line: Line) -> str:
    """The first cell: the name, indented by depth, behind a mark if there is something below."""
    mark = "+ " if line.folded else "- " if line.has_children else "  "
    return "  " * line.depth + mark + line.name


def titles() -> str:
    """The heads of the columns after the name."""
    return " ".join(column.title.rjust(column.width) for column in COLUMNS)


def cells(model: Model, line: Line) -> str:
    """A group's columns after the name."""
    return " ".join(cell.rjust(column.width) for cell, column in zip(model.cells(line), COLUMNS, strict=True))


def table(model: Model) -> str:
    """All lines, with a head."""
    lines = model.lines()
    width = max([6, *(len(label(line)) for line in lines)])
    rows = [f"{'CGROUP':{width}} {titles()}", *(f"{label(line):{width}} {cells(model, line)}" for line in lines)]
    return "".join(f"{row.rstrip()}\n" for row in rows)


def records(model: Model) -> list[dict[str, object]]:
    """All groups in the order of lines."""
    return [model.record(line) for line in model.lines()]

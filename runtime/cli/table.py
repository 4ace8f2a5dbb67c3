"""Tables of text: columns as wide as they must be."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["table"]


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The lines of a table, each ending with a newline, the heading first and in capitals."""
    lines = [[word.upper() for word in heading], *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heading))]
    return "".join("   ".join(map(str.ljust, line, widths)).rstrip() + "\n" for line in lines)

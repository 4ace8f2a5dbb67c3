"""The words at the end of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.suite.accounting import is_lost
from tests.suite.record import DID_NOT_RUN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.suite.accounting import Account
    from tests.suite.record import Part, Result

__all__ = ["summary"]

_HEADINGS = ("what", "where", "passed", "failed", "skipped", "elsewhere", "time")
_LISTED = 50


def summary(parts: Sequence[Part], account: Account, *, strict: bool) -> str:
    """The table of `parts`, what failed and what was skipped, and the sums as the last line."""
    severity = "an error here" if strict else "an error with --strict-skips or CI=true"
    return "\n".join(
        [
            "",
            *_table([_HEADINGS, *(_row(part, parts) for part in parts)]),
            *_listed("failed", account.failed),
            *_listed(f"skipped and run nowhere, {severity}", account.skipped),
            *(f"problem: {problem}" for problem in account.problems),
            "",
            account.last_line(),
        ]
    )


def _row(part: Part, parts: Sequence[Part]) -> tuple[str, ...]:
    everything = [result for other in parts for result in other.results]
    lost = sum(is_lost(result, everything) for result in part.results)
    made_up = part.count("skipped") - lost
    counts = (part.count("passed"), part.count("failed"), lost, made_up)
    return (part.what, part.where, *map(str, counts), f"{part.seconds:.0f} s")


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    names = 2  # the columns of words; those of numbers follow
    return [
        "  ".join(
            cell.ljust(width) if column < names else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def _listed(title: str, results: Sequence[Result]) -> list[str]:
    if not results:
        return []
    told = [result for result in results if result.reason != DID_NOT_RUN]
    lines = [f"  {result.nodeid}: {result.reason}" if result.reason else f"  {result.nodeid}" for result in told]
    if len(told) > _LISTED:
        lines[_LISTED:] = [f"  and {len(told) - _LISTED} more"]
    if untold := len(results) - len(told):
        lines.append(f"  {untold} that did not run, as the session broke off before")
    return ["", f"{title}:", *lines]

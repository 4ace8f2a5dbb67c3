"""`firkin bench compare`: what is not as it was in an earlier run on the same host."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

from firkin.errors import UsageError
from firkin.runtime.cli.table import table
from firkin.workbench.page.scale import alike
from firkin.workbench.report.differences import Changes, Difference, compare, other_host
from firkin.workbench.report.result import Facts, read_result

__all__ = ["compare_results"]


def compare_results(old: str, new: str, *, any_host: bool, as_json: bool) -> int:
    """Compare the results in two files: 1 if something is worse, gone, or predicted differently, else 0.

    Raises ConfigError, KernelError, and UsageError if they are of different hosts, unless `any_host`.
    """
    before, now = read_result(old), read_result(new)
    why = other_host(before.host, now.host)
    if why and not any_host:
        raise UsageError(f"bench compare: these are of different hosts: {why}", hint="--any-host compares them")
    changes = compare(before, now)
    remarks = [*_remarks(before.host, now.host), *([f"different hosts: {why}"] if why else [])]
    if as_json:
        json.dump(_document(changes, remarks), sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        sys.stdout.write(as_text(changes, remarks))
    return 1 if any(difference.is_bad for difference in changes.differences) else 0


def _remarks(before: Facts, now: Facts) -> Iterator[str]:
    if before.kernel != now.kernel:
        yield f"Linux {before.kernel} before, {now.kernel} now"
    for when, facts in (("before", before), ("now", now)):
        if facts.noise and facts.noise.exceeds:
            yield f"the host was not quiet {when}: disturbed by {facts.noise.figure:.1%}"


def as_text(changes: Changes, remarks: list[str]) -> str:
    """The differences for people."""
    lines = [f"! {remark}\n" for remark in remarks]
    if changes.differences:
        lines.append(table(("", "of", "what", "before", "now", "by chance"), map(_row, changes.differences)))
    same = changes.compared - len(changes.differences)
    lines.append(f"{same} of {changes.compared} quantities are as they were, within what is measured.\n")
    return "".join(lines)


def _row(one: Difference) -> tuple[str, ...]:
    values = [value for value in (one.before, one.now, one.margin or None) if value is not None]
    words = iter(alike(values, one.unit))
    before, now = (next(words) if value is not None else "-" for value in (one.before, one.now))
    return one.kind, one.where, one.name, before, now, f"± {next(words)}" if one.margin else "-"


def _document(changes: Changes, remarks: list[str]) -> dict[str, object]:
    fields = ("where", "name", "kind", "before", "now", "margin", "unit")
    return {
        "compared": changes.compared,
        "remarks": remarks,
        "differences": [{field: getattr(one, field) for field in fields} for one in changes.differences],
    }

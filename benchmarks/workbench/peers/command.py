"""`firkin bench lifecycle` and the other contests: measured, and told as text, JSON or a page."""

from __future__ import annotations

import importlib
import json
import os
import statistics
import sys
from collections.abc import Callable, Iterator

import msgspec

from firkin.errors import UsageError
from firkin.runtime.cli.table import table
from firkin.workbench.host_facts import host_facts
from firkin.workbench.page.scale import alike
from firkin.workbench.peers.contest import Contest, Effort
from firkin.workbench.peers.programs import need
from firkin.workbench.report.result import Comparison

__all__ = ["CONTESTS", "as_text", "contest"]

CONTESTS = {
    "lifecycle": "firkin.workbench.peers.lifecycle:LIFECYCLE",
    "accounting": "firkin.workbench.peers.accounting:ACCOUNTING",
    "images": "firkin.workbench.peers.images:IMAGES",
    "cri": "firkin.workbench.peers.cri:CRI",
}
"""Each contest, by module and name: what one imports the others do not need."""


def contest(name: str, *, quick: bool, as_json: bool, page: str) -> int:
    """Hold a contest; `page` is where a page of it goes, or empty. Returns 0.

    Raises UsageError for what it needs and this machine has not.
    """
    module, _, variable = CONTESTS[name].partition(":")
    chosen: Contest = getattr(importlib.import_module(module), variable)
    if os.geteuid():
        raise UsageError(f"bench {name}: needs root")
    need(*chosen.programs)
    chosen.enter()
    facts = host_facts()
    found = chosen.measure(Effort(chosen.rounds[quick], quick, _progress(name)))
    _progress(name)("")
    document: dict[str, object] = {"host": facts, "comparisons": [msgspec.to_builtins(found)]}
    if page:
        from firkin.workbench.report.command import write_result

        write_result(document, page)
    if as_json:
        json.dump(document, sys.stdout, indent=2)
        sys.stdout.write("\n")
    elif not page:
        sys.stdout.write(as_text(found))
    return 0


def _progress(name: str) -> Callable[[str], None]:
    def show(said: str) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{name}: {said}" if said else "\r\x1b[K")
            sys.stderr.flush()

    return show


def as_text(found: Comparison) -> str:
    """A comparison for people."""
    lines = [f"{found.question}\n"]
    lines += [f"! left out: {why}\n" for why in found.missing]
    lines += [f"  {name}: {version}\n" for name, version in found.versions.items()]
    units = dict.fromkeys(sample.unit for sample in found.samples)
    for unit in units:
        rows = list(_rows(found, unit))
        lines.append(table(("step", "", "best", "median", "firkin is"), rows))
    return "".join(lines)


def _rows(found: Comparison, unit: str) -> Iterator[tuple[str, ...]]:
    ours = {one.step: one for one in reversed(found.samples) if one.contender.startswith("firkin")}
    for sample in found.samples:
        if sample.unit != unit:
            continue
        median = statistics.median(sample.values)
        best = min(sample.values) if sample.less_is_better else max(sample.values)
        part = ""
        if not sample.contender.startswith("firkin") and sample.step in ours and median:
            part = f"{statistics.median(ours[sample.step].values) / median:.2f} x"
        yield sample.step, sample.contender, *alike((best, median), unit), part

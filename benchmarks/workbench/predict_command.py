"""`firkin bench predict`: who would get what, as text, JSON or a page."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence

from firkin.workbench import day_text
from firkin.workbench.advice import advise
from firkin.workbench.columns import Columns
from firkin.workbench.day import live
from firkin.workbench.demand_trace import read_trace, steps
from firkin.workbench.forecast import predict
from firkin.workbench.plan import Plan
from firkin.workbench.render import as_json as forecast_document
from firkin.workbench.render import as_text
from firkin.workbench.report.command import write as _write
from firkin.workbench.report.day import day_page
from firkin.workbench.report.forecast import forecast_page
from firkin.workbench.tree_file import edit, read_plan

__all__ = ["predict_tree"]


def predict_tree(path: str, changes: Sequence[str], *, trace: str, as_json: bool, page: str) -> int:
    """Predict the tree in a file, with some `changes`, for what it says that is wanted or over a `trace`; `page` is
    where a page goes, or empty. Returns 0.

    Raises ConfigError, KernelError.
    """
    plan = before = read_plan(path)
    for change in changes:
        plan = edit(plan, change)
    name = os.path.basename(path)
    if trace:
        return _predict_day(name, plan, changes, trace, as_json=as_json, page=page)
    forecast = predict(plan)
    former = predict(before) if changes else None
    if page:
        pair = (before, former) if former else None
        _write(forecast_page(name, plan, forecast, changes, pair), page)
    if as_json:
        _print_json(forecast_document(forecast))
    elif not page:
        sys.stdout.write(as_text(forecast, plan.machine.cpus, former))
    return 0


def _predict_day(name: str, plan: Plan, changes: Sequence[str], trace: str, *, as_json: bool, page: str) -> int:
    columns = Columns(plan)
    day = live(columns, steps(read_trace(trace, columns), columns))
    advice = advise(day)
    if page:
        _write(day_page(name, day, advice, changes), page)
    if as_json:
        _print_json(day_text.as_json(day, advice))
    elif not page:
        sys.stdout.write(day_text.as_text(day, advice))
    return 0


def _print_json(document: dict[str, object]) -> None:
    json.dump(document, sys.stdout, indent=2)
    sys.stdout.write("\n")

"""`firkin bench predict`: who would get what, as text, JSON or a page."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence

from firkin.workbench.forecast import predict
from firkin.workbench.render import as_json as forecast_document
from firkin.workbench.render import as_text
from firkin.workbench.tree_file import edit, read_plan

__all__ = ["predict_tree"]


def predict_tree(path: str, changes: Sequence[str], *, as_json: bool, page: str) -> int:
    """Predict the tree in a file, with some `changes`; `page` is where a page goes, or empty. Returns 0.

    Raises ConfigError, KernelError.
    """
    plan = before = read_plan(path)
    for change in changes:
        plan = edit(plan, change)
    forecast = predict(plan)
    former = predict(before) if changes else None
    if page:
        from firkin.workbench.report.command import write
        from firkin.workbench.report.forecast import forecast_page

        pair = (before, former) if former else None
        write(forecast_page(os.path.basename(path), plan, forecast, changes, pair), page)
    if as_json:
        json.dump(forecast_document(forecast), sys.stdout, indent=2)
        sys.stdout.write("\n")
    elif not page:
        sys.stdout.write(as_text(forecast, plan.machine.cpus, former))
    return 0

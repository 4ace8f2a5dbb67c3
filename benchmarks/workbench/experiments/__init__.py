"""The experiments, by name. Each has a file for its family."""

from __future__ import annotations

from firkin.workbench.experiment import Experiment
from firkin.workbench.experiments.freezer import FREEZE
from firkin.workbench.experiments.limits import OOM, OOM_GROUP, PIDS
from firkin.workbench.experiments.quota import QUOTA, QUOTA_ABOVE
from firkin.workbench.experiments.weights import FEW_THREADS, FLAT, IDLE_CLASS, IDLE_SIBLING, LATECOMER, NESTED

__all__ = ["EXPERIMENTS"]

EXPERIMENTS: dict[str, Experiment] = {
    one.name: one
    for one in (
        FLAT, NESTED, IDLE_SIBLING, IDLE_CLASS, LATECOMER, FEW_THREADS, QUOTA, QUOTA_ABOVE, OOM, OOM_GROUP, PIDS,
        FREEZE,
    )
}  # fmt: skip

"""The experiments, by name. Each family of them has a file, and a line here."""

from __future__ import annotations

from firkin.workbench.experiment import Experiment
from firkin.workbench.experiments import freezer, limits, quota, weights

__all__ = ["EXPERIMENTS"]

_FAMILIES = (
    weights.EXPERIMENTS,
    quota.EXPERIMENTS,
    limits.EXPERIMENTS,
    freezer.EXPERIMENTS,
)

EXPERIMENTS: dict[str, Experiment] = {one.name: one for family in _FAMILIES for one in family}

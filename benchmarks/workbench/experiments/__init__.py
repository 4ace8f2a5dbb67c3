"""The experiments, by name. Each family of them has a file, and a line here."""

from __future__ import annotations

from firkin.workbench.experiment import Experiment
from firkin.workbench.experiments import cpusets, freezer, latecomer, latency, limits, quota, requests, weights

__all__ = ["EXPERIMENTS"]

_FAMILIES = (
    weights.EXPERIMENTS,
    latecomer.EXPERIMENTS,
    latency.EXPERIMENTS,
    quota.EXPERIMENTS,
    requests.EXPERIMENTS,
    cpusets.EXPERIMENTS,
    limits.EXPERIMENTS,
    freezer.EXPERIMENTS,
)

EXPERIMENTS: dict[str, Experiment] = {one.name: one for family in _FAMILIES for one in family}

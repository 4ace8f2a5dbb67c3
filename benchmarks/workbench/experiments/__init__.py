"""The experiments, by name. Each family of them has a file, and a line here."""

from __future__ import annotations

from firkin.workbench.experiment import Experiment
from firkin.workbench.experiments import (
    cpusets,
    freezer,
    hugetlb,
    io_limits,
    io_weights,
    latecomer,
    latency,
    limits,
    memory_high,
    protection,
    quota,
    reclaim,
    requests,
    weights,
)

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
    memory_high.EXPERIMENTS,
    protection.EXPERIMENTS,
    reclaim.EXPERIMENTS,
    io_limits.EXPERIMENTS,
    io_weights.EXPERIMENTS,
    hugetlb.EXPERIMENTS,
)

EXPERIMENTS: dict[str, Experiment] = {one.name: one for family in _FAMILIES for one in family}

"""Which processors each group of a plan may use, and whether its partitions can be."""

from __future__ import annotations

from firkin.cgroupfs.models.partition import MEMBER, CpusetGroup, Placement, place
from firkin.errors import ConfigError
from firkin.workbench.plan import Plan, PlannedGroup, walk

__all__ = ["check_cpusets", "placements"]


def placements(plan: Plan) -> list[Placement]:
    """Where each group runs, in the order of `firkin.workbench.plan.walk`; empty if no group says anything of it."""
    if all(not group.cpuset and group.partition == MEMBER for group in walk(plan.root)):
        return []
    return place(_cpuset_group(plan.root), frozenset(range(plan.machine.cpus)))


def _cpuset_group(group: PlannedGroup) -> CpusetGroup:
    children = tuple(map(_cpuset_group, group.children))
    return CpusetGroup(group.name, group.cpuset, group.partition, children=children)


def check_cpusets(plan: Plan, document: str) -> None:
    """Raise ConfigError for processors that the machine has not, and for a partition that the kernel would not make."""
    placed = placements(plan)
    for group, placement in zip(walk(plan.root) if placed else (), placed, strict=True):
        if (most := max(group.cpuset, default=0)) >= plan.machine.cpus:
            reason = f"the machine has no processor {most}: machine.cpus is {plan.machine.cpus}"
            raise ConfigError(f"{group.path}.cpuset.cpus", reason, document=document)
        if placement.why:
            reason = f"{group.partition} can not be: {placement.why}"
            raise ConfigError(f"{group.path}.cpuset.cpus.partition", reason, document=document)

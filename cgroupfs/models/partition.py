"""cpuset partitions: which processors are whose alone.

Documentation/admin-guide/cgroup-v2.rst (Cpuset), kernel/cgroup/cpuset.c. `cpus` are those of cpuset.cpus, empty where
it is not written; a group without has its parent's. A valid partition takes its processors away from its parent and
from all siblings; an invalid one is an ordinary member, and cpuset.cpus.partition tells why.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = ["CpusetGroup", "Placement", "place"]

MEMBER, ROOT, ISOLATED = "member", "root", "isolated"


@dataclass(frozen=True)
class CpusetGroup:
    """One group: cpuset.cpus, cpuset.cpus.partition, and whether processes are in it."""

    name: str
    cpus: frozenset[int] = frozenset()
    partition: str = MEMBER
    populated: bool = True
    children: Sequence[CpusetGroup] = ()


@dataclass(frozen=True)
class Placement:
    """Where a group runs: cpuset.cpus.effective; `partition` as the file shows it, `why` a partition is invalid."""

    name: str
    effective: frozenset[int]
    partition: str
    why: str = ""


def place(root: CpusetGroup, online: frozenset[int]) -> list[Placement]:
    """The placement of each group of the tree, parents first, siblings in order. The root has all that is `online`."""
    return list(_place(root, online, ROOT, "", in_partition=True))


def _place(
    group: CpusetGroup, cpus: frozenset[int], partition: str, why: str, *, in_partition: bool
) -> Iterator[Placement]:
    given: dict[int, tuple[frozenset[int], str]] = {}
    left = cpus
    for number, child in enumerate(group.children):
        if child.partition == MEMBER:
            continue
        reason = _why_invalid(group, child, cpus, left, in_partition=in_partition)
        wanted = child.cpus & left
        given[number] = (frozenset() if reason else wanted, reason)
        left -= given[number][0]
    yield Placement(group.name, left, partition, why)
    for number, child in enumerate(group.children):
        own, reason = given.get(number, (frozenset(), ""))
        if own:
            yield from _place(child, own, child.partition, "", in_partition=True)
        else:
            shown = MEMBER if child.partition == MEMBER else f"{child.partition} invalid"
            yield from _place(child, (child.cpus & left) or left, shown, reason, in_partition=False)


def _why_invalid(
    parent: CpusetGroup, child: CpusetGroup, cpus: frozenset[int], left: frozenset[int], *, in_partition: bool
) -> str:
    if not in_partition:
        return "Parent is not a partition root"
    if not child.cpus:
        return "Cpu list in cpuset.cpus is empty"
    others = (sibling for sibling in parent.children if sibling is not child)
    if any(child.cpus & sibling.cpus for sibling in others):
        return "Cpu list in cpuset.cpus not exclusive"
    if not child.cpus & cpus:
        return "Parent unable to distribute cpu downstream"
    taken = left - child.cpus
    members = [sibling for sibling in parent.children if sibling.partition == MEMBER]
    if not taken and (any(sibling.populated for sibling in members) or (parent.populated and not parent.children)):
        return "Parent unable to distribute cpu downstream"
    return ""

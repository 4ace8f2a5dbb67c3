"""A plan laid out in columns: the settings of all groups once, and what they get for any demands, all at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firkin.cgroupfs.models.allocation import headroom
from firkin.cgroupfs.models.cpu import scheduler_weight, share_processors
from firkin.cgroupfs.models.io import share_time
from firkin.cgroupfs.models.partition import MEMBER
from firkin.cgroupfs.models.protection import effective_protection, reclaimed
from firkin.cgroupfs.models.tree import Floats, Tree
from firkin.workbench.cpusets import placements
from firkin.workbench.plan import Machine, Plan, PlannedGroup, walk

__all__ = ["Columns", "Demands", "Got", "Memory"]

Flags = NDArray[np.bool_]
_ALONE = 1e12


@dataclass(frozen=True)
class Demands:
    """What the processes of each group want, by its number; as in `firkin.workbench.plan.Demand`."""

    cpu: Floats
    threads: Floats
    memory: Floats
    pids: Floats
    io: Floats


@dataclass(frozen=True)
class Memory:
    """In bytes: `wanted` by each group and all below it, `before` what it would hold within limits, `held` what the
    machine's reclaim leaves of that, `protected` by memory.low and memory.min, and by the latter alone (`guarded`)."""

    wanted: Floats
    before: Floats
    held: Floats
    protected: Floats
    guarded: Floats

    @property
    def lost(self) -> Floats:
        """What reclaim takes."""
        return np.asarray(self.before - self.held, dtype=np.float64)


@dataclass(frozen=True)
class Got:
    """What each group gets, with all below it: `cpu` in processors, `io` as a part of the device, `pids` that it has.

    `throttled` says whom cpu.max holds back.
    """

    cpu: Floats
    cpu_wanted: Floats
    throttled: Flags
    memory: Memory
    io: Floats
    io_wanted: Floats
    pids: Floats
    pids_left: Floats


class Columns:
    """The columns of a plan; groups have numbers, and `numbers` has them by path."""

    def __init__(self, plan: Plan) -> None:
        self.machine: Machine = plan.machine
        self.tree: Tree[PlannedGroup] = Tree(plan.root)
        self.numbers = {group.path: number for number, group in enumerate(self.tree.groups)}
        self.weights = self.column(lambda group: scheduler_weight(group.cpu_weight, idle=group.cpu_idle))
        self.cpu_max = self.column(lambda group: group.cpu_max)
        self.cpus = np.full(len(self.tree), math.inf)
        self._place(plan)
        self.memory_max = self.column(lambda group: group.memory_max)
        self.memory_max[0] = math.inf
        self.memory_min = self.column(lambda group: group.memory_min)
        self.memory_low = np.maximum(self.column(lambda group: group.memory_low), self.memory_min)
        self.memory_high = self.column(lambda group: group.memory_high)
        self.io_weights = self.column(lambda group: group.io_weight)
        self.pids_max = self.column(lambda group: group.pids_max)
        self.pids_max[0] = plan.machine.pids
        self.leaves = np.ones(len(self.tree), dtype=np.bool_)
        self.leaves[self.tree.parent[1:]] = False
        self._no_limit = np.full(len(self.tree), math.inf)

    def _place(self, plan: Plan) -> None:
        placed = placements(plan)
        for group, placement in zip(reversed(list(walk(plan.root)) if placed else []), reversed(placed), strict=True):
            number = self.numbers[group.path]
            # A group has what its partitions have taken of it, too.
            partitions = [self.numbers[child.path] for child in group.children if child.partition != MEMBER]
            self.cpus[number] = len(placement.effective) + self.cpus[partitions].sum()
            if group.partition != MEMBER:
                # Its processors are its own: nobody's weight matters there.
                self.weights[number] = _ALONE

    def column(self, of: Callable[[PlannedGroup], float]) -> Floats:
        """One number of each group."""
        return self.tree.array(of)

    def demands(self) -> Demands:
        """What the plan says that is wanted."""
        return Demands(
            self.column(lambda group: group.demand.cpu), self.column(lambda group: group.demand.threads),
            self.column(lambda group: group.demand.memory), self.column(lambda group: group.demand.pids),
            self.column(lambda group: group.demand.io),
        )  # fmt: skip

    def shared(self, demands: Demands) -> Got:
        """Who gets what when all of that is wanted at once and for long."""
        tree = self.tree
        cpu = share_processors(
            tree, weights=self.weights, limits=self.cpu_max, cpus=self.cpus,
            wants=np.minimum(demands.cpu, demands.threads), processors=self.machine.cpus,
        )  # fmt: skip
        io = share_time(tree, weights=self.io_weights, demands=demands.io, limits=self._no_limit)
        pids = tree.add_up(demands.pids)
        room = headroom(tree, np.minimum(pids, self.pids_max), self.pids_max)
        return Got(
            cpu.share, cpu.wanted, cpu.throttled, self._memory(demands.memory), io, tree.add_up(demands.io), pids, room
        )

    def _memory(self, own: Floats) -> Memory:
        # What groups hold when nothing moves any more: what they want, bounded from above by their own limits and
        # those of their ancestors, and by reclaim for what the machine does not have.
        tree = self.tree
        before = self._settled(own)
        protected = effective_protection(tree, before, self.memory_low)
        guarded = effective_protection(tree, before, self.memory_min)
        lost = np.zeros(len(tree))
        if before[0] > self.machine.memory:
            excess = float(before[0] - self.machine.memory)
            lost[self.leaves] = reclaimed(before[self.leaves], protected[self.leaves], excess)
            lost = tree.add_up(lost)
        return Memory(tree.add_up(own), before, before - lost, protected, guarded)

    def _settled(self, own: Floats) -> Floats:
        held = self.tree.add_up(own, self.memory_max)
        # From above: what a parent may not have, its children do not get either.
        for level in self.tree.levels:
            wanted = level.sums(held[level.groups])
            with np.errstate(invalid="ignore", divide="ignore"):
                part = np.where(wanted > 0, np.minimum(held[level.parents] / wanted, 1.0), 1.0)
            held[level.groups] *= part[level.family]
        return held

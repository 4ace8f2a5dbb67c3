"""Predictions: who gets what of a machine, and what holds whom back."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from firkin.cgroupfs.models.allocation import headroom
from firkin.cgroupfs.models.cpu import CpuGroup, share_cpu
from firkin.cgroupfs.models.io import IoGroup, share_device
from firkin.cgroupfs.models.protection import effective_protection, reclaimed
from firkin.cgroupfs.models.throttling import high_delay
from firkin.cgroupfs.models.tree import Floats, Tree
from firkin.workbench.plan import Plan, PlannedGroup

__all__ = ["Forecast", "Line", "predict"]


@dataclass(frozen=True)
class Line:
    """What one group gets: `cpu` in processors, `memory` in bytes, `io` as a share of the device, `pids` that are left.

    `notes` says what holds it back, in the words of the interface files.
    """

    path: str
    cpu: float
    cpu_wanted: float
    memory: float
    memory_wanted: float
    protected: float
    io: float
    pids_left: float
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Forecast:
    """All groups, parents first, the root left out; `warnings` are about the machine as a whole."""

    lines: tuple[Line, ...]
    warnings: tuple[str, ...]


def predict(plan: Plan) -> Forecast:
    """Who gets what when all that is wanted is wanted at once and for long."""
    tree = Tree(plan.root)
    cpu_tree, cpu = share_cpu(_cpu(plan.root), plan.machine.cpus)
    if len(cpu_tree) != len(tree):
        raise AssertionError("groups with children have no threads")
    memory = _Memory(plan, tree)
    _, io = share_device(_io(plan.root))
    pids = tree.add_up(tree.array(lambda group: group.demand.pids))
    limits = tree.array(lambda group: group.pids_max)
    limits[0] = plan.machine.pids
    room = headroom(tree, np.minimum(pids, limits), limits)
    order = {group.path: number for number, group in enumerate(tree.groups)}
    lines = []
    for path in _paths(plan.root):
        at = order[path]
        group = tree.groups[at]
        notes = [*_cpu_notes(group, cpu.throttled[at], cpu.share[at], cpu.wanted[at]), *memory.notes(at)]
        if pids[at] > limits[at]:
            notes.append("pids.max refuses")
        line = Line(
            path, float(cpu.share[at]), float(cpu.wanted[at]), float(memory.held[at]), float(memory.wanted[at]),
            float(memory.protected[at]), float(io[at]), float(room[at]), tuple(notes),
        )  # fmt: skip
        lines.append(line)
    return Forecast(tuple(lines), tuple(memory.warnings()))


def _paths(root: PlannedGroup) -> Iterator[str]:
    for child in root.children:
        yield child.path
        yield from _paths(child)


def _cpu(group: PlannedGroup) -> CpuGroup:
    return CpuGroup(
        group.name, group.cpu_weight, group.cpu_idle, group.cpu_max, group.cpuset, group.demand.threads,
        group.demand.cpu, tuple(map(_cpu, group.children)),
    )  # fmt: skip


def _io(group: PlannedGroup) -> IoGroup:
    return IoGroup(group.name, group.io_weight, group.demand.io, children=tuple(map(_io, group.children)))


def _cpu_notes(group: PlannedGroup, throttled: bool, share: float, wanted: float) -> Iterator[str]:
    if throttled:
        yield "cpu.max throttles"
    elif share < wanted * (1 - 1e-6):
        yield "has less cpu than it wants"


class _Memory:
    # What groups hold when nothing moves any more: what they want, bounded from above by their own limits and those
    # of their ancestors, and by reclaim for what the machine does not have.

    def __init__(self, plan: Plan, tree: Tree[PlannedGroup]) -> None:
        self._tree, self._machine = tree, plan.machine
        own = tree.array(lambda group: group.demand.memory)
        self._most = tree.array(lambda group: group.memory_max)
        self._most[0] = math.inf
        self._high = tree.array(lambda group: group.memory_high)
        self.wanted = tree.add_up(own)
        self.held = self._settle(own)
        lows = tree.array(lambda group: max(group.memory_low, group.memory_min))
        self.protected = effective_protection(tree, self.held, lows)
        self._mins = effective_protection(tree, self.held, tree.array(lambda group: group.memory_min))
        self._lost = self._reclaim(plan.machine.memory)
        self.held = self.held - self._lost

    def _settle(self, own: Floats) -> Floats:
        held = self._tree.add_up(own, self._most)
        # From above: what a parent may not have, its children do not get either.
        for level in self._tree.levels:
            wanted = level.sums(held[level.groups])
            with np.errstate(invalid="ignore", divide="ignore"):
                part = np.where(wanted > 0, np.minimum(held[level.parents] / wanted, 1.0), 1.0)
            held[level.groups] *= part[level.family]
        return held

    def _reclaim(self, memory: float) -> Floats:
        lost = np.zeros(len(self._tree))
        if self.held[0] <= memory:
            return lost
        leaves = np.ones(len(self._tree), dtype=bool)
        leaves[self._tree.parent[1:]] = False
        lost[leaves] = reclaimed(self.held[leaves], self.protected[leaves], float(self.held[0] - memory))
        return self._tree.add_up(lost)

    def notes(self, at: int) -> Iterator[str]:
        """What holds the memory of a group back."""
        group, before = self._tree.groups[at], self.held[at] + self._lost[at]
        if before >= self._most[at] and self.wanted[at] > self._most[at]:
            yield "at memory.max: reclaims its own, or is killed (OOM)"
        if before > self._high[at] and (delay := high_delay(before, self._high[at])):
            yield f"beyond memory.high: each 256 KiB waits up to {delay:.2f} s"
        elif before > self._high[at]:
            yield "beyond memory.high: reclaims its own"
        if self._lost[at] > 0 and not group.children:
            broken = self.held[at] < self._mins[at] - 1
            yield "memory.min is broken: the machine must kill (OOM)" if broken else "loses memory to reclaim"
        if group.memory_low > self.protected[at] + 1 and min(group.memory_low, before) > self.protected[at] + 1:
            yield "memory.low is protected in part: an ancestor protects less"

    def warnings(self) -> Iterator[str]:
        """What is wrong with the machine as a whole."""
        wanted = self.held[0] + self._lost[0]
        if self._lost[0] > 0:
            yield f"memory: {wanted / 2**30:.2f} GiB are wanted, {self._machine.memory / 2**30:.2f} GiB are there"
        top = self._tree.levels[0].groups if self._tree.levels else slice(0)
        if self._mins[top].sum() > self._machine.memory:
            yield "memory.min protects more than there is: the machine runs out of memory"

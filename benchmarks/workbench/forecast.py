"""Predictions: who gets what of a machine, and what holds whom back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from firkin.cgroupfs.models.throttling import high_delay
from firkin.workbench.columns import Columns, Got
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
    io_wanted: float
    pids_left: float
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Forecast:
    """All groups, parents first, the root left out; `warnings` are about the machine as a whole."""

    lines: tuple[Line, ...]
    warnings: tuple[str, ...]


def predict(plan: Plan) -> Forecast:
    """Who gets what when all that is wanted is wanted at once and for long."""
    columns = Columns(plan)
    got = columns.shared(columns.demands())
    lines = [_line(columns, got, columns.numbers[path]) for path in _paths(plan.root)]
    return Forecast(tuple(lines), tuple(_warnings(columns, got)))


def _paths(root: PlannedGroup) -> Iterator[str]:
    for child in root.children:
        yield child.path
        yield from _paths(child)


def _line(columns: Columns, got: Got, at: int) -> Line:
    memory = got.memory
    return Line(
        columns.tree.groups[at].path, float(got.cpu[at]), float(got.cpu_wanted[at]), float(memory.held[at]),
        float(memory.wanted[at]), float(memory.protected[at]), float(got.io[at]), float(got.io_wanted[at]),
        float(got.pids_left[at]), tuple(_notes(columns, got, at)),
    )  # fmt: skip


def _notes(columns: Columns, got: Got, at: int) -> Iterator[str]:
    if got.throttled[at]:
        yield "cpu.max throttles"
    elif got.cpu[at] < got.cpu_wanted[at] * (1 - 1e-6):
        yield "has less cpu than it wants"
    yield from _memory_notes(columns, got, at)
    if got.io[at] < got.io_wanted[at] * (1 - 1e-6):
        yield "has less device time than it wants"
    if got.pids[at] > columns.pids_max[at]:
        yield "pids.max refuses"


def _memory_notes(columns: Columns, got: Got, at: int) -> Iterator[str]:
    group, memory = columns.tree.groups[at], got.memory
    before, protected = memory.before[at], memory.protected[at]
    if before >= columns.memory_max[at] and memory.wanted[at] > columns.memory_max[at]:
        yield "at memory.max: reclaims its own, or is killed (OOM)"
    if before > group.memory_high and (delay := high_delay(before, group.memory_high)):
        yield f"beyond memory.high: each 256 KiB waits up to {delay:.2f} s"
    elif before > group.memory_high:
        yield "beyond memory.high: reclaims its own"
    if before > memory.held[at] and not group.children:
        broken = memory.held[at] < memory.guarded[at] - 1
        yield "memory.min is broken: the machine must kill (OOM)" if broken else "loses memory to reclaim"
    if min(group.memory_low, before) > protected + 1:
        yield "memory.low is protected in part: an ancestor protects less"


def _warnings(columns: Columns, got: Got) -> Iterator[str]:
    memory, there = got.memory, columns.machine.memory
    if memory.before[0] > there:
        yield f"memory: {memory.before[0] / 2**30:.2f} GiB are wanted, {there / 2**30:.2f} GiB are there"
    top = columns.tree.levels[0].groups if columns.tree.levels else slice(0)
    if memory.guarded[top].sum() > there:
        yield "memory.min protects more than there is: the machine runs out of memory"

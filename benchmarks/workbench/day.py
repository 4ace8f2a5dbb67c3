"""A day on paper: who is throttled when, whose protection is broken, who has less than he wants, over a trace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firkin.cgroupfs.models.tree import Floats
from firkin.workbench.columns import Columns, Flags, Got
from firkin.workbench.demand_trace import Step

__all__ = ["TROUBLES", "Day", "Moment", "Trouble", "live"]

TROUBLES: Mapping[str, str] = {
    "throttled": "throttled by cpu.max",
    "short": "less processor time than wanted",
    "full": "at memory.max",
    "reclaimed": "loses memory to reclaim",
    "unprotected": "memory.low holds in part",
    "broken": "memory.min is broken",
    "waiting": "less device time than wanted",
    "refused": "pids.max refuses",
}
"""What may hold a group back."""

Small = NDArray[np.float32]
_BYTE = 1.0
_LITTLE = 1e-6


@dataclass(frozen=True)
class Moment:
    """The machine at a time: processors and bytes `wanted`, and what is used of them."""

    time: float
    seconds: float
    cpu_wanted: float
    cpu: float
    memory_wanted: float
    memory: float
    io: float


@dataclass
class Trouble:
    """One kind over the day, by number of group: for how many `seconds`, how much of it at most (`worst`, in the unit
    of the resource), how much was wanted when (`wanted`), and at which moments."""

    seconds: Floats
    worst: Floats
    wanted: Floats
    at: list[Flags]


@dataclass(frozen=True)
class Day:
    """All of it. `lost` is processor time in seconds that groups wanted and had not; `cpu_peak`, `memory_peak` are the
    most that each wanted, and `cpu_series` what each wanted and got at each moment."""

    columns: Columns
    moments: tuple[Moment, ...]
    troubles: Mapping[str, Trouble]
    lost: Floats
    cpu_peak: Floats
    memory_peak: Floats
    cpu_wanted: tuple[Small, ...]
    cpu: tuple[Small, ...]
    spare_when_throttled: Floats
    """The most processors that were left over while a group was throttled."""

    @property
    def seconds(self) -> float:
        """How long it is."""
        return sum(moment.seconds for moment in self.moments)


def live(columns: Columns, steps: Iterable[Step]) -> Day:
    """Go through the steps."""
    size = len(columns.tree)
    troubles = {name: Trouble(np.zeros(size), np.zeros(size), np.zeros(size), []) for name in TROUBLES}
    lost, cpu_peak, memory_peak, spare = (np.zeros(size) for _ in range(4))
    moments, wanted, used = [], [], []
    for step in steps:
        got = columns.shared(step.demands)
        moments.append(_moment(columns, got, step))
        for name, (amount, asked) in _amounts(columns, got).items():
            _add(troubles[name], amount, asked, step.seconds)
        missing = np.maximum(got.cpu_wanted - got.cpu, 0)
        lost += missing * step.seconds
        np.maximum(cpu_peak, got.cpu_wanted, out=cpu_peak)
        np.maximum(memory_peak, got.memory.wanted, out=memory_peak)
        left = columns.machine.cpus - float(got.cpu[0])
        spare[got.throttled] = np.maximum(spare[got.throttled], left)
        wanted.append(got.cpu_wanted.astype(np.float32))
        used.append(got.cpu.astype(np.float32))
    return Day(columns, tuple(moments), troubles, lost, cpu_peak, memory_peak, tuple(wanted), tuple(used), spare)


def _moment(columns: Columns, got: Got, step: Step) -> Moment:
    memory = got.memory
    return Moment(
        step.time, step.seconds, float(got.cpu_wanted[0]), float(got.cpu[0]), float(memory.wanted[0]),
        float(memory.held[0]), float(got.io[0]),
    )  # fmt: skip


def _amounts(columns: Columns, got: Got) -> dict[str, tuple[Floats, Floats]]:
    # Of each trouble: by how much each group has it, 0 if not, and what it wants of that resource.
    memory, leaves = got.memory, columns.leaves
    missing = np.where(got.cpu < got.cpu_wanted * (1 - _LITTLE), got.cpu_wanted - got.cpu, 0)
    claimed = np.minimum(columns.memory_low, memory.before)
    beyond = np.where(memory.before >= columns.memory_max, memory.wanted - columns.memory_max, 0)
    open_io = np.where(got.io < got.io_wanted * (1 - _LITTLE), got.io_wanted - got.io, 0)
    return {
        "throttled": (np.where(got.throttled, missing, 0), got.cpu_wanted),
        "short": (np.where(_below_throttled(columns, got) | ~leaves, 0, missing), got.cpu_wanted),
        "full": (_more_than_a_byte(beyond), memory.wanted),
        "reclaimed": (np.where(leaves, _more_than_a_byte(memory.lost), 0), memory.wanted),
        "unprotected": (_more_than_a_byte(claimed - memory.protected), memory.wanted),
        "broken": (np.where(leaves, _more_than_a_byte(memory.guarded - memory.held), 0), memory.wanted),
        "waiting": (np.where(leaves, open_io, 0), got.io_wanted),
        "refused": (np.maximum(got.pids - columns.pids_max, 0), got.pids),
    }


def _below_throttled(columns: Columns, got: Got) -> Flags:
    # What a limit further up takes away is not a matter of weights.
    found = np.array(got.throttled)
    for level in columns.tree.levels:
        found[level.groups] |= found[level.parents][level.family]
    return found


def _more_than_a_byte(amount: Floats) -> Floats:
    return np.where(amount > _BYTE, amount, 0)


def _add(trouble: Trouble, amount: Floats, wanted: Floats, seconds: float) -> None:
    has = amount > 0
    has[0] = False
    trouble.seconds[has] += seconds
    np.maximum(trouble.worst, np.where(has, amount, 0), out=trouble.worst)
    np.maximum(trouble.wanted, np.where(has, wanted, 0), out=trouble.wanted)
    trouble.at.append(has)

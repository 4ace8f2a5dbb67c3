"""What to change so that what happened over a day does not happen again, with figures.

Each piece of advice is an edit as --set has it, where one helps; so it can be tried at once. What is advised is the
least that is enough for all that was wanted, rounded up.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from firkin.cgroupfs.models.tree import Floats
from firkin.workbench.day import Day
from firkin.workbench.page.scale import figure, quantity

__all__ = ["Advice", "advise", "clock", "duration"]

_MIB = 1 << 20
_MOST = 50
"""So many pieces are given at most, the weightiest first."""


@dataclass(frozen=True)
class Advice:
    """What to do, why, and the edit that does it, empty where none would be enough. More `weight` is told first."""

    text: str
    edit: str
    weight: float


def advise(day: Day) -> Sequence[Advice]:
    """All that would help, the weightiest first."""
    found = [*_machine(day), *_throttled(day), *_full(day), *_protection(day), *_refused(day), *_short(day)]
    return sorted(found, key=lambda advice: -advice.weight)[:_MOST]


def duration(seconds: float) -> str:
    """Some time in words: 45 s, 12 min, 3 h 20 min."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"


def _machine(day: Day) -> Iterator[Advice]:
    machine = day.columns.machine
    busiest = max(day.moments, key=lambda moment: moment.cpu_wanted)
    # What no limit holds back is what more processors would give.
    short = day.troubles["short"].seconds.max(initial=0)
    if short > 0 and busiest.cpu_wanted > machine.cpus:
        needed = math.ceil(busiest.cpu_wanted)
        text = (
            f"The machine has {machine.cpus} processors; {_processors(busiest.cpu_wanted)} are wanted at "
            f"{clock(busiest.time)}. {needed} would be enough for all that is not limited"
        )
        yield Advice(text, f"machine.cpus={needed}", float(short) * (busiest.cpu_wanted - machine.cpus))
    fullest = max(day.moments, key=lambda moment: moment.memory_wanted)
    lost = day.troubles["reclaimed"]
    if lost.seconds.any():
        mebibytes = math.ceil(fullest.memory_wanted / _MIB)
        count = int(np.count_nonzero(lost.seconds))
        text = (
            f"The machine has {_bytes(machine.memory)} of memory; at {clock(fullest.time)} "
            f"{_bytes(fullest.memory_wanted)} are wanted, and {count} group{'s' if count > 1 else ''} would lose some. "
            f"{mebibytes} MiB would be enough"
        )
        yield Advice(text, f"machine.memory={mebibytes}M", float(lost.seconds.sum()))
    guarded = float(day.columns.memory_min[day.columns.tree.parent == 0].sum())
    if guarded > machine.memory:
        text = (
            f"memory.min of the groups at the top promises {_bytes(guarded)}, and there are "
            f"{_bytes(machine.memory)}: the machine kills when all claim it. Promise less"
        )
        yield Advice(text, "", math.inf)


def _throttled(day: Day) -> Iterator[Advice]:
    trouble, columns = day.troubles["throttled"], day.columns
    for number in np.flatnonzero(trouble.seconds):
        peak = min(float(trouble.wanted[number]), float(columns.cpus[number]))
        limit = math.ceil(peak * 100) / 100
        spare = float(day.spare_when_throttled[number])
        room = f"up to {_processors(spare)} are left over then" if spare > 0.01 else "others would have less then"
        text = (
            f"{_name(day, number)} is throttled for {duration(trouble.seconds[number])}: it wants up to "
            f"{_processors(peak)} processors, and cpu.max is {_processors(columns.cpu_max[number])}. "
            f"{figure(limit)} would be enough; {room}"
        )
        yield Advice(text, f"{_name(day, number)}/cpu.max={limit:g}", float(day.lost[number]))


def _full(day: Day) -> Iterator[Advice]:
    trouble, columns = day.troubles["full"], day.columns
    for number in np.flatnonzero(trouble.seconds):
        mebibytes = math.ceil(trouble.wanted[number] / _MIB)
        text = (
            f"{_name(day, number)} is at memory.max for {duration(trouble.seconds[number])} and may be killed (OOM): "
            f"it wants up to {_bytes(trouble.wanted[number])}, and memory.max is {_bytes(columns.memory_max[number])}. "
            f"{mebibytes} MiB would be enough"
        )
        yield Advice(text, f"{_name(day, number)}/memory.max={mebibytes}M", float(trouble.seconds[number]))


def _protection(day: Day) -> Iterator[Advice]:
    yield from _protection_of(day, "broken", "memory.min", day.columns.memory_min)
    yield from _protection_of(day, "unprotected", "memory.low", day.columns.memory_low)


def _protection_of(day: Day, name: str, file: str, claims: Floats) -> Iterator[Advice]:
    trouble, columns = day.troubles[name], day.columns
    parents: dict[int, list[int]] = {}
    for number in np.flatnonzero(trouble.seconds):
        parents.setdefault(int(columns.tree.parent[number]), []).append(int(number))
    for parent, children in parents.items():
        if parent <= 0:
            continue
        claimed = float(claims[columns.tree.parent == parent].sum())
        mebibytes = math.ceil(min(claimed, float(columns.memory_max[parent])) / _MIB)
        others = f" and {len(children) - 1} of its siblings" if len(children) > 1 else ""
        longest = max(trouble.seconds[number] for number in children)
        text = (
            f"{file} of {_name(day, children[0])}{others} holds in part for {duration(longest)}: {_name(day, parent)} "
            f"protects {_bytes(claims[parent])} of the {_bytes(claimed)} that they claim. {mebibytes} MiB would do"
        )
        yield Advice(text, f"{_name(day, parent)}/{file}={mebibytes}M", float(longest))


def _refused(day: Day) -> Iterator[Advice]:
    trouble = day.troubles["refused"]
    for number in np.flatnonzero(trouble.seconds):
        wanted = math.ceil(trouble.wanted[number])
        text = (
            f"{_name(day, number)} is refused processes for {duration(trouble.seconds[number])}: it wants {wanted}, "
            f"and pids.max is {day.columns.pids_max[number]:.0f}"
        )
        yield Advice(text, f"{_name(day, number)}/pids.max={wanted}", float(trouble.seconds[number]))


def _short(day: Day) -> Iterator[Advice]:
    trouble, columns = day.troubles["short"], day.columns
    order = np.argsort(-np.where(trouble.seconds > 0, day.lost, 0))[:3]
    for number in order[trouble.seconds[order] > 0]:
        group = columns.tree.groups[number]
        weight = "cpu.idle is set" if group.cpu_idle else f"its cpu.weight is {group.cpu_weight}"
        text = (
            f"{_name(day, number)} lacks {duration(day.lost[number])} of processor time over "
            f"{duration(trouble.seconds[number])}, as its siblings want theirs; {weight}. Others would pay for more"
        )
        yield Advice(text, "", float(day.lost[number]) / 10)


def _name(day: Day, number: int) -> str:
    return day.columns.tree.groups[number].path


def _processors(value: float) -> str:
    return figure(round(float(value), 2))


def _bytes(value: float) -> str:
    return quantity(float(value), "bytes")


def clock(seconds: float) -> str:
    """A time of the day."""
    return f"{int(seconds) // 3600 % 24:02}:{int(seconds) % 3600 // 60:02}"

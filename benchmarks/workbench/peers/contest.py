"""What a contest is: who takes part, what each does in a round, and what is told of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from firkin.workbench.report.result import Comparison, Sample

__all__ = ["Contest", "Effort", "as_samples", "milliseconds", "take_turns"]

_WARM = 2
"""Rounds before those that count: files are read from the disk, caches filled."""

Round = Callable[[], Mapping[str, float]]


@dataclass(frozen=True)
class Effort:
    """How much is measured. `progress` is told what is being done."""

    rounds: int
    quick: bool
    progress: Callable[[str], None] = lambda said: None


@dataclass(frozen=True)
class Contest:
    """One contest. `programs` must be there; `enter` goes to where it takes place, and may start the command anew."""

    name: str
    question: str
    rounds: tuple[int, int]
    """Of them, and with --quick."""

    programs: Sequence[str]
    enter: Callable[[], None]
    measure: Callable[[Effort], Comparison]


def take_turns(contenders: Mapping[str, Round], effort: Effort) -> dict[str, dict[str, list[float]]]:
    """Rounds of all contenders in turn, so that whatever else the machine does hits all: by step, by contender."""
    found: dict[str, dict[str, list[float]]] = {}
    for number in range(-_WARM, effort.rounds):
        effort.progress(f"round {number + 1} of {effort.rounds}" if number >= 0 else "warming up")
        for name, act in contenders.items():
            for step, value in act().items():
                if number >= 0:
                    found.setdefault(step, {}).setdefault(name, []).append(value)
    return found


def as_samples(found: Mapping[str, Mapping[str, list[float]]], unit: str = "ms") -> list[Sample]:
    """The same in the form of a result."""
    return [
        Sample(step, contender, values, unit)
        for step, contenders in found.items()
        for contender, values in contenders.items()
    ]


def milliseconds(action: Callable[[], object]) -> float:
    """How long the action takes."""
    begin = time.perf_counter()
    action()
    return (time.perf_counter() - begin) * 1000

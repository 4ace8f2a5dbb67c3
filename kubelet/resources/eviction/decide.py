"""From what is observed to what is to be done. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from firkin.kubelet.resources.eviction.signals import PRESSURE_OF, RESOURCE_OF, Observation
from firkin.kubelet.resources.eviction.thresholds import Threshold, met

__all__ = ["Decision", "State", "step"]


@dataclass(frozen=True, slots=True)
class State:
    """What is remembered: since when each threshold is met, which of them are acted on, and when each condition was
    last caused."""

    first_met: Mapping[Threshold, float] = field(default_factory=dict)
    acted_on: tuple[Threshold, ...] = ()
    last_caused: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """`conditions` the node has now; `thresholds` are met and their grace is over, the first of them to be acted on:
    memory goes before everything else."""

    conditions: frozenset[str]
    thresholds: tuple[Threshold, ...]

    @property
    def first(self) -> Threshold | None:
        """The threshold to act on."""
        return self.thresholds[0] if self.thresholds else None


def step(
    state: State, thresholds: Sequence[Threshold], seen: Mapping[str, Observation], now: float, transition: float
) -> tuple[State, Decision]:
    """What to do about the observations `seen` at `now`.

    Parameters: `now` and `transition`, how long conditions last, are in seconds.
    """
    # One that was acted on is met until enough is reclaimed.
    still = met(state.acted_on, seen, with_reclaim=True)
    current = list(dict.fromkeys((*met(thresholds, seen), *still)))
    first_met = {one: state.first_met.get(one, now) for one in current}
    last_caused = {**state.last_caused, **{PRESSURE_OF[one.signal]: now for one in current}}
    conditions = {name for name, at in last_caused.items() if now - at < transition}
    due = tuple(one for one in current if now - first_met[one] >= one.grace)
    ordered = tuple(sorted(due, key=lambda one: RESOURCE_OF[one.signal] != "memory"))
    caused = {PRESSURE_OF[one.signal] for one in current}
    return State(first_met, due, last_caused), Decision(frozenset(conditions | caused), ordered)

"""What answers of a probe add up to (the thresholds of Kubernetes' probes)."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from firkin.kubelet.api.probe import Probe

__all__ = ["Kind", "Outcome", "State", "begin", "step"]


class Kind(Enum):
    """What a probe decides; the value is its name in events."""

    STARTUP = "Startup"
    LIVENESS = "Liveness"
    READINESS = "Readiness"


class Outcome(Enum):
    """One answer; the value is its name in metrics. UNKNOWN says that it could not be asked, and counts for nothing."""

    SUCCESS = "successful"
    FAILURE = "failed"
    UNKNOWN = "unknown"


class State(NamedTuple):
    """One probe of one container.

    `verdict` is what the answers have come to, None for a container that may yet start; `run` counts the answers in a
    row that are `last`. When it `is_over` nothing more is asked of this container.
    """

    kind: Kind
    success_threshold: int
    failure_threshold: int
    verdict: bool | None
    last: Outcome | None = None
    run: int = 0
    is_over: bool = False


_BEFORE = {Kind.STARTUP: None, Kind.LIVENESS: True, Kind.READINESS: False}


def begin(kind: Kind, probe: Probe, known: bool | None = None) -> State:
    """The state of a container that was not asked yet.

    Parameters: `known` is what is known from before, of a container that has run longer than the agent.
    """
    verdict = _BEFORE[kind] if known is None else known
    is_over = kind is Kind.STARTUP and verdict is True
    return State(kind, probe.success_threshold, probe.failure_threshold, verdict, is_over=is_over)


def step(state: State, outcome: Outcome) -> State:
    """The state after one more answer."""
    if outcome is Outcome.UNKNOWN or state.is_over:
        return state
    run = state.run + 1 if outcome is state.last else 1
    is_success = outcome is Outcome.SUCCESS
    counted = state._replace(last=outcome, run=run)
    if run < (state.success_threshold if is_success else state.failure_threshold):
        return counted
    # A container that failed is ended: asking it further could only get in the way.
    is_over = state.kind is Kind.STARTUP or (state.kind is Kind.LIVENESS and not is_success)
    return counted._replace(verdict=is_success, is_over=is_over)

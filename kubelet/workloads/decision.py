"""What a workload decides."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from firkin.kubelet.api.meta import Condition, Resource
from firkin.kubelet.api.pod import Pod

__all__ = ["Decision", "Note", "at_first", "with_condition"]


class Note(NamedTuple):
    """An event to be told of."""

    type: str
    reason: str
    message: str


class Decision(NamedTuple):
    """Objects to create, pods to delete, the status to write, what to tell, and when to decide again at the latest.

    `mark` are pods of a Job that are to be marked as counted, when the status has been written. `remove` says that the
    workload itself is to be deleted; `update` are objects to be written as they are here, without their status.
    """

    status: Any
    create: tuple[Resource, ...] = ()
    delete: tuple[Resource, ...] = ()
    notes: tuple[Note, ...] = ()
    again: datetime | None = None
    mark: tuple[Pod, ...] = ()
    update: tuple[Resource, ...] = ()
    remove: bool = False


def with_condition(before: list[Condition], condition: Condition) -> list[Condition]:
    """The conditions with one of them replaced or added; its times stay as long as its status does."""
    old = next((one for one in before if one.type == condition.type), None)
    if old is None:
        return [*before, condition]
    if (old.status, old.reason, old.message) == (condition.status, condition.reason, condition.message):
        return before
    if old.status == condition.status:
        from msgspec.structs import replace

        condition = replace(condition, last_transition_time=old.last_transition_time)
    return [condition if one is old else one for one in before]


def at_first(pods: list[Pod]) -> list[Pod]:
    """Pods in the order in which they are given up: those that do least first, then the newest."""

    def worth(pod: Pod) -> tuple[int, int, int, float]:
        ready = any(one.type == "Ready" and one.status == "True" for one in pod.status.conditions)
        phases = {"Pending": 0, "Unknown": 1, "Running": 2}
        restarts = sum(one.restart_count for one in pod.status.container_statuses)
        made = pod.metadata.creation_timestamp
        return (phases.get(pod.status.phase, 0), int(ready), -restarts, -(made.timestamp() if made else 0.0))

    return sorted(pods, key=worth)

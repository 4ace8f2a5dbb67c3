"""ReplicaSets: so many pods of a template; one that has ended makes room for another one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.workload import ReplicaSet, ReplicaSetStatus
from firkin.kubelet.workloads.decision import Decision, Note, at_first
from firkin.kubelet.workloads.pods import is_available, is_ended, is_going, is_ready, kept_until, pod_of

__all__ = ["decide_replica_set", "until_available"]


def decide_replica_set(item: ReplicaSet, pods: Sequence[Pod], now: datetime) -> Decision:
    """What is to be done for a ReplicaSet whose pods are `pods`."""
    living = [pod for pod in pods if not is_going(pod) and not is_ended(pod)]
    ended = [pod for pod in pods if is_ended(pod) and not is_going(pod)]
    kept = [pod for pod in ended if kept_until(pod) > now]
    missing = max(item.spec.replicas - len(living) - len(kept), 0)
    surplus = at_first(living)[: max(len(living) - item.spec.replicas, 0)]
    made = tuple(pod_of(item, item.spec.template, f"{item.metadata.name}-") for _ in range(missing))
    gone = (*(pod for pod in ended if pod not in kept), *surplus)
    notes = [Note("Normal", "SuccessfulCreate", f"Created pod: {pod.metadata.name}") for pod in made]
    notes += [Note("Normal", "SuccessfulDelete", f"Deleted pod: {pod.metadata.name}") for pod in gone]
    times = [*until_available(living, item.spec.min_ready_seconds), *map(kept_until, kept)]
    again = min((time for time in times if time > now), default=None)
    return Decision(_status(item, living, now), made, gone, tuple(notes), again)


def until_available(living: Sequence[Pod], seconds: int) -> list[datetime]:
    """When the pods that are ready will have been so for `seconds`."""
    return [
        one.last_transition_time + timedelta(seconds=seconds)
        for pod in living
        for one in pod.status.conditions
        if one.type == "Ready" and one.status == "True" and one.last_transition_time is not None
    ]


def _status(item: ReplicaSet, living: Sequence[Pod], now: datetime) -> ReplicaSetStatus:
    labels = item.spec.template.metadata.labels
    return ReplicaSetStatus(
        replicas=len(living),
        fully_labeled_replicas=sum(labels.items() <= pod.metadata.labels.items() for pod in living),
        ready_replicas=sum(map(is_ready, living)),
        available_replicas=sum(is_available(pod, item.spec.min_ready_seconds, now) for pod in living),
        observed_generation=item.metadata.generation,
    )

"""Deployments: so many pods of a template, replaced when they end and, some at a time, when the template changes.

All are on this node, and are the Deployment's own: there are no ReplicaSets in between.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from firkin.kubelet.api.meta import Condition
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.probe import IntOrString
from firkin.kubelet.api.workload import Deployment, DeploymentStatus
from firkin.kubelet.workloads.decision import Decision, Note, at_first, with_condition
from firkin.kubelet.workloads.pods import is_available, is_ended, is_going, is_ready, kept_until, pod_of, template_hash

__all__ = ["HASH_LABEL", "count_of", "decide_deployment"]

HASH_LABEL = "pod-template-hash"
_replace = msgspec.structs.replace


def count_of(value: IntOrString | None, total: int, *, up: bool) -> int:
    """A number, or a percentage of `total`, rounded up or down."""
    if isinstance(value, str):
        part = int(value.removesuffix("%")) * total / 100
        return math.ceil(part) if up else math.floor(part)
    return value or 0


def decide_deployment(item: Deployment, pods: Sequence[Pod], now: datetime) -> Decision:
    """What is to be done for a Deployment whose pods are `pods`."""
    label = template_hash(item.spec.template)
    living = [pod for pod in pods if not is_going(pod) and not is_ended(pod)]
    ended = [pod for pod in pods if is_ended(pod) and not is_going(pod)]
    kept = [pod for pod in ended if not _is_other(pod, label) and kept_until(pod) > now]
    new = [pod for pod in living if pod.metadata.labels.get(HASH_LABEL) == label]
    old = [pod for pod in living if pod not in new]
    create, delete = (0, []) if item.spec.paused and old else _steps(item, new, old, now)
    if item.spec.strategy.type == "Recreate" and any(_is_other(pod, label) for pod in pods if not is_ended(pod)):
        # The last of the old ones must have ended.
        create = 0
    create = max(create - len(kept), 0)
    made = tuple(
        pod_of(item, item.spec.template, f"{item.metadata.name}-{label}-", labels={HASH_LABEL: label})
        for _ in range(create)
    )
    status = _status(item, living, new, now)
    notes = []
    if create:
        notes.append(Note("Normal", "ScalingReplicaSet", f"Scaled up {item.metadata.name}-{label} by {create}"))
    if delete:
        notes.append(Note("Normal", "ScalingReplicaSet", f"Scaled down {item.metadata.name} by {len(delete)}"))
    gone = (*(pod for pod in ended if pod not in kept), *delete)
    times = [_again(item, living, status, now), *map(kept_until, kept)]
    again = min((time for time in times if time is not None), default=None)
    return Decision(status, made, gone, tuple(notes), again)


def _is_other(pod: Pod, label: str) -> bool:
    return pod.metadata.labels.get(HASH_LABEL) != label


def _steps(item: Deployment, new: list[Pod], old: list[Pod], now: datetime) -> tuple[int, list[Pod]]:
    # How many new pods to make, and which pods to delete.
    wanted = item.spec.replicas
    if item.spec.strategy.type == "Recreate":
        if old:
            return 0, old
        return max(wanted - len(new), 0), at_first(new)[: max(len(new) - wanted, 0)]
    rolling = item.spec.strategy.rolling_update
    surge = count_of(rolling.max_surge if rolling else None, wanted, up=True)
    lacking = count_of(rolling.max_unavailable if rolling else None, wanted, up=False)
    if not surge and not lacking:
        # Both may round to nothing.
        lacking = 1
    most = wanted + surge if old else wanted
    create = max(min(wanted - len(new), most - len(new) - len(old)), 0)
    delete = at_first(new)[: max(len(new) - wanted, 0)]
    return create, [*delete, *_give_up(item, new, old, wanted - lacking, now)]


def _give_up(item: Deployment, new: list[Pod], old: list[Pod], fewest: int, now: datetime) -> list[Pod]:
    # Of the old ones, those that are not available go at once; of the others as many as can be done without.
    seconds = item.spec.min_ready_seconds
    useless = [pod for pod in old if not is_available(pod, seconds, now)]
    useful = [pod for pod in old if pod not in useless]
    available = sum(is_available(pod, seconds, now) for pod in new) + len(useful)
    spare = max(available - max(fewest, 0), 0)
    # Some that are not available may be about to be: all pods together must stay above the fewest, too.
    room = max(len(new) + len(old) - max(fewest, 0), 0)
    gone = useless[:room]
    return [*gone, *at_first(useful)[: min(spare, max(room - len(gone), 0))]]


def _status(item: Deployment, living: list[Pod], new: list[Pod], now: datetime) -> DeploymentStatus:
    seconds = item.spec.min_ready_seconds
    available = sum(is_available(pod, seconds, now) for pod in living)
    wanted = item.spec.replicas
    status = DeploymentStatus(
        observed_generation=item.metadata.generation,
        replicas=len(living),
        updated_replicas=len(new),
        ready_replicas=sum(map(is_ready, living)),
        available_replicas=available,
        unavailable_replicas=max(max(wanted, len(living)) - available, 0),
        conditions=item.status.conditions,
    )
    return _replace(status, conditions=_conditions(item, status, now))


def _conditions(item: Deployment, status: DeploymentStatus, now: datetime) -> list[Condition]:
    rolling = item.spec.strategy.rolling_update
    lacking = count_of(rolling.max_unavailable if rolling else None, item.spec.replicas, up=False)
    now = now.replace(microsecond=0)

    def condition(type_: str, status_: str, reason: str, message: str) -> Condition:
        return Condition(
            type=type_,
            status=status_,
            reason=reason,
            message=message,
            last_transition_time=now,
            last_update_time=now,
        )

    conditions = item.status.conditions
    if status.available_replicas >= item.spec.replicas - lacking:
        text = "Deployment has minimum availability."
        conditions = with_condition(conditions, condition("Available", "True", "MinimumReplicasAvailable", text))
    else:
        text = "Deployment does not have minimum availability."
        conditions = with_condition(conditions, condition("Available", "False", "MinimumReplicasUnavailable", text))
    return _progress(item, status, conditions, condition, now)


def _progress(
    item: Deployment, status: DeploymentStatus, conditions: list[Condition], condition: object, now: datetime
) -> list[Condition]:
    assert callable(condition)
    name = item.metadata.name
    if _is_complete(item, status):
        text = f'Deployment "{name}" has successfully progressed.'
        return with_condition(conditions, condition("Progressing", "True", "NewReplicaSetAvailable", text))
    before = next((one for one in item.status.conditions if one.type == "Progressing"), None)
    counts = ("replicas", "updated_replicas", "ready_replicas", "available_replicas")
    moved = any(getattr(status, field) != getattr(item.status, field) for field in counts)
    if before is None or moved or item.status.observed_generation != item.metadata.generation:
        text = f'Deployment "{name}" is progressing.'
        # Progress is what the deadline counts from.
        others = [one for one in conditions if one.type != "Progressing"]
        made = condition("Progressing", "True", "ReplicaSetUpdated", text)
        if before is not None and before.status == "True":
            made = _replace(made, last_transition_time=before.last_transition_time)
        return [*others, made]
    since = before.last_update_time
    deadline = timedelta(seconds=item.spec.progress_deadline_seconds)
    if before.reason == "ReplicaSetUpdated" and since is not None and since + deadline <= now and not item.spec.paused:
        text = f'Deployment "{name}" has timed out progressing.'
        return with_condition(conditions, condition("Progressing", "False", "ProgressDeadlineExceeded", text))
    return conditions


def _is_complete(item: Deployment, status: DeploymentStatus) -> bool:
    wanted = item.spec.replicas
    return status.updated_replicas == status.replicas == status.available_replicas == wanted


def _again(item: Deployment, living: list[Pod], status: DeploymentStatus, now: datetime) -> datetime | None:
    # When a pod will have been ready for long enough, or the deadline has passed.
    times = []
    for pod in living:
        for one in pod.status.conditions:
            if one.type == "Ready" and one.status == "True" and one.last_transition_time is not None:
                times.append(one.last_transition_time + timedelta(seconds=item.spec.min_ready_seconds))
    for one in status.conditions:
        if one.type == "Progressing" and one.reason == "ReplicaSetUpdated" and one.last_update_time is not None:
            times.append(one.last_update_time + timedelta(seconds=item.spec.progress_deadline_seconds))
    return min((time for time in times if time > now), default=None)

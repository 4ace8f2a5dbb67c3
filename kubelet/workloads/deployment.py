"""Deployments: ReplicaSets, one for each template, which give each other their pods some at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from firkin.kubelet.api.meta import Condition, Resource
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.workload import Deployment, DeploymentStatus, ReplicaSet
from firkin.kubelet.workloads.decision import Decision, Note, with_condition
from firkin.kubelet.workloads.pods import is_available, is_ended, is_going, is_ready, owned, template_hash
from firkin.kubelet.workloads.replica_set import until_available
from firkin.kubelet.workloads.revisions import (
    HASH_LABEL,
    REVISION,
    annotated,
    new_set,
    revision_of,
    sized,
    superfluous,
)
from firkin.kubelet.workloads.scaling import Bounds, Sizes, bounds_of, count_of, is_rescaled, recreate, rescale, roll

__all__ = ["decide_deployment"]

_replace = msgspec.structs.replace


def decide_deployment(item: Deployment, sets: Sequence[ReplicaSet], pods: Sequence[Pod], now: datetime) -> Decision:
    """What is to be done for a Deployment whose ReplicaSets are `sets`, with the `pods` of those."""
    label = template_hash(item.spec.template)
    new = next((one for one in sets if one.metadata.labels.get(HASH_LABEL) == label), None)
    old = sorted((one for one in sets if one is not new), key=revision_of)
    bounds = bounds_of(item)
    sizes = _sizes(item, new, old, pods, bounds, now)
    create: tuple[Resource, ...] = ()
    if new is None and not item.spec.paused:
        size = sizes.pop("", 0)
        create = (annotated(new_set(item, label, size), item, old, bounds.most),)
    changed = list(_changed(item, new, old, sizes, bounds))
    living = [pod for pod in pods if not is_going(pod) and not is_ended(pod)]
    status = _status(item, living, owned(living, new.metadata.uid) if new else [], now)
    gone = superfluous(item, old, pods) if _is_complete(item, status) and not changed else []
    current = next((one for one in (*create, *changed) if one.metadata.labels.get(HASH_LABEL) == label), new)
    marked = _marked(item, current)
    notes = _notes(item, (*create, *changed), {one.metadata.name: one.spec.replicas for one in sets})
    update = (*changed, *([] if marked is None else [marked]))
    return Decision(status, create, tuple(gone), tuple(notes), _again(item, living, status, now), update=update)


def _sizes(
    item: Deployment, new: ReplicaSet | None, old: list[ReplicaSet], pods: Sequence[Pod], bounds: Bounds, now: datetime
) -> Sizes:
    # What ReplicaSets are to have, by name; "" is the one that is to be made.
    if item.spec.paused or is_rescaled([*old, *([new] if new else [])], bounds):
        sizes = rescale(new, old, bounds)
        if item.spec.paused or new is not None:
            return sizes
    size = new.spec.replicas if new else 0
    if item.spec.strategy.type == "Recreate":
        living = {one.uid for pod in pods if not is_ended(pod) for one in pod.metadata.owner_references}
        found = recreate(size, old, bounds, old_is_there=any(one.metadata.uid in living for one in old))
    else:
        available = {one.metadata.name: _available(item, one, pods, now) for one in (*old, *([new] if new else []))}
        found = roll(size, old, available, available[new.metadata.name] if new else 0, bounds)
    if new is not None and "" in found:
        found[new.metadata.name] = found.pop("")
    return found


def _available(item: Deployment, one: ReplicaSet, pods: Sequence[Pod], now: datetime) -> int:
    seconds = item.spec.min_ready_seconds
    living = [pod for pod in owned(pods, one.metadata.uid) if not is_going(pod) and not is_ended(pod)]
    return sum(is_available(pod, seconds, now) for pod in living)


def _changed(
    item: Deployment, new: ReplicaSet | None, old: Sequence[ReplicaSet], sizes: Mapping[str, int], bounds: Bounds
) -> Iterator[ReplicaSet]:
    for one in (*old, *([new] if new else [])):
        after = annotated(one, item, old, bounds.most) if one is new and not item.spec.paused else one
        size = sizes.get(one.metadata.name, one.spec.replicas)
        if size != one.spec.replicas or size:
            after = sized(after, size, bounds.wanted, bounds.most)
        if after != one:
            yield after


def _marked(item: Deployment, current: Resource | None) -> Deployment | None:
    # With the number of the revision that it is at.
    if not isinstance(current, ReplicaSet) or revision_of(current) == revision_of(item):
        return None
    annotations = {**item.metadata.annotations, REVISION: str(revision_of(current))}
    return _replace(item, metadata=_replace(item.metadata, annotations=annotations))


def _notes(item: Deployment, sets: Sequence[Resource], before: Mapping[str, int]) -> Iterator[Note]:
    for one in sets:
        assert isinstance(one, ReplicaSet)
        was, size = before.get(one.metadata.name, 0), one.spec.replicas
        if was != size:
            way = "up" if size > was else "down"
            text = f"Scaled {way} replica set {one.metadata.name} from {was} to {size}"
            yield Note("Normal", "ScalingReplicaSet", text)


def _status(item: Deployment, living: list[Pod], new: list[Pod], now: datetime) -> DeploymentStatus:
    seconds = item.spec.min_ready_seconds
    available = sum(is_available(pod, seconds, now) for pod in living)
    status = DeploymentStatus(
        observed_generation=item.metadata.generation,
        replicas=len(living),
        updated_replicas=len(new),
        ready_replicas=sum(map(is_ready, living)),
        available_replicas=available,
        unavailable_replicas=max(max(item.spec.replicas, len(living)) - available, 0),
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
    times = until_available(living, item.spec.min_ready_seconds)
    for one in status.conditions:
        if one.type == "Progressing" and one.reason == "ReplicaSetUpdated" and one.last_update_time is not None:
            times.append(one.last_update_time + timedelta(seconds=item.spec.progress_deadline_seconds))
    return min((time for time in times if time > now), default=None)

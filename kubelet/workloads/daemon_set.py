"""DaemonSets: one pod on each node, which is one pod."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.workload import DaemonSet, DaemonSetStatus
from firkin.kubelet.workloads.decision import Decision, Note
from firkin.kubelet.workloads.pods import is_available, is_ended, is_going, is_ready, kept_until, pod_of, template_hash
from firkin.kubelet.workloads.scaling import count_of

__all__ = ["decide_daemon_set"]

_HASH_LABEL = "controller-revision-hash"
_GENERATION_LABEL = "pod-template-generation"


def decide_daemon_set(item: DaemonSet, pods: Sequence[Pod], now: datetime, labels: Mapping[str, str]) -> Decision:
    """What is to be done for a DaemonSet whose pods are `pods`, on a node with these labels."""
    fits = all(labels.get(name) == value for name, value in item.spec.template.spec.node_selector.items())
    label = template_hash(item.spec.template)
    ended = [pod for pod in pods if is_ended(pod) and not is_going(pod)]
    living = [pod for pod in pods if not is_going(pod) and not is_ended(pod)]
    new = [pod for pod in living if pod.metadata.labels.get(_HASH_LABEL) == label]
    old = [pod for pod in living if pod not in new]
    create, delete = _steps(item, new, old, now) if fits else (False, living)
    kept = [pod for pod in ended if kept_until(pod) > now]
    ended = [pod for pod in ended if pod not in kept]
    if kept or (any(is_going(pod) for pod in pods) and not _surges(item)):
        # It has what the next one needs, such as ports.
        create = False
    own = {_HASH_LABEL: label, _GENERATION_LABEL: str(item.metadata.generation)}
    made = (pod_of(item, item.spec.template, f"{item.metadata.name}-", labels=own),) if create else ()
    notes = [Note("Normal", "SuccessfulCreate", f"Created pod: {pod.metadata.name}") for pod in made]
    notes += [Note("Normal", "SuccessfulDelete", f"Deleted pod: {pod.metadata.name}") for pod in delete]
    notes += [
        Note("Warning", "FailedDaemonPod", f"Found failed daemon pod {pod.metadata.name}, will try to kill it")
        for pod in ended
    ]
    status = _status(item, living, new, now, fits=fits)
    times = [_again(item, living, now), *map(kept_until, kept)]
    again = min((time for time in times if time is not None), default=None)
    return Decision(status, made, (*ended, *delete), tuple(notes), again)


def _surges(item: DaemonSet) -> bool:
    rolling = item.spec.update_strategy.rolling_update
    return count_of(rolling.max_surge if rolling else None, 1, up=True) > 0


def _steps(item: DaemonSet, new: list[Pod], old: list[Pod], now: datetime) -> tuple[bool, list[Pod]]:
    extra = new[1:]
    if not old:
        return not new, extra
    if item.spec.update_strategy.type == "OnDelete":
        return False, [*extra, *old[1:]]
    if not _surges(item):
        return False, [*extra, *old]
    # The new one comes first, and the old one goes when it is available, or when it does nothing itself.
    ready = any(is_available(pod, item.spec.min_ready_seconds, now) for pod in new)
    return not new, [*extra, *(pod for pod in old if ready or not is_ready(pod))]


def _status(item: DaemonSet, living: list[Pod], new: list[Pod], now: datetime, *, fits: bool) -> DaemonSetStatus:
    wanted = int(fits)
    available = int(fits and any(is_available(pod, item.spec.min_ready_seconds, now) for pod in living))
    return DaemonSetStatus(
        current_number_scheduled=int(fits and bool(living)),
        number_misscheduled=int(not fits and bool(living)),
        desired_number_scheduled=wanted,
        number_ready=int(fits and any(map(is_ready, living))),
        updated_number_scheduled=int(fits and bool(new)),
        number_available=available,
        number_unavailable=wanted - available,
        observed_generation=item.metadata.generation,
    )


def _again(item: DaemonSet, living: list[Pod], now: datetime) -> datetime | None:
    seconds = timedelta(seconds=item.spec.min_ready_seconds)
    times = [
        one.last_transition_time + seconds
        for pod in living
        for one in pod.status.conditions
        if one.type == "Ready" and one.status == "True" and one.last_transition_time is not None
    ]
    return min((time for time in times if time > now), default=None)

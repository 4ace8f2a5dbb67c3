"""Which pods have to make room for a critical one. Pure.

Source: the preemption of the kubelet: as few pods as possible, of the lowest class of service, those whose requests
come nearest to what is missing; "Guaranteed Scheduling For Critical Add-On Pods" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from firkin.kubelet.api.pod import Pod
from firkin.kubelet.resources.admission import NodeFacts, amounts, misplaced, shortages
from firkin.kubelet.resources.priority import is_critical, priority_of
from firkin.kubelet.resources.qos import BEST_EFFORT, BURSTABLE, GUARANTEED, qos_class

__all__ = ["PREEMPTED", "PREEMPTING", "preempted"]

PREEMPTING = "Preempting"
"""The reason in the status of a pod that makes room."""
PREEMPTED = "Preempted in order to admit critical pod"
"""The message."""

Missing = Mapping[str, int]


def preempted(pod: Pod, active: Sequence[Pod], node: NodeFacts) -> list[Pod]:
    """The pods that must end for `pod` to be admitted; none if it is not critical, or that would not do."""
    missing = {one.resource: one.amount for one in shortages(pod, active, node)}
    if not missing or not is_critical(pod) or any(misplaced(pod, active, node)):
        return []
    able = [one for one in active if _may_preempt(pod, one)]
    if _left(missing, able):
        return []
    of_class = {quality: [one for one in able if qos_class(one) == quality]
                for quality in (BEST_EFFORT, BURSTABLE, GUARANTEED)}  # fmt: skip
    # Of each class only what the classes below it can't give.
    guaranteed = _nearest(of_class[GUARANTEED], _left(missing, of_class[BEST_EFFORT] + of_class[BURSTABLE]))
    burstable = _nearest(of_class[BURSTABLE], _left(missing, of_class[BEST_EFFORT] + guaranteed))
    best_effort = _nearest(of_class[BEST_EFFORT], _left(missing, burstable + guaranteed))
    return best_effort + burstable + guaranteed


def _may_preempt(pod: Pod, other: Pod) -> bool:
    return not is_critical(other) or priority_of(pod) > priority_of(other)


def _gives(pod: Pod) -> dict[str, int]:
    return {**amounts(pod), "pods": 1}


def _left(missing: Missing, pods: Sequence[Pod]) -> dict[str, int]:
    left = dict(missing)
    for given in map(_gives, pods):
        left = {name: amount - given.get(name, 0) for name, amount in left.items()}
    return {name: amount for name, amount in left.items() if amount > 0}


def _nearest(pods: Sequence[Pod], missing: dict[str, int]) -> list[Pod]:
    candidates, chosen = list(pods), []
    while missing:
        best = min(candidates, key=lambda one: (_distance(missing, one), *_size(one)))
        candidates.remove(best)
        chosen.append(best)
        missing = _left(missing, [best])
    return chosen


def _distance(missing: Missing, pod: Pod) -> float:
    given = _gives(pod)
    return sum(max(0.0, (amount - given.get(name, 0)) / amount) ** 2 for name, amount in missing.items())


def _size(pod: Pod) -> tuple[int, int]:
    # Of those that come as near the smaller one.
    given = _gives(pod)
    return given.get("memory", 0), given.get("cpu", 0)

"""The conditions of a pod that the agent owns (pkg/kubelet/status/generate.go)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from firkin.kubelet.api.meta import Condition
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.pod_status import ContainerStatus
from firkin.kubelet.pods.restart_all import CONDITION as RESTARTING_ALL
from firkin.kubelet.pods.restarts import is_sidecar

__all__ = ["OWNED", "conditions_of", "with_transitions"]

OWNED = frozenset(
    (
        "PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled", RESTARTING_ALL,
        "PodResizePending", "PodResizeInProgress",
    )
)  # fmt: skip
"""The types of conditions that the agent alone sets."""


def conditions_of(
    pod: Pod,
    statuses: Mapping[str, ContainerStatus],
    phase: str,
    *,
    has_sandbox: bool,
    others: Sequence[Condition] = (),
) -> list[Condition]:
    """The conditions of a pod, its containers being as `statuses` say, by name; `others` are somebody else's.

    They have no times: `with_transitions` gives them those.
    """
    containers = _containers_ready(pod, statuses, phase)
    return [
        *others,
        Condition(type="PodReadyToStartContainers", status=_text(has_sandbox)),
        _initialized(pod, statuses, phase),
        _ready(pod, containers, others),
        containers,
        Condition(type="PodScheduled", status="True"),
    ]


def with_transitions(now: datetime, conditions: Iterable[Condition], before: Iterable[Condition]) -> list[Condition]:
    """The conditions with the times at which their status changed: now, or as long ago as in `before`."""
    known = {one.type: one for one in before}
    return [_timed(now, one, known.get(one.type)) for one in conditions]


def _timed(now: datetime, condition: Condition, before: Condition | None) -> Condition:
    since = condition.last_transition_time
    if before is not None and before.status == condition.status:
        since = before.last_transition_time
    return replace(condition, last_transition_time=since or now)


def _text(is_true: bool) -> str:
    return "True" if is_true else "False"


def _no(type: str, reason: str, *messages: str) -> Condition:
    return Condition(type=type, status="False", reason=reason, message=", ".join(one for one in messages if one))


def _listed(what: str, names: Sequence[str]) -> str:
    return f"containers with {what} status: [{' '.join(names)}]" if names else ""


def _containers_ready(pod: Pod, statuses: Mapping[str, ContainerStatus], phase: str) -> Condition:
    names = [one.name for one in pod.spec.init_containers if is_sidecar(one)]
    names += [one.name for one in pod.spec.containers]
    unknown = [name for name in names if name not in statuses]
    unready = [name for name in names if name in statuses and not statuses[name].ready]
    if phase == "Succeeded" and not unknown:
        return _no("ContainersReady", "PodCompleted")
    if phase == "Failed":
        return _no("ContainersReady", "PodFailed")
    if unknown or unready:
        return _no("ContainersReady", "ContainersNotReady", _listed("unknown", unknown), _listed("unready", unready))
    return Condition(type="ContainersReady", status="True")


def _ready(pod: Pod, containers: Condition, others: Sequence[Condition]) -> Condition:
    if containers.status != "True":
        return replace(containers, type="Ready")
    found = {one.type: one for one in others}
    messages = []
    for gate in pod.spec.readiness_gates:
        condition = found.get(gate.condition_type)
        name = f'"{gate.condition_type}"'
        if condition is None:
            messages.append(f"corresponding condition of pod readiness gate {name} does not exist.")
        elif condition.status != "True":
            messages.append(f'the status of pod readiness gate {name} is not "True", but {condition.status}')
    if messages:
        return _no("Ready", "ReadinessGatesNotReady", *messages)
    return Condition(type="Ready", status="True")


def _initialized(pod: Pod, statuses: Mapping[str, ContainerStatus], phase: str) -> Condition:
    unknown, incomplete = [], []
    for container in pod.spec.init_containers:
        status = statuses.get(container.name)
        if status is None:
            unknown.append(container.name)
        elif not (status.started if is_sidecar(container) else status.ready):
            incomplete.append(container.name)
    if phase == "Succeeded" and not unknown:
        return Condition(type="Initialized", status="True", reason="PodCompleted")
    if any(_has_started(statuses.get(one.name)) for one in pod.spec.containers) or not (unknown or incomplete):
        return Condition(type="Initialized", status="True")
    reason = "ContainersNotInitialized"
    return _no("Initialized", reason, _listed("unknown", unknown), _listed("incomplete", incomplete))


def _has_started(status: ContainerStatus | None) -> bool:
    # Even if a sidecar is being restarted now, the pod has been initialized.
    if status is None:
        return False
    state = status.state
    return state.running is not None or state.terminated is not None or status.last_state.terminated is not None

"""The status of a pod: a function of what is wanted, what the runtime has, what is known and what was before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from msgspec.structs import replace

from firkin.kubelet.api.container import ResourceRequirements
from firkin.kubelet.api.meta import Condition
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.pod_status import (
    ContainerState,
    ContainerStateTerminated,
    ContainerStatus,
    HostIP,
    PodIP,
    PodStatus,
)
from firkin.kubelet.pods.actions import sandbox_change
from firkin.kubelet.pods.conditions import OWNED, conditions_of, with_transitions
from firkin.kubelet.pods.container_status import Waiting, container_statuses
from firkin.kubelet.pods.decision import Knowledge
from firkin.kubelet.pods.phase import is_terminal, phase_of
from firkin.kubelet.pods.restart_all import restarting_condition
from firkin.kubelet.pods.view import CREATED, PodView

__all__ = ["Facts", "Verdict", "ended_status", "failed_status", "pod_status"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a pod must end, whatever its containers do: Evicted, DeadlineExceeded."""

    reason: str
    message: str
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a status is made of beside the pod and what the runtime has of it.

    `waiting` and `known` are by container name; `verdict` ends the pod; `has_ended` says that nothing of it will run
    again. `host_ips` are the node's addresses. `resize` are the conditions of a resize, `actual` what those containers
    have, by name, that have not got yet what they were given.
    """

    now: datetime
    qos_class: str = "BestEffort"
    host_ips: tuple[str, ...] = ()
    waiting: Mapping[str, Waiting] = field(default_factory=dict)
    known: Mapping[str, Knowledge] = field(default_factory=dict)
    verdict: Verdict | None = None
    has_ended: bool = False
    resize: tuple[Condition, ...] = ()
    actual: Mapping[str, ResourceRequirements] = field(default_factory=dict)


def pod_status(pod: Pod, view: PodView, facts: Facts) -> PodStatus:
    """The status of `pod` now; `pod.status` is the one before."""
    before, spec = pod.status, pod.spec
    told = (facts.waiting, facts.known, facts.actual)
    init = container_statuses(pod, view, spec.init_containers, before.init_container_statuses, *told)
    containers = container_statuses(pod, view, spec.containers, before.container_statuses, *told)
    ephemeral = container_statuses(pod, view, spec.ephemeral_containers, before.ephemeral_container_statuses, *told)
    statuses = {one.name: one for one in (*init, *containers)}
    phase, reason, message = _phase(pod, view, statuses, facts)
    ips = _pod_ips(pod, view, facts, before)
    return PodStatus(
        observed_generation=pod.metadata.generation or None,
        phase=phase,
        reason=reason,
        message=message,
        conditions=_conditions(pod, view, statuses, phase, facts),
        host_ip=facts.host_ips[0] if facts.host_ips else "",
        host_ips=[HostIP(ip=one) for one in facts.host_ips],
        pod_ip=ips[0] if ips else "",
        pod_ips=[PodIP(ip=one) for one in ips],
        start_time=before.start_time or facts.now,
        init_container_statuses=init,
        container_statuses=containers,
        ephemeral_container_statuses=ephemeral,
        qos_class=facts.qos_class,
        resize=before.resize,
        allocated_resources=spec.resources.requests if spec.resources else {},
        resources=spec.resources,
    )


def _phase(pod: Pod, view: PodView, statuses: Mapping[str, ContainerStatus], facts: Facts) -> tuple[str, str, str]:
    before = pod.status
    if facts.verdict is not None:
        return ("Failed", facts.verdict.reason, facts.verdict.message)
    if is_terminal(before.phase):
        # There is no way back.
        return (before.phase, before.reason, before.message)
    phase: str = phase_of(pod, statuses, has_ended=facts.has_ended, has_initialized=_has_initialized(pod, view))
    return (phase, before.reason, before.message) if phase == before.phase else (phase, "", "")


def _has_initialized(pod: Pod, view: PodView) -> bool:
    # Containers of a sandbox before this one do not count.
    sandbox = view.sandboxes[0].id if view.sandboxes else ""
    names = {one.name for one in pod.spec.containers}
    return any(one.name in names and one.sandbox_id == sandbox and one.state != CREATED for one in view.containers)


def _conditions(
    pod: Pod, view: PodView, statuses: Mapping[str, ContainerStatus], phase: str, facts: Facts
) -> list[Condition]:
    others = [one for one in pod.status.conditions if one.type not in OWNED]
    added = facts.verdict.conditions if facts.verdict else ()
    names = {one.type for one in added}
    others = [*(one for one in others if one.type not in names), *added]
    made = conditions_of(pod, statuses, phase, has_sandbox=not sandbox_change(pod, view)[0], others=others)
    if (restarting := restarting_condition(pod, view, phase)) is not None:
        made.append(restarting)
    made += facts.resize
    return with_transitions(facts.now, made, pod.status.conditions)


def _pod_ips(pod: Pod, view: PodView, facts: Facts, before: PodStatus) -> Sequence[str]:
    if pod.spec.host_network:
        return [one.ip for one in before.pod_ips] or facts.host_ips
    return view.ips


def failed_status(pod: Pod, now: datetime, reason: str, message: str) -> PodStatus:
    """The status of a pod that is not let in."""
    before = pod.status
    return replace(before, phase="Failed", reason=reason, message=message, start_time=before.start_time or now)


def ended_status(status: PodStatus) -> PodStatus:
    """The last status of a pod of which nothing is left: what never ran, or can not be found, has ended too."""
    return replace(
        status,
        phase=status.phase if is_terminal(status.phase) else "Failed",
        init_container_statuses=[_ended(one) for one in status.init_container_statuses],
        container_statuses=[_ended(one) for one in status.container_statuses],
        ephemeral_container_statuses=[_ended(one) for one in status.ephemeral_container_statuses],
    )


def _ended(status: ContainerStatus) -> ContainerStatus:
    if status.state.terminated is not None:
        return status
    lost = ContainerStateTerminated(
        exit_code=137,
        reason="ContainerStatusUnknown",
        message="The container could not be located when the pod was terminated",
    )
    return replace(status, state=ContainerState(terminated=lost), ready=False, started=False)

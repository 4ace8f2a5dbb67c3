"""The phase of a pod: a function of what its containers are like (kubelet_pods.go, getPhase)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from firkin.kubelet.api.container import Container
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.pod_status import ContainerStateTerminated, ContainerStatus
from firkin.kubelet.pods.restart_all import REASON as RESTARTING_ALL
from firkin.kubelet.pods.restarts import is_sidecar, restarts_after

__all__ = ["Phase", "is_static", "is_terminal", "phase_of"]

Phase = Literal["Pending", "Running", "Succeeded", "Failed"]


def is_terminal(phase: str) -> bool:
    """Whether a pod of this phase has ended for good."""
    return phase in ("Succeeded", "Failed")


def is_static(pod: Pod) -> bool:
    """Whether the pod comes of a file or a URL, which alone say when it ends."""
    return pod.metadata.annotations.get("kubernetes.io/config.source", "api") != "api"


@dataclass(slots=True)
class _Counts:
    init_pending: int = 0
    init_failed: int = 0
    sidecars_pending: int = 0
    unknown: int = 0
    running: int = 0
    waiting: int = 0
    stopped: int = 0
    stopped_for_good: int = 0
    succeeded: int = 0


def phase_of(pod: Pod, statuses: Mapping[str, ContainerStatus], *, has_ended: bool, has_initialized: bool) -> Phase:
    """The phase of a pod whose containers have `statuses`, by name.

    Parameters: `has_ended` says that nothing of it will run again, `has_initialized` that one of its containers has
    been started in the sandbox that it has now.
    """
    counts = _Counts()
    for container in pod.spec.init_containers:
        count = _count_sidecar if is_sidecar(container) else _count_init
        count(counts, pod, container, statuses.get(container.name))
    for container in pod.spec.containers:
        _count(counts, pod, container, statuses.get(container.name))
    return _decide(pod, counts, has_ended=has_ended, has_initialized=has_initialized)


def _decide(pod: Pod, counts: _Counts, *, has_ended: bool, has_initialized: bool) -> Phase:
    if counts.init_failed:
        return "Failed"
    if counts.init_pending or (counts.sidecars_pending and not has_initialized) or counts.waiting:
        return "Pending"
    if counts.unknown or not (counts.running or counts.stopped):
        return "Pending"
    if counts.running:
        return "Running"
    if not (has_ended and not is_static(pod)) and counts.stopped != counts.stopped_for_good:
        return "Running"
    return "Succeeded" if counts.stopped == counts.succeeded else "Failed"


def _count_init(counts: _Counts, pod: Pod, container: Container, status: ContainerStatus | None) -> None:
    ended = _ended(status)
    if ended is None:
        counts.init_pending += 1
    elif ended.exit_code != 0 and not restarts_after(pod, container, ended.exit_code):
        counts.init_failed += 1


def _count_sidecar(counts: _Counts, pod: Pod, container: Container, status: ContainerStatus | None) -> None:
    if status is None:
        counts.unknown += 1
    elif status.state.running is not None:
        counts.running += 1
        counts.sidecars_pending += not status.started
    elif _ended(status) is None:
        counts.sidecars_pending += 1
        counts.waiting += 1


def _count(counts: _Counts, pod: Pod, container: Container, status: ContainerStatus | None) -> None:
    if status is None:
        counts.unknown += 1
    elif status.state.running is not None:
        counts.running += 1
    elif (ended := _ended(status)) is not None:
        counts.stopped += 1
        counts.stopped_for_good += not restarts_after(pod, container, ended.exit_code)
        # One that waits for its next try has not succeeded, whatever the last one was like.
        counts.succeeded += status.state.terminated is not None and ended.exit_code == 0
    else:
        counts.waiting += 1


def _ended(status: ContainerStatus | None) -> ContainerStateTerminated | None:
    # How it ended, or ended before it came to wait. One that was removed so that all restart is to begin, whatever
    # its policy says of one that was killed.
    if status is None or status.state.running is not None:
        return None
    last = status.last_state.terminated
    return status.state.terminated or (None if last is not None and last.reason == RESTARTING_ALL else last)

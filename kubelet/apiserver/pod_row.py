"""A pod as one line: how many of its containers are ready, what it does, how often they were restarted."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from firkin.kubelet.api.container import Container
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.pod_status import ContainerState, ContainerStatus
from firkin.kubelet.apiserver.ages import human_duration

__all__ = ["Summary", "summary"]


class Summary(NamedTuple):
    """The columns READY, STATUS and RESTARTS of kubectl."""

    ready: str
    status: str
    restarts: str


def summary(pod: Pod, now: datetime) -> Summary:
    """What kubectl shows of a pod."""
    sidecars = {one.name for one in pod.spec.init_containers if one.restart_policy == "Always"}
    statuses = pod.status.container_statuses
    sidecar_statuses = [one for one in pod.status.init_container_statuses if one.name in sidecars]
    counted = [*statuses, *sidecar_statuses]
    total = len(pod.spec.containers) + len(sidecars)
    ready = sum(one.ready and one.state.running is not None for one in counted)
    initializing = _initializing(pod, sidecars)
    shown = pod.status.init_container_statuses if initializing else counted
    return Summary(f"{ready}/{total}", _status(pod, initializing), _restarts(shown, now))


def _status(pod: Pod, initializing: str) -> str:
    reason = initializing or _of_containers(pod) or pod.status.reason or pod.status.phase or "Pending"
    if pod.metadata.deletion_timestamp is not None:
        if pod.status.reason == "NodeLost":
            return "Unknown"
        if pod.status.phase not in ("Succeeded", "Failed"):
            return "Terminating"
    return reason


def _of_containers(pod: Pod) -> str:
    reason = ""
    running = False
    # The first container has the last word.
    for one in reversed(pod.status.container_statuses):
        told = _told(one.state)
        if told:
            reason = told
        elif one.ready and one.state.running is not None:
            running = True
    if reason == "Completed" and running:
        is_ready = any(one.type == "Ready" and one.status == "True" for one in pod.status.conditions)
        return "Running" if is_ready else "NotReady"
    return reason


def _told(state: ContainerState) -> str:
    if state.waiting is not None:
        return state.waiting.reason
    ended = state.terminated
    if ended is None:
        return ""
    return ended.reason or (f"Signal:{ended.signal}" if ended.signal else f"ExitCode:{ended.exit_code}")


def _initializing(pod: Pod, sidecars: set[str]) -> str:
    containers: list[Container] = pod.spec.init_containers
    for number, one in enumerate(pod.status.init_container_statuses):
        ended = one.state.terminated
        if (ended is not None and ended.exit_code == 0) or (one.name in sidecars and one.started):
            continue
        if ended is not None:
            return f"Init:{_told(one.state)}"
        waiting = one.state.waiting
        if waiting is not None and waiting.reason not in ("", "PodInitializing"):
            return f"Init:{waiting.reason}"
        return f"Init:{number}/{len(containers)}"
    return ""


def _restarts(statuses: list[ContainerStatus], now: datetime) -> str:
    count = sum(one.restart_count for one in statuses)
    ends = [one.last_state.terminated.finished_at for one in statuses if one.last_state.terminated is not None]
    known = [end for end in ends if end is not None]
    if not count or not known:
        return str(count)
    return f"{count} ({human_duration((now - max(known)).total_seconds())} ago)"

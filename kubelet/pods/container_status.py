"""The status of containers: a function of what is wanted, what the runtime has, and what was reported before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from firkin.kubelet.api.container import Container, ResourceRequirements
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.pod_status import (
    ContainerState,
    ContainerStateRunning,
    ContainerStateTerminated,
    ContainerStateWaiting,
    ContainerStatus,
    VolumeMountStatus,
)
from firkin.kubelet.pods.decision import Knowledge
from firkin.kubelet.pods.restart_all import REASON as RESTARTING_ALL
from firkin.kubelet.pods.restart_all import must_restart_all
from firkin.kubelet.pods.restarts import is_sidecar, should_run
from firkin.kubelet.pods.view import CREATED, EXITED, RUNNING, UNKNOWN, ContainerView, PodView

__all__ = ["Waiting", "container_statuses", "time_of"]

_KILLED = 137


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a container could not be started the last time it was tried, such as ImagePullBackOff."""

    reason: str
    message: str


@dataclass(slots=True)
class _Context:
    pod: Pod
    view: PodView
    before: Mapping[str, ContainerStatus]
    waiting: Mapping[str, Waiting]
    known: Mapping[str, Knowledge]
    actual: Mapping[str, ResourceRequirements]
    is_init: bool = False
    restarts_all: bool = False


def container_statuses(
    pod: Pod,
    view: PodView,
    containers: Sequence[Container],
    before: Sequence[ContainerStatus],
    waiting: Mapping[str, Waiting],
    known: Mapping[str, Knowledge],
    actual: Mapping[str, ResourceRequirements] | None = None,
) -> list[ContainerStatus]:
    """The statuses of `containers`, in their order.

    Parameters: `before` are those that were reported last, `waiting` says why containers are not started, `known` what
    probes say, `actual` what containers have that is not what they were given, all by the containers' names.
    """
    context = _Context(pod, view, {one.name: one for one in before}, waiting, known, actual or {})
    context.restarts_all = must_restart_all(pod, view)
    context.is_init = bool(containers) and any(one is containers[0] for one in pod.spec.init_containers)
    return [_judged(context, one, _status(context, one)) for one in containers]


def time_of(nanoseconds: int) -> datetime | None:
    """A time of the runtime as one of the API, which knows seconds only; None for 0."""
    return datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC) if nanoseconds else None


def _status(context: _Context, container: Container) -> ContainerStatus:
    seen = list(context.view.all(container.name))
    status = _seen(context, container, seen) if seen else _unseen(context, container)
    latest = seen[0] if seen else None
    if context.is_init:
        if latest is not None and latest.state == EXITED and latest.exit_code == 0 and not is_sidecar(container):
            return status
        if latest is None and not is_sidecar(container) and _has_begun(context):
            return _presumed(status)
    if not should_run(context.pod, container, context.view) or container.name not in context.waiting:
        return status
    why = context.waiting[container.name]
    last = status.state if status.state.terminated is not None else status.last_state
    return replace(
        status,
        state=ContainerState(waiting=ContainerStateWaiting(reason=why.reason, message=why.message)),
        last_state=last,
    )


def _seen(context: _Context, container: Container, seen: list[ContainerView]) -> ContainerStatus:
    before = context.before.get(container.name)
    latest = seen[0]
    status = ContainerStatus(
        name=container.name,
        state=_state(context, latest, before),
        image=latest.image,
        image_id=latest.image_ref,
        container_id=f"{context.view.runtime}://{latest.id}",
        restart_count=latest.restart_count,
        **_resources(container, context.actual.get(container.name)),
        volume_mounts=_volume_mounts(container),
        user=latest.user,
        stop_signal=latest.stop_signal,
    )
    if latest.state == UNKNOWN and before is not None and before.state.running is not None:
        status = replace(status, restart_count=before.restart_count + 1)
    if len(seen) > 1:
        return replace(status, last_state=_state(context, seen[1], before))
    if before is not None and before.restart_count == status.restart_count:
        # What it was before may have been removed from the runtime since.
        return replace(status, last_state=before.last_state)
    return status


def _state(context: _Context, one: ContainerView, before: ContainerStatus | None) -> ContainerState:
    if one.state == RUNNING:
        return ContainerState(running=ContainerStateRunning(started_at=time_of(one.started_at)))
    if one.state == EXITED:
        return ContainerState(terminated=_terminated(context, one))
    if one.state == UNKNOWN and before is not None and before.state.running is not None:
        return ContainerState(terminated=_lost("The container could not be located when the pod was terminated"))
    return ContainerState(waiting=ContainerStateWaiting())


def _terminated(context: _Context, one: ContainerView) -> ContainerStateTerminated:
    return ContainerStateTerminated(
        exit_code=one.exit_code,
        reason=one.reason,
        message=one.message,
        started_at=time_of(one.started_at),
        finished_at=time_of(one.finished_at),
        container_id=f"{context.view.runtime}://{one.id}",
    )


def _lost(message: str) -> ContainerStateTerminated:
    return ContainerStateTerminated(exit_code=_KILLED, reason="ContainerStatusUnknown", message=message)


def _unseen(context: _Context, container: Container) -> ContainerStatus:
    # The runtime has none: it was never made, or was removed.
    before = context.before.get(container.name)
    if before is not None and context.restarts_all and before.state.waiting is None:
        return _reset(container, before)
    if before is not None and before.state.terminated is not None:
        return before
    reason = "PodInitializing" if context.pod.spec.init_containers else "ContainerCreating"
    status = ContainerStatus(
        name=container.name,
        state=ContainerState(waiting=ContainerStateWaiting(reason=reason)),
        image=container.image,
        volume_mounts=_volume_mounts(container),
        **_resources(container),
    )
    if before is None:
        return status
    status = replace(status, restart_count=before.restart_count, last_state=before.last_state)
    if before.state.running is None or before.last_state.terminated is not None:
        return status
    # It ran, and how it ended is not known: it must not look as if it had never been started.
    lost = _lost("The container could not be located when the pod was deleted.  The container used to be Running")
    is_again = context.pod.metadata.deletion_timestamp is None
    return replace(status, last_state=ContainerState(terminated=lost), restart_count=status.restart_count + is_again)


def _reset(container: Container, before: ContainerStatus) -> ContainerStatus:
    message = "The container is removed because RestartAllContainers in place"
    ended = ContainerStateTerminated(exit_code=_KILLED, reason=RESTARTING_ALL, message=message)
    return ContainerStatus(
        name=container.name,
        state=ContainerState(waiting=ContainerStateWaiting(reason=RESTARTING_ALL, message=message)),
        last_state=ContainerState(terminated=ended),
        image=container.image,
        restart_count=before.restart_count + 1,
        volume_mounts=_volume_mounts(container),
        **_resources(container),
    )


def _has_begun(context: _Context) -> bool:
    latest = (context.view.latest(one.name) for one in context.pod.spec.containers)
    return any(one is not None and one.state in (CREATED, RUNNING, EXITED) for one in latest)


def _presumed(status: ContainerStatus) -> ContainerStatus:
    if status.state.waiting is None:
        return status
    message = (
        "Unable to get init container status from container runtime and pod has been initialized, "
        "treat it as exited normally"
    )
    done = ContainerStateTerminated(exit_code=0, reason="Completed", message=message)
    return replace(status, state=ContainerState(terminated=done))


def _resources(container: Container, actual: ResourceRequirements | None = None) -> dict[str, Any]:
    # What was given, and what it has until that is done.
    return {"allocated_resources": container.resources.requests, "resources": actual or container.resources}


def _volume_mounts(container: Container) -> list[VolumeMountStatus]:
    return [
        VolumeMountStatus(
            name=one.name,
            mount_path=one.mount_path,
            read_only=one.read_only,
            recursive_read_only=_recursive(one.recursive_read_only) if one.read_only else None,
        )
        for one in container.volume_mounts
    ]


def _recursive(asked: str | None) -> str:
    return "Enabled" if asked in ("Enabled", "IfPossible") else "Disabled"


def _judged(context: _Context, container: Container, status: ContainerStatus) -> ContainerStatus:
    # Started and ready, by what probes say (prober_manager.go, UpdatePodStatus).
    is_running = status.state.running is not None
    if context.is_init and not is_sidecar(container):
        ended = status.state.terminated
        return replace(status, started=is_running, ready=ended is not None and ended.exit_code == 0)
    known = context.known.get(container.name) if is_running else None
    if is_running and known is None:
        started = container.startup_probe is None
        return replace(status, started=started, ready=started and container.readiness_probe is None)
    return replace(status, started=known is not None and known.started, ready=known is not None and known.ready)

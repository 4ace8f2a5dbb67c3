"""Which container of a pod is meant, and which of its lives (the rules and words of the API server and the kubelet)."""

from __future__ import annotations

from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.pod_status import ContainerStateTerminated, ContainerStatus
from firkin.kubelet.server.failure import RequestError

__all__ = ["container_name", "logged_container", "running_container"]

_DEFAULT = "kubectl.kubernetes.io/default-container"


def container_name(pod: Pod, given: str) -> str:
    """The container that `given` names or, where that is empty, the only one. Raises RequestError (400)."""
    spec, name = pod.spec, pod.metadata.name
    apps, init = [one.name for one in spec.containers], [one.name for one in spec.init_containers]
    known = [*apps, *init, *(one.name for one in spec.ephemeral_containers)]
    if not given:
        default = pod.metadata.annotations.get(_DEFAULT, "")
        if default in known:
            return default
        if len(known) == 1:
            return known[0]
        choice = f"[{' '.join(apps)}]" + (f" or one of the init containers: [{' '.join(init)}]" if init else "")
        raise RequestError(400, f"a container name must be specified for pod {name}, choose one of: {choice}")
    if given not in known:
        raise RequestError(400, f"container {given} is not valid for pod {name}")
    return given


def running_container(pod: Pod, name: str) -> str:
    """The id of a container that runs. Raises RequestError (404)."""
    status = _status(pod, name)
    if status is None or status.state.running is None:
        raise RequestError(404, f'container not found ("{name}")')
    return _id(status.container_id)


def logged_container(pod: Pod, name: str, *, previous: bool) -> str:
    """The id of the container whose log is meant: the one that runs or ran last, or the one before.

    Raises RequestError (400) that says why there is no log.
    """
    what, status = f'container "{name}" in pod "{pod.metadata.name}"', _status(pod, name)
    if status is None:
        raise RequestError(400, f"{what} is not available")
    last = _of(status.last_state.terminated)
    if previous:
        if not last:
            raise RequestError(400, f"previous terminated {what} not found")
        return last
    state = status.state
    if state.running is not None:
        return _id(status.container_id)
    if state.terminated is not None:
        found = _of(state.terminated) or last
        if not found:
            raise RequestError(400, f"{what} is not available")
        return found
    if last:
        return last
    reason = state.waiting.reason if state.waiting else ""
    raise RequestError(400, f"{what} is waiting to start{_WAITING.get(reason) or _because(reason)}")


_WAITING = {
    "ErrImagePull": ": image can't be pulled",
    "ImagePullBackOff": ": trying and failing to pull image",
}


def _because(reason: str) -> str:
    return f": {reason}" if reason else " - no logs yet"


def _status(pod: Pod, name: str) -> ContainerStatus | None:
    status = pod.status
    every = (*status.container_statuses, *status.init_container_statuses, *status.ephemeral_container_statuses)
    return next((one for one in every if one.name == name), None)


def _of(terminated: ContainerStateTerminated | None) -> str:
    return _id(terminated.container_id) if terminated else ""


def _id(container_id: str) -> str:
    return container_id.rpartition("//")[2]

"""What is to be done for init containers: one after the other, sidecars kept running beside the rest."""

from __future__ import annotations

from collections.abc import Mapping

from firkin.kubelet.api.container import Container
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.pods.decision import Actions, Kill, Knowledge, unknown_kill
from firkin.kubelet.pods.identity import container_hash
from firkin.kubelet.pods.restarts import is_sidecar, policy_of, restarts_after
from firkin.kubelet.pods.view import CREATED, EXITED, RUNNING, ContainerView, PodView

__all__ = ["compute_init_actions"]


def compute_init_actions(pod: Pod, view: PodView, known: Mapping[str, Knowledge], actions: Actions) -> bool:
    """Add to `actions` what init containers need; whether all have done, or are up if they are sidecars.

    They are looked at from the last to the first: those that are done may have been removed from the runtime, and the
    last one that is there says of those before it that they went well (KEP-753).
    """
    if not pod.spec.init_containers:
        return True
    walk = _Walk(pod, view, known, actions)
    for index in reversed(range(len(pod.spec.init_containers))):
        if not walk.look(index):
            actions.init = []
            return False
    if not walk.is_begun:
        walk.to_start.append(0)
    actions.init = [pod.spec.init_containers[index] for index in sorted(set(walk.to_start))]
    return walk.is_initialized


class _Walk:
    # `is_begun`: one that comes later has begun, so this one was done.
    def __init__(self, pod: Pod, view: PodView, known: Mapping[str, Knowledge], actions: Actions) -> None:
        self._pod = pod
        self._view = view
        self._known = known
        self._actions = actions
        self.to_start: list[int] = []
        # An exited one says nothing: it may be of the sandbox before this one.
        latest = [view.latest(one.name) for one in pod.spec.containers]
        self.is_initialized = any(one is not None and one.state in (CREATED, RUNNING) for one in latest)
        self.is_begun = self.is_initialized

    def look(self, index: int) -> bool:
        # False: this one failed for good, and the pod with it.
        container = self._pod.spec.init_containers[index]
        latest = self._view.latest(container.name)
        if latest is None:
            if self.is_begun and is_sidecar(container):
                self.to_start.append(index)
            return True
        if self.is_begun and not is_sidecar(container):
            return True
        goes_on = self._act(index, container, latest)
        self.is_begun = True
        return goes_on

    def _act(self, index: int, container: Container, latest: ContainerView) -> bool:
        if latest.state == CREATED:
            self.to_start.append(index)
        elif latest.state == RUNNING:
            if is_sidecar(container):
                self._running_sidecar(index, container, latest)
        elif is_sidecar(container):
            if latest.state != EXITED:
                self._actions.to_kill[latest.id] = unknown_kill("Init container", container)
            self.to_start.append(index)
        elif latest.state == EXITED:
            return self._exited(index, container, latest)
        else:
            return self._lost(index, container, latest)
        return True

    def _running_sidecar(self, index: int, container: Container, latest: ContainerView) -> None:
        known = self._known.get(container.name)
        failed = known.failed if known else None
        if failed is not None and failed.kind.value == "Startup":
            self._restart(index, container, latest, "failed startup probe", failed.grace)
            return
        if container.startup_probe is not None and (known is None or not known.started):
            return
        self._done(index)
        if latest.hash and latest.hash != container_hash(container):
            self._restart(index, container, latest, "definition changed", None)
        elif failed is not None:
            self._restart(index, container, latest, "failed liveness probe", failed.grace)

    def _restart(self, index: int, container: Container, latest: ContainerView, why: str, grace: int | None) -> None:
        self._actions.to_kill[latest.id] = Kill(
            container.name, f"Init container {container.name} {why}", restart=True, grace=grace
        )
        self.to_start.append(index)

    def _exited(self, index: int, container: Container, latest: ContainerView) -> bool:
        if latest.exit_code == 0:
            self._done(index)
            return True
        if not restarts_after(self._pod, container, latest.exit_code):
            self._actions.kill_pod = True
            return False
        self.to_start.append(index)
        return True

    def _lost(self, index: int, container: Container, latest: ContainerView) -> bool:
        if policy_of(self._pod, container) == "Never":
            self._actions.kill_pod = True
            return False
        self._actions.to_kill[latest.id] = unknown_kill("Init container", container)
        self.to_start.append(index)
        return True

    def _done(self, index: int) -> None:
        if index == len(self._pod.spec.init_containers) - 1:
            self.is_initialized = True
        elif not self.is_begun:
            self.to_start.append(index + 1)

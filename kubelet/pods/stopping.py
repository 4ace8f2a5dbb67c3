"""Stopping containers: the hook first, then each in its turn, all within the time that the pod has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from firkin import log
from firkin.kubelet.api.container import Container
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.pods.hooks import HookFailedError, Hooks
from firkin.kubelet.pods.restarts import all_containers, is_sidecar
from firkin.kubelet.pods.telling import NORMAL, WARNING, Recorder, field_path
from firkin.kubelet.pods.view import ContainerView, PodView
from firkin.kubelet.runtime.client import Runtime

__all__ = ["LEAST_GRACE", "Stopper", "grace_of", "turn_after"]

LEAST_GRACE = 2
"""Seconds that a container has at least, however little of its time hooks and others have left."""

_LOG = log.to("pods")


@dataclass(frozen=True, slots=True)
class _Target:
    pod: Pod
    container: Container
    seen: ContainerView
    pod_ip: str
    grace: float


def grace_of(pod: Pod, override: int | None = None) -> int:
    """The seconds that the pod has to end: of its deletion, else of its specification; `override` goes before."""
    if override is not None:
        return override
    of_deletion = pod.metadata.deletion_grace_period_seconds
    return pod.spec.termination_grace_period_seconds if of_deletion is None else max(1, of_deletion)


def turn_after(pod: Pod, name: str, running: Iterable[str]) -> set[str]:
    """The containers of those that are `running` which must have ended before this one is asked to (KEP-753).

    Sidecars end after the containers, and in the opposite order of their beginning.
    """
    names = [one.name for one in pod.spec.init_containers if is_sidecar(one)]
    if name not in names:
        return set()
    later = set(names[names.index(name) + 1 :]) | {one.name for one in pod.spec.containers}
    return later & set(running)


class Stopper:
    """Stops containers in a runtime. `clock` gives seconds."""

    def __init__(self, runtime: Runtime, hooks: Hooks, recorder: Recorder, clock: Callable[[], float]) -> None:
        self._runtime = runtime
        self._hooks = hooks
        self._recorder = recorder
        self._clock = clock
        self._hooked: set[str] = set()

    async def stop(self, pod: Pod, seen: ContainerView, message: str, *, grace: int, pod_ip: str = "") -> None:
        """Stop one container. Raises CallError."""
        target = _Target(pod, _container(pod, seen.name), seen, pod_ip, grace)
        await self._stop(target, message or f"Stopping container {seen.name}", {})

    async def stop_all(self, pod: Pod, view: PodView, grace: int) -> None:
        """Stop all containers of a pod, and its sandboxes then. Raises CallError."""
        running = view.running()
        ended = {one.name: asyncio.Event() for one in running}
        ip = view.ips[0] if view.ips else ""
        targets = [_Target(pod, _container(pod, seen.name), seen, ip, grace) for seen in running]
        work = (self._stop(one, f"Stopping container {one.seen.name}", ended) for one in targets)
        # One that can not be stopped is no reason to leave the others alone.
        for result in await asyncio.gather(*work, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result
        for sandbox in view.sandboxes:
            # Also those that are not ready: their network may not have been taken away yet.
            await self._runtime.stop_pod_sandbox(sandbox.id)

    def forget(self, view: PodView) -> None:
        """The pod is gone."""
        self._hooked -= {one.id for one in view.containers}

    async def _stop(self, target: _Target, message: str, ended: Mapping[str, asyncio.Event]) -> None:
        pod, name = target.pod, target.seen.name
        path = field_path(pod, target.container)
        self._recorder.record(pod, NORMAL, "Killing", message, field_path=path)
        begun = self._clock()
        try:
            async with asyncio.timeout(max(0.0, target.grace)):
                await self._run_hook(target, path)
                for other in turn_after(pod, name, ended):
                    await ended[other].wait()
        except TimeoutError:
            _LOG.info("container %s: its time was over before it was asked to end", name)
        left = target.grace - (self._clock() - begun)
        try:
            await self._runtime.stop_container(target.seen.id, max(LEAST_GRACE, int(left)))
        finally:
            if name in ended:
                ended[name].set()

    async def _run_hook(self, target: _Target, path: str) -> None:
        hook = target.container.lifecycle.pre_stop if target.container.lifecycle else None
        # A pod that is asked twice to end, with less time, has its hook run once.
        if hook is None or target.grace <= 0 or target.seen.id in self._hooked:
            return
        self._hooked.add(target.seen.id)
        try:
            await self._hooks.run(hook, target.pod, target.container, target.seen.id, target.pod_ip)
        except HookFailedError as error:
            # What the program said may be secret: it is in the log, not in the event.
            _LOG.warning("%s", error)
            self._recorder.record(target.pod, WARNING, "FailedPreStopHook", "PreStopHook failed", field_path=path)


def _container(pod: Pod, name: str) -> Container:
    # One that the pod does not have any more ends without its hook.
    return next((one for one in all_containers(pod) if one.name == name), Container(name=name))

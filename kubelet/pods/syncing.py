"""Doing what was decided for a pod, in its order."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from firkin import log
from firkin.cri.api import sandbox_pb2
from firkin.cri.api.container_pb2 import UpdateContainerResourcesRequest
from firkin.cri.api.pod_pb2 import PodSandboxConfig
from firkin.cri.api.sandbox_pb2 import UpdatePodSandboxResourcesRequest
from firkin.errors import FirkinError, StateError
from firkin.kubelet.api.config import Secret
from firkin.kubelet.api.container import Container
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.pods.container_status import Waiting
from firkin.kubelet.pods.decision import Actions, Kill
from firkin.kubelet.pods.observed import Observer
from firkin.kubelet.pods.preparation import Preparation
from firkin.kubelet.pods.pull import ImageNeed, Puller
from firkin.kubelet.pods.resize import Resize
from firkin.kubelet.pods.restarts import all_containers, is_sidecar
from firkin.kubelet.pods.sandbox_config import SandboxSetting, sandbox_config
from firkin.kubelet.pods.start_error import StartError
from firkin.kubelet.pods.starting import Starter, Starting
from firkin.kubelet.pods.stopping import Stopper, grace_of
from firkin.kubelet.pods.telling import NORMAL, WARNING, Recorder
from firkin.kubelet.pods.view import EXITED, RUNNING, UNKNOWN, ContainerView, PodView
from firkin.kubelet.runtime.client import Runtime
from firkin.kubelet.runtime.failure import CallError, CallUnavailableError

__all__ = ["Outcome", "Secrets", "Syncer"]

_LOG = log.to("pods")

Secrets = Callable[[Pod], Sequence[Secret]]
"""The secrets that a pod names for registries."""


@dataclass(slots=True)
class Outcome:
    """What came of it: why containers wait, by name, and the seconds after which to try again, None where all is well.

    `waiting` is what it was before for containers that were not tried; `resize_error` is why running containers do not
    have what they were given, "" if they have.
    """

    waiting: dict[str, Waiting] = field(default_factory=dict)
    retry: float | None = None
    resize_error: str = ""

    def failed(self, name: str, error: StartError, otherwise: float) -> None:
        """A container could not be started; it is tried again when the error says, or else after a while."""
        self.waiting[name] = Waiting(error.reason, str(error))
        self.later(otherwise if error.wait is None else error.wait)

    def later(self, seconds: float) -> None:
        """Something is to be tried again after so many seconds."""
        self.retry = seconds if self.retry is None else min(self.retry, seconds)


class Syncer:
    """Makes pods be as they are wanted. `retry` gives the seconds to wait after what went wrong for no known reason."""

    def __init__(
        self,
        runtime: Runtime,
        observer: Observer,
        recorder: Recorder,
        preparation: Preparation,
        starter: Starter,
        stopper: Stopper,
        puller: Puller,
        secrets: Secrets,
        retry: Callable[[], float],
    ) -> None:
        self._runtime = runtime
        self._observer = observer
        self._recorder = recorder
        self._preparation = preparation
        self._starter = starter
        self._stopper = stopper
        self._puller = puller
        self._secrets = secrets
        self._retry = retry

    async def apply(
        self, pod: Pod, view: PodView, actions: Actions, outcome: Outcome, before: Pod | None = None
    ) -> None:
        """Do what `actions` say, and tell in `outcome` what came of it. Raises FirkinError if nothing can be done.

        Parameters: `before` is the pod with what it had, where it is to be resized.
        """
        if actions.reset:
            outcome.waiting.clear()
            await self._reset(pod, actions.reset)
            return
        if actions.create_sandbox and actions.sandbox_id:
            self._tell(pod, NORMAL, "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.")
        if actions.kill_pod:
            await self._stopper.stop_all(pod, view, grace_of(pod))
            if actions.create_sandbox:
                await self._remove_init(pod, view)
        else:
            await self._kill(pod, view, actions.to_kill)
            if actions.resize is not None:
                await self._resize(pod, before or pod, actions, outcome)
        if not (actions.create_sandbox or actions.ephemeral or actions.init or actions.containers):
            return
        if not actions.create_sandbox:
            await self._prune_init(pod, view)
        starting = await self._sandbox(pod, view, actions)
        await self._start(starting, actions, outcome)

    async def _reset(self, pod: Pod, containers: Sequence[ContainerView]) -> None:
        # Without hooks and without the time of the pod (KEP-5532); all at once.
        stops = (
            self._stopper.stop(pod, one, f"Container {one.name} is stopped: all containers restart", grace=0)
            for one in containers
            if one.state in (RUNNING, UNKNOWN)
        )
        await asyncio.gather(*stops)
        for one in containers:
            await self._runtime.remove_container(one.id)

    async def _kill(self, pod: Pod, view: PodView, kills: dict[str, Kill]) -> None:
        seen = {one.id: one for one in view.containers}
        ip = view.ips[0] if view.ips else ""
        for id, kill in kills.items():
            grace = grace_of(pod, kill.grace)
            await self._stopper.stop(pod, seen[id], kill.message, grace=grace, pod_ip=ip)

    async def _resize(self, pod: Pod, before: Pod, actions: Actions, outcome: Outcome) -> None:
        # The cgroup of the pod is wide enough for both as long as some containers have the one, some the other.
        try:
            await self._preparation.widen(pod, before)
            for one in actions.resize or ():
                await self._check_memory(one)
                request = UpdateContainerResourcesRequest(container_id=one.id, linux=one.resources)
                await self._runtime.update_container_resources(request)
            await self._preparation.widen(pod)
            await self._tell_sandbox(actions.sandbox_id)
        except CallUnavailableError:
            raise
        except FirkinError as error:
            outcome.resize_error = str(error)
            outcome.later(self._retry())

    async def _check_memory(self, resize: Resize) -> None:
        # The kernel would kill the container rather than refuse a limit below what it uses.
        if not (limit := resize.lowers_memory_to):
            return
        usage = (await self._runtime.container_stats(resize.id)).memory.usage_bytes.value
        if usage >= limit:
            name = resize.container.name
            raise StateError(
                f"attempting to set container {name!r} memory limit ({limit}) below current usage ({usage})"
            )

    async def _tell_sandbox(self, id: str) -> None:
        try:
            await self._runtime.update_pod_sandbox_resources(UpdatePodSandboxResourcesRequest(pod_sandbox_id=id))
        except CallError as error:
            # It is told for those who want to know: the limits of the pod are those of its cgroup.
            _LOG.debug("sandbox %s was not told of other limits: %s", id, error)

    async def _remove_init(self, pod: Pod, view: PodView) -> None:
        # A new sandbox: initialization begins anew, whatever became of it in the old one.
        names = {one.name for one in pod.spec.init_containers}
        for one in view.containers:
            if one.name in names:
                await self._runtime.remove_container(one.id)

    async def _prune_init(self, pod: Pod, view: PodView) -> None:
        for container in pod.spec.init_containers:
            dead = [one for one in view.all(container.name) if one.state in (EXITED, UNKNOWN)]
            for one in dead[1:]:
                await self._runtime.remove_container(one.id)

    async def _sandbox(self, pod: Pod, view: PodView, actions: Actions) -> Starting:
        setting = await self._preparation.pod(pod)
        config = sandbox_config(pod, actions.attempt, setting)
        if actions.create_sandbox:
            os.makedirs(config.log_directory, 0o755, exist_ok=True)
            await self._run_sandbox(pod, config)
        # What is there now decides from here on: the new sandbox, its addresses, no init containers of the old one.
        view = await self._observer.look(pod.metadata.uid)
        ready = next((one for one in view.sandboxes if one.ready), None)
        if ready is None:
            raise FirkinError(f"sandbox of pod {pod.metadata.name}: is not ready")
        return await self._with_images(pod, view, ready.id, config, setting)

    async def _run_sandbox(self, pod: Pod, config: PodSandboxConfig) -> str:
        # There are no RuntimeClasses: the name is that of the handler, as theirs mostly is.
        handler = pod.spec.runtime_class_name or ""
        request = sandbox_pb2.RunPodSandboxRequest(config=config, runtime_handler=handler)
        try:
            return await self._runtime.run_pod_sandbox(request)
        except CallError as error:
            text = f"Failed to create pod sandbox: {error.text}"
            self._tell(pod, WARNING, "FailedCreatePodSandBox", text)
            raise

    async def _with_images(
        self, pod: Pod, view: PodView, id: str, config: PodSandboxConfig, setting: SandboxSetting
    ) -> Starting:
        secrets = tuple(self._secrets(pod))
        images: dict[str, str] = {}
        failed: dict[str, StartError] = {}
        for volume in pod.spec.volumes:
            if volume.image is None:
                continue
            users = [one for one in all_containers(pod) if any(m.name == volume.name for m in one.volume_mounts)]
            if not users:
                continue
            need = ImageNeed(pod, users[0], volume.image.reference, volume.image.pull_policy, config, secrets)
            try:
                images[volume.name] = await self._puller.ensure(need)
            except StartError as error:
                failed[volume.name] = error
        return Starting(
            pod=pod,
            view=view,
            sandbox_id=id,
            sandbox=config,
            setting=setting,
            ips=tuple(one.ip for one in pod.status.host_ips) if pod.spec.host_network else view.ips,
            secrets=secrets,
            images=images,
            no_images=failed,
        )

    async def _start(self, starting: Starting, actions: Actions, outcome: Outcome) -> None:
        for ephemeral in actions.ephemeral:
            await self._start_one(starting, ephemeral, outcome)
        for container in actions.init:
            if not await self._start_one(starting, container, outcome) and not is_sidecar(container):
                return
        for container in actions.containers:
            await self._start_one(starting, container, outcome)

    async def _start_one(self, starting: Starting, container: Container, outcome: Outcome) -> bool:
        try:
            await self._starter.start(starting, container)
        except StartError as error:
            _LOG.info("container %s does not start: %s: %s", container.name, error.reason, error)
            outcome.failed(container.name, error, self._retry())
            if isinstance(error.__cause__, CallUnavailableError):
                raise error.__cause__ from None
            return False
        outcome.waiting.pop(container.name, None)
        return True

    def _tell(self, pod: Pod, type: str, reason: str, message: str) -> None:
        self._recorder.record(pod, type, reason, message)

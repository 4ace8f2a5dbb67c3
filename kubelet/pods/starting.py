"""Starting one container: its image, its configuration, itself, its hook."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from firkin import log
from firkin.cri.api import container_pb2, image_pb2
from firkin.cri.api.pod_pb2 import PodSandboxConfig
from firkin.errors import FirkinError
from firkin.kubelet.api.config import Secret
from firkin.kubelet.api.container import Container, EphemeralContainer
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.pods.backoff import Backoff, duration_text
from firkin.kubelet.pods.container_config import ContainerSetting, container_config
from firkin.kubelet.pods.hooks import HookFailedError, Hooks
from firkin.kubelet.pods.identity import container_hash, pod_text
from firkin.kubelet.pods.preparation import ContainerRequest, Preparation
from firkin.kubelet.pods.pull import ImageNeed, Puller
from firkin.kubelet.pods.sandbox_config import SandboxSetting
from firkin.kubelet.pods.security import ImageUser, container_security
from firkin.kubelet.pods.start_error import StartError
from firkin.kubelet.pods.stopping import Stopper, grace_of
from firkin.kubelet.pods.telling import NORMAL, WARNING, Recorder, field_path
from firkin.kubelet.pods.view import CREATED, EXITED, RUNNING, ContainerView, PodView
from firkin.kubelet.runtime.client import Runtime
from firkin.kubelet.runtime.failure import CallError

__all__ = ["Starter", "Starting", "count_from_logs"]

_LOG = log.to("pods")
_LOG_NAME = re.compile(r"(\d+)\.log(\..*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Starting:
    """What containers of a pod are started in: its sandbox, what is seen of it, its credentials for registries.

    `images` are the ids of the images of image volumes by volume, `no_images` why one of them can not be had.
    """

    pod: Pod
    view: PodView
    sandbox_id: str
    sandbox: PodSandboxConfig
    setting: SandboxSetting
    ips: tuple[str, ...] = ()
    secrets: tuple[Secret, ...] = ()
    images: Mapping[str, str] = field(default_factory=dict)
    no_images: Mapping[str, StartError] = field(default_factory=dict)


class Starter:
    """Starts containers. `clock` gives seconds since the epoch, as does the clock of `backoff`."""

    def __init__(
        self,
        runtime: Runtime,
        recorder: Recorder,
        preparation: Preparation,
        puller: Puller,
        backoff: Backoff,
        hooks: Hooks,
        stopper: Stopper,
    ) -> None:
        self._runtime = runtime
        self._recorder = recorder
        self._preparation = preparation
        self._puller = puller
        self._backoff = backoff
        self._hooks = hooks
        self._stopper = stopper

    async def start(self, starting: Starting, container: Container) -> None:
        """Start a container. Raises StartError, CallError if the runtime does not answer."""
        self._check_backoff(starting, container)
        image = await self._image(starting, container)
        try:
            config = await self._config(starting, container, image)
        except StartError as error:
            self._failed(starting, container, str(error))
            raise
        except FirkinError as error:
            self._failed(starting, container, str(error))
            raise StartError("CreateContainerConfigError", str(error)) from error
        id = await self._create(starting, container, config)
        self._tell(starting, container, NORMAL, "Created", "Container created")
        try:
            await self._runtime.start_container(id)
        except CallError as error:
            self._failed(starting, container, error.text)
            raise StartError("RunContainerError", error.text) from error
        self._tell(starting, container, NORMAL, "Started", "Container started")
        await self._post_start(starting, container, id)

    def forget(self, uid: str) -> None:
        """The pod is gone."""
        self._backoff.forget(lambda key: isinstance(key, tuple) and key[0] == uid)
        self._puller.forget(uid)

    def _check_backoff(self, starting: Starting, container: Container) -> None:
        ended = next((one for one in starting.view.all(container.name) if one.state == EXITED), None)
        if ended is None:
            return
        key = (starting.pod.metadata.uid, container.name, container_hash(container))
        finished = ended.finished_at / 1e9
        # After the agent was restarted: one that keeps ending does not begin anew.
        if ended.restart_count and finished - ended.started_at / 1e9 < self._backoff.reset_after:
            self._backoff.resume(key, ended.restart_count)
        left = self._backoff.left(key, finished)
        if left > 0:
            pod = pod_text(starting.pod)
            text = f"Back-off restarting failed container {container.name} in pod {pod}"
            self._tell(starting, container, WARNING, "BackOff", text)
            delay = duration_text(self._backoff.delay(key))
            message = f"back-off {delay} restarting failed container={container.name} pod={pod}"
            raise StartError("CrashLoopBackOff", message, wait=left)
        self._backoff.next(key, finished)

    async def _image(self, starting: Starting, container: Container) -> str:
        need = ImageNeed(
            starting.pod,
            container,
            container.image,
            container.image_pull_policy,
            starting.sandbox,
            starting.secrets,
        )
        try:
            image = await self._puller.ensure(need)
            for mount in container.volume_mounts:
                if mount.name in starting.no_images:
                    raise starting.no_images[mount.name]
        except StartError as error:
            self._failed(starting, container, error.reason)
            raise
        return image

    async def _config(self, starting: Starting, container: Container, image: str) -> container_pb2.ContainerConfig:
        pod = starting.pod
        count = await self._restart_count(starting, container)
        request = ContainerRequest(pod=pod, container=container, pod_ips=starting.ips, images=starting.images)
        prepared = await self._preparation.container(request)
        user = await self._image_user(container)
        security = container_security(
            pod,
            container,
            user,
            user_namespace=starting.setting.user_namespace,
            target=_target_of(starting.view, container),
            seccomp_root=starting.setting.seccomp_root,
        )
        directory = os.path.join(starting.sandbox.log_directory, container.name)
        await asyncio.to_thread(os.makedirs, directory, 0o755, exist_ok=True)
        setting = ContainerSetting(
            image_ref=image,
            restart_count=count,
            command=prepared.command,
            args=prepared.args,
            environment=prepared.environment,
            mounts=prepared.mounts,
            resources=prepared.resources,
            security=security,
        )
        return container_config(pod, container, setting)

    async def _restart_count(self, starting: Starting, container: Container) -> int:
        latest = starting.view.latest(container.name)
        if latest is None:
            directory = os.path.join(starting.sandbox.log_directory, container.name)
            return await asyncio.to_thread(count_from_logs, directory)
        if latest.state == CREATED:
            # Whoever made it was killed before it could start it: it never ran, so this is not a restart.
            await self._runtime.remove_container(latest.id)
            return latest.restart_count
        return latest.restart_count + 1

    async def _image_user(self, container: Container) -> ImageUser:
        image = await self._runtime.image_status(image_pb2.ImageSpec(image=container.image))
        if image is None:
            return ImageUser()
        return ImageUser(image.uid.value if image.HasField("uid") else None, image.username)

    async def _create(self, starting: Starting, container: Container, config: container_pb2.ContainerConfig) -> str:
        request = container_pb2.CreateContainerRequest(
            pod_sandbox_id=starting.sandbox_id, config=config, sandbox_config=starting.sandbox
        )
        try:
            return await self._runtime.create_container(request)
        except CallError as error:
            self._failed(starting, container, error.text)
            raise StartError("CreateContainerError", error.text) from error

    async def _post_start(self, starting: Starting, container: Container, id: str) -> None:
        hook = container.lifecycle.post_start if container.lifecycle else None
        if hook is None:
            return
        pod, ip = starting.pod, starting.ips[0] if starting.ips else ""
        try:
            await self._hooks.run(hook, pod, container, id, ip)
        except HookFailedError as error:
            _LOG.warning("%s", error)
            self._tell(starting, container, WARNING, "FailedPostStartHook", "PostStartHook failed")
            seen = ContainerView(id=id, name=container.name, state=RUNNING)
            await self._stopper.stop(pod, seen, "FailedPostStartHook", grace=grace_of(pod), pod_ip=ip)
            raise StartError("PostStartHookError", str(error)) from error

    def _failed(self, starting: Starting, container: Container, text: str) -> None:
        self._tell(starting, container, WARNING, "Failed", f"Error: {text}")

    def _tell(self, starting: Starting, container: Container, type: str, reason: str, message: str) -> None:
        path = field_path(starting.pod, container)
        self._recorder.record(starting.pod, type, reason, message, field_path=path)


def count_from_logs(directory: str) -> int:
    """How often a container of which the runtime knows nothing was started, by the logs that it has left."""
    try:
        found = [_LOG_NAME.fullmatch(name) for name in os.listdir(directory)]
    except FileNotFoundError:
        return 0
    return max((int(one[1]) for one in found if one), default=-1) + 1


def _target_of(view: PodView, container: Container) -> str:
    # The container whose processes an ephemeral one is to see.
    if not isinstance(container, EphemeralContainer) or not container.target_container_name:
        return ""
    target = view.latest(container.target_container_name)
    if target is None or target.state != RUNNING:
        message = f'unable to find target container "{container.target_container_name}"'
        raise StartError("CreateContainerConfigError", message)
    return target.id

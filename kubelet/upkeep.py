"""What goes on beside the pods: the node is kept from running out of anything, and what it shows is kept up to date."""

from __future__ import annotations

import os
import time
from collections.abc import Coroutine, Iterator
from typing import Any

from firkin import log
from firkin.cri.api.runtime_pb2 import CgroupDriver
from firkin.errors import FirkinError
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.config import Config
from firkin.kubelet.events.recorder import Recorder
from firkin.kubelet.node import Machine
from firkin.kubelet.node_status import NodeKeeper
from firkin.kubelet.pods.garbage import Collector
from firkin.kubelet.pods.phase import is_terminal
from firkin.kubelet.pods.services import Services
from firkin.kubelet.pods.telling import WARNING
from firkin.kubelet.pods.workers import Workers
from firkin.kubelet.pressures import NodeHands, NodeSenses
from firkin.kubelet.resources.cgroups import PodCgroups
from firkin.kubelet.resources.eviction.manager import Eviction
from firkin.kubelet.resources.eviction.observe import Places
from firkin.kubelet.resources.image_choice import FileSystem
from firkin.kubelet.resources.images import ImageGarbage
from firkin.kubelet.runtime.client import Runtime
from firkin.kubelet.runtime.failure import CallError
from firkin.kubelet.volumes.errors import VolumeError
from firkin.kubelet.volumes.manager import Volumes
from firkin.kubelet.volumes.refresh import follow

__all__ = ["Upkeep", "cgroup_driver"]

_LOG = log.to("agent")

Work = tuple[str, Coroutine[Any, Any, None]]


class Upkeep:
    """The parts of the agent that no pod waits for; `images` is a directory on the file system of the images."""

    def __init__(
        self, config: Config, machine: Machine, services: Services, recorder: Recorder, workers: Workers,
        volumes: Volumes, cgroups: PodCgroups, images: str,
    ) -> None:  # fmt: skip
        self._config = config
        self._machine = machine
        self._services = services
        self._recorder = recorder
        self._workers = workers
        self._volumes = volumes
        self._cgroups = cgroups
        self._images = images
        self.node = NodeKeeper(services.objects, machine, services.runtime, services.now, recorder)

    @classmethod
    async def make(
        cls, config: Config, machine: Machine, services: Services, recorder: Recorder, workers: Workers,
        volumes: Volumes, cgroups: PodCgroups,
    ) -> Upkeep:  # fmt: skip
        """Make what pods need before they can be: the Node, the cgroups above theirs. Raises FirkinError."""
        images = await _images_directory(services.runtime) or config.root
        made = cls(config, machine, services, recorder, workers, volumes, cgroups, images)
        await made.node.update()
        await cgroups.update_tiers(())
        return made

    def works(self, collector: Collector) -> Iterator[Work]:
        """What is to be run, by name; `collector` removes dead containers."""
        garbage = self._garbage()

        async def remove_garbage() -> None:
            await collector.collect()
            await garbage.remove_unused()

        services, places = self._services, Places(self._config.root, self._images, self._cgroups.top)
        senses = NodeSenses(places, services.runtime, self._cgroups, self._volumes, services.logs)
        hands = NodeHands(
            self._workers, self._recorder, separate_images=senses.separate_images,
            garbage=remove_garbage, told=self.node.press, tell_node=self._tell_node,
        )  # fmt: skip
        eviction = Eviction(self._config.eviction, self._machine.thresholds, senses, hands, clock=time.monotonic)
        self._machine.pressures = eviction
        self._machine.preempt = hands.preempt
        yield "eviction", eviction.run()
        yield "images", garbage.run()
        yield "node", self.node.run()
        yield "cgroups", self._cgroups.keep_tiers(self._workers.active)
        yield "volumes", follow(self._volumes, services.objects, self._tell_of_volume)

    def _garbage(self) -> ImageGarbage:
        return ImageGarbage(
            self._services.runtime, self._config.images, references=self._wanted_images, disk=self._image_disk,
            failed=lambda message: self._tell_node("FreeDiskSpaceFailed", message), clock=time.monotonic,
        )  # fmt: skip

    def _wanted_images(self) -> Iterator[str]:
        # Of pods that are to come, too: their images may be here already.
        for pod in self._services.objects.list(Pod):
            if is_terminal(pod.status.phase):
                continue
            for container in (*pod.spec.containers, *pod.spec.init_containers, *pod.spec.ephemeral_containers):
                yield container.image
            for volume in pod.spec.volumes:
                if volume.image:
                    yield volume.image.reference

    def _image_disk(self) -> FileSystem:
        status = os.statvfs(self._images)
        return FileSystem(status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize)

    def _tell_node(self, reason: str, message: str) -> None:
        self._recorder.record(self.node.node(), WARNING, reason, message)

    def _tell_of_volume(self, pod: Pod, error: VolumeError) -> None:
        self._recorder.record(pod, WARNING, "FailedMount", str(error))


async def cgroup_driver(wanted: str, runtime: Runtime) -> str:
    """The driver of cgroups that is wanted, for `auto` the one that the runtime has: cgroupfs or systemd."""
    if wanted != "auto":
        return wanted
    try:
        answer = await runtime.runtime_config()
    except CallError:
        # It is an older one, which does not tell.
        return "cgroupfs"
    return "systemd" if answer.linux.cgroup_driver == CgroupDriver.SYSTEMD else "cgroupfs"


async def _images_directory(runtime: Runtime) -> str:
    try:
        answer = await runtime.image_fs_info()
    except FirkinError as error:
        _LOG.warning("does not know where images are: %s", error)
        return ""
    paths = [one.fs_id.mountpoint for one in answer.image_filesystems]
    return next((path for path in paths if os.path.isdir(path)), "")

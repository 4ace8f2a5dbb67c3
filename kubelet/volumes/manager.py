"""The volumes of all pods.

What is set up is found on disk and in the table of mounts, and nowhere else: after a restart of the agent, or a crash
in the middle, mounting again completes what is there. Files and mounts may block, so that is done in threads; one pod
after the other is nobody's wait, but a pod's own volumes are changed by one at a time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from firkin.cri.api.container_pb2 import Mount
from firkin.errors import FirkinError
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.volume import EmptyDirVolumeSource, Volume
from firkin.kubelet.environment.facts import Facts, Lookup
from firkin.kubelet.volumes.config_like import ConfigMapVolumes, DownwardVolumes, ProjectedVolumes, SecretVolumes
from firkin.kubelet.volumes.container_mounts import MountRequest, Part, container_mounts
from firkin.kubelet.volumes.elsewhere import Elsewhere
from firkin.kubelet.volumes.empty_dir import EmptyDirs
from firkin.kubelet.volumes.errors import VolumeError
from firkin.kubelet.volumes.host_path import HostPaths
from firkin.kubelet.volumes.image import ImageVolumes
from firkin.kubelet.volumes.leftovers import remove_pod
from firkin.kubelet.volumes.places import PodPlaces, pods_directory
from firkin.kubelet.volumes.plugin import Request, VolumePlugin, Work
from firkin.kubelet.volumes.subpath import bind_part
from firkin.kubelet.volumes.turns import Turns

__all__ = ["Volumes"]


class Volumes:
    """The volumes below `root`; one loop uses it.

    Parameters: `objects` has the ConfigMaps and Secrets, `facts` tells what a pod may know of the node.
    """

    def __init__(self, root: str, objects: Lookup, facts: Callable[[Pod], Facts] = lambda pod: Facts()) -> None:
        self._root = root
        self._objects = objects
        self._facts = facts
        self._turns = Turns()
        self._mounted: dict[str, Pod] = {}
        self._plugins: tuple[VolumePlugin, ...] = (
            EmptyDirs(), HostPaths(), ConfigMapVolumes(), SecretVolumes(), ProjectedVolumes(), DownwardVolumes(),
            ImageVolumes(), Elsewhere(),
        )  # fmt: skip

    async def mount(self, pod: Pod) -> None:
        """Set up all volumes of a pod, or bring up to date what is there.

        Raises VolumeError for the first that can't be; the others are set up all the same.
        """
        self._mounted[pod.metadata.uid] = pod
        await self._set_up(pod, pod.spec.volumes)

    async def refresh(self, pod: Pod) -> None:
        """Bring the files of configMap, secret, projected and downwardAPI volumes up to date. Raises VolumeError."""
        if pod.metadata.uid in self._mounted:
            self._mounted[pod.metadata.uid] = pod
            await self._set_up(pod, [volume for volume in pod.spec.volumes if self._plugin(volume).is_live])

    def mounted(self) -> Mapping[str, Pod]:
        """The pods whose volumes are set up, by uid, as they were then."""
        return self._mounted

    def adopt(self, pod: Pod) -> bool:
        """Take over a pod that an agent before this one has set up; whether there is something of it."""
        is_there = pod.metadata.uid in self._mounted or os.path.isdir(PodPlaces(self._root, pod.metadata.uid).directory)
        if is_there:
            self._mounted.setdefault(pod.metadata.uid, pod)
        return is_there

    async def mounts(self, request: MountRequest) -> list[Mount]:
        """The mounts of a container whose pod's volumes are set up. Raises VolumeError."""
        pod, places = request.pod, PodPlaces(self._root, request.pod.metadata.uid)
        mounts, parts = container_mounts(
            request,
            lambda volume: self._plugin(volume).path(self._request(pod, volume)),
            lambda volume, index: places.subpath(volume, request.container.name, index),
        )
        if parts:
            await self._turns.run(pod.metadata.uid, lambda: _bind_parts(request.container.name, parts))
        return mounts

    async def unmount(self, uid: str) -> None:
        """Take away all that there is of a pod; it may be gone already. Raises VolumeError."""
        self._mounted.pop(uid, None)
        places = PodPlaces(self._root, uid)
        try:
            await self._turns.run(uid, lambda: remove_pod(places))
        except (FirkinError, OSError) as error:
            raise VolumeError(f"remove the volumes of pod {uid}: {error}") from error

    def on_disk(self) -> set[str]:
        """The pods of which there is something left."""
        try:
            return set(os.listdir(pods_directory(self._root)))
        except FileNotFoundError:
            return set()

    def directory(self, uid: str) -> str:
        """The directory of a pod, made if it is missing, for what else belongs to the pod. Raises OSError."""
        directory = PodPlaces(self._root, uid).directory
        os.makedirs(directory, mode=0o750, exist_ok=True)
        return directory

    def empty_dirs(self, pod: Pod, *, on_disk: bool = True) -> Mapping[str, tuple[str, EmptyDirVolumeSource]]:
        """The emptyDirs of a pod, or those of them that are on disk: paths and what was asked for, by name."""
        return {
            volume.name: (self._plugin(volume).path(self._request(pod, volume)), source)
            for volume in map(_with_source, pod.spec.volumes)
            if (source := volume.empty_dir) and not (on_disk and source.medium)
        }

    async def _set_up(self, pod: Pod, volumes: list[Volume]) -> None:
        errors: list[VolumeError] = []
        prepared: list[tuple[Volume, Work]] = []
        for volume in volumes:
            try:
                request = self._request(pod, _with_source(volume))
                prepared.append((volume, self._plugin(volume).prepare(request)))
            except FirkinError as error:
                errors.append(_failed(volume, error))
        errors += await self._turns.run(pod.metadata.uid, lambda: self._work(pod.metadata.uid, prepared))
        if errors:
            raise errors[0]

    def _request(self, pod: Pod, volume: Volume) -> Request:
        places = PodPlaces(self._root, pod.metadata.uid)
        return Request(pod, _with_source(volume), places, self._objects, self._facts(pod))

    def _plugin(self, volume: Volume) -> VolumePlugin:
        return next(plugin for plugin in self._plugins if plugin.takes(_with_source(volume)))

    def _work(self, uid: str, prepared: list[tuple[Volume, Work]]) -> list[VolumeError]:
        errors = []
        for volume, work in prepared:
            try:
                self.directory(uid)
                work()
            except (FirkinError, OSError) as error:
                errors.append(_failed(volume, error))
        return errors


def _with_source(volume: Volume) -> Volume:
    # A volume without any source is an emptyDir.
    fields = (field for field in volume.__struct_fields__ if field != "name")
    if any(getattr(volume, field) is not None for field in fields):
        return volume
    return Volume(name=volume.name, empty_dir=EmptyDirVolumeSource())


def _failed(volume: Volume, error: FirkinError | OSError) -> VolumeError:
    hint = error.hint if isinstance(error, FirkinError) else ""
    message = error.message if isinstance(error, FirkinError) else _of_system(error)
    return VolumeError(
        f'MountVolume.SetUp failed for volume "{volume.name}" : {message}', volume=volume.name, hint=hint
    )


def _of_system(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)


def _bind_parts(container: str, parts: list[Part]) -> None:
    for part in parts:
        try:
            bind_part(part.source, part.path, part.target)
        except (FirkinError, OSError) as error:
            # What lies on the host is not for the pod to know.
            message = f'failed to prepare subPath for volumeMount "{part.volume}" of container "{container}"'
            raise VolumeError(message, volume=part.volume) from error

"""Volumes that show objects follow their changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping

from firkin.kubelet.api.config import ConfigMap, Secret
from firkin.kubelet.api.meta import Resource
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.objects.store import Objects
from firkin.kubelet.volumes.errors import VolumeError
from firkin.kubelet.volumes.manager import Volumes
from firkin.kubelet.volumes.references import references

__all__ = ["affected", "follow"]


async def follow(volumes: Volumes, objects: Objects, failed: Callable[[Pod, VolumeError], None]) -> None:
    """Bring volumes up to date whenever what they show changes, for ever.

    It begins with the pods that an agent before this one has left: what they show may have changed meanwhile.
    Parameters: `failed` is told of a volume that can't be brought up to date; it goes on showing what it did.
    """
    with objects.subscribe(Pod, ConfigMap, Secret) as changes:
        async with asyncio.TaskGroup() as tasks:
            for pod in objects.list(Pod):
                if volumes.adopt(pod):
                    tasks.create_task(_refresh(volumes, pod, failed))
            async for change in changes:
                for pod in affected(change.object, volumes.mounted()):
                    tasks.create_task(_refresh(volumes, pod, failed))


async def _refresh(volumes: Volumes, pod: Pod, failed: Callable[[Pod, VolumeError], None]) -> None:
    try:
        await volumes.refresh(pod)
    except VolumeError as error:
        failed(pod, error)


def affected(changed: Resource, mounted: Mapping[str, Pod]) -> Iterator[Pod]:
    """The pods, as they are now, whose volumes may show something else since `changed` is as it is. Pure.

    Parameters: `mounted` are those that have volumes, by uid.
    """
    if isinstance(changed, Pod):
        before = mounted.get(changed.metadata.uid)
        if before and _says_else(changed, before):
            yield changed
        return
    for pod in list(mounted.values()):
        if changed.metadata.namespace == pod.metadata.namespace and _is_shown(changed, pod):
            yield pod


def _is_shown(changed: Resource, pod: Pod) -> bool:
    return (type(changed), changed.metadata.name) in references(pod)


def _says_else(changed: Pod, pod: Pod) -> bool:
    # The fields that can change while it runs.
    one, other = changed.metadata, pod.metadata
    return (one.labels, one.annotations) != (other.labels, other.annotations)

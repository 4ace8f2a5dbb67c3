"""What pods use: of the kernel, of the runtime, and of the files themselves."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from firkin.cgroupfs import Cgroup
from firkin.cri.api.stats_pb2 import ContainerStats
from firkin.errors import CgroupError, FirkinError
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.pods.identity import CONTAINER_NAME, POD_UID
from firkin.kubelet.resources.eviction.usage import ContainerUsage, DiskUse, PodUsage
from firkin.oci.snapshots.trees import measure

__all__ = ["PodPaths", "measure_pods"]


@dataclass(frozen=True, slots=True)
class PodPaths:
    """Where a pod is: its cgroup, the directory of its logs, its volumes on disk by name."""

    cgroup: str
    logs: str
    volumes: Mapping[str, str] = field(default_factory=dict)


async def measure_pods(
    pods: Iterable[Pod], paths: Callable[[Pod], PodPaths], stats: Iterable[ContainerStats], *, disk: bool
) -> dict[str, PodUsage]:
    """The use of each pod, by uid.

    Parameters: `paths` tells where a pod is, `stats` is what the runtime says of containers; with `disk` files are
    measured, too, which takes its time.
    """
    of_pods: dict[str, list[ContainerStats]] = {}
    for one in stats:
        of_pods.setdefault(one.attributes.labels[POD_UID], []).append(one)
    found = {}
    for pod in pods:
        uid = pod.metadata.uid
        found[uid] = await asyncio.to_thread(_pod, paths(pod), of_pods.get(uid, []), disk=disk)
    return found


def _pod(paths: PodPaths, stats: list[ContainerStats], *, disk: bool) -> PodUsage:
    containers = {one.attributes.labels[CONTAINER_NAME]: _container(one, paths.logs, disk=disk) for one in stats}
    memory, processes = _cgroup(paths.cgroup)
    return PodUsage(
        memory=sum(one.memory for one in containers.values()) if memory is None else memory,
        processes=processes,
        containers=containers,
        volumes={name: _measure(path) for name, path in paths.volumes.items()} if disk else {},
    )


def _container(stats: ContainerStats, logs: str, *, disk: bool) -> ContainerUsage:
    layer = stats.writable_layer
    return ContainerUsage(
        memory=stats.memory.working_set_bytes.value,
        root=DiskUse(layer.used_bytes.value, layer.inodes_used.value),
        logs=_measure(f"{logs}/{stats.attributes.labels[CONTAINER_NAME]}") if disk else DiskUse(),
    )


def _cgroup(path: str) -> tuple[int | None, int]:
    # The working set of the pod, None where nothing counts it, and its processes.
    try:
        with Cgroup(path.lstrip("/")) as group:
            processes = len(group.processes())
            try:
                return group.memory.current - group.memory.stat["inactive_file"], processes
            except CgroupError:
                return None, processes
    except CgroupError:
        return None, 0


def _measure(path: str) -> DiskUse:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        # It is not there yet, or not any more.
        return DiskUse()
    try:
        found = measure(fd, path)
        return DiskUse(found.bytes, found.inodes)
    except FirkinError:
        # The pod removes files while they are counted: the next time is soon.
        return DiskUse()
    finally:
        os.close(fd)

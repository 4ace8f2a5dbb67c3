"""Collects the summary: the machine, and the pods as the runtime counts them."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Protocol

from firkin.cri.api.image_pb2 import FilesystemUsage, ImageFsInfoResponse
from firkin.cri.api.stats_pb2 import ContainerStats, ContainerStatsFilter, PodSandboxStats, PodSandboxStatsFilter
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.objects.store import Objects
from firkin.kubelet.stats.convert import container_usage, cpu_stats, memory_stats, network_stats, process_stats
from firkin.kubelet.stats.machine import Machine, filesystem
from firkin.kubelet.stats.summary import (
    ContainerUsage,
    FsStats,
    NodeUsage,
    PodRef,
    PodUsage,
    RuntimeStats,
    Summary,
    SwapStats,
)

__all__ = ["Collector", "StatsRuntime"]

_POD_UID, _CONTAINER = "io.kubernetes.pod.uid", "io.kubernetes.container.name"


class StatsRuntime(Protocol):
    """What is wanted of the runtime (`firkin.kubelet.runtime.client.Runtime`)."""

    async def list_pod_sandbox_stats(self, selector: PodSandboxStatsFilter | None = None) -> list[PodSandboxStats]: ...
    async def list_container_stats(self, selector: ContainerStatsFilter | None = None) -> list[ContainerStats]: ...
    async def image_fs_info(self) -> ImageFsInfoResponse: ...


class Collector:
    """Collects when it is asked.

    Parameters: `root` is a path in the file system of the pods' volumes, `logs` the directory of logs.
    """

    def __init__(
        self,
        objects: Objects,
        runtime: StatsRuntime,
        *,
        node_name: str,
        root: str,
        logs: str,
        machine: Machine | None = None,
    ) -> None:
        self._objects = objects
        self._runtime = runtime
        self._node_name = node_name
        self._root = root
        self._logs = logs
        self.machine = machine or Machine()

    async def summary(self) -> Summary:
        """Node and pods. Raises what a call of the runtime raises."""
        return Summary(node=await self._node(), pods=await self.pods())

    async def pods(self) -> list[PodUsage]:
        """The pods that the runtime has and the agent knows. Raises what a call of the runtime raises."""
        known = {pod.metadata.uid: pod for pod in self._objects.list(Pod)}
        found = []
        for stats in await self._runtime.list_pod_sandbox_stats():
            pod = known.get(stats.attributes.labels.get(_POD_UID, ""))
            if pod is not None:
                found.append(self._pod(pod, stats))
        return found

    async def _node(self) -> NodeUsage:
        machine = self.machine
        return NodeUsage(
            node_name=self._node_name,
            start_time=machine.started_at(),
            cpu=machine.cpu(),
            memory=machine.memory(),
            network=machine.network(),
            fs=_filesystem(self._root),
            runtime=await self._image_filesystem(),
            swap=machine.swap(),
        )

    async def _image_filesystem(self) -> RuntimeStats:
        info = await self._runtime.image_fs_info()
        images, containers = info.image_filesystems, info.container_filesystems or info.image_filesystems
        return RuntimeStats(
            image_fs=_used_of(images[0]) if images else None,
            container_fs=_used_of(containers[0]) if containers else None,
        )

    def _pod(self, pod: Pod, stats: PodSandboxStats) -> PodUsage:
        linux, meta = stats.linux, pod.metadata
        containers = [self._container(pod, one) for one in linux.containers]
        return PodUsage(
            pod_ref=PodRef(name=meta.name, namespace=meta.namespace, uid=meta.uid),
            start_time=pod.status.start_time,
            containers=containers,
            cpu=cpu_stats(linux.cpu) if linux.HasField("cpu") else None,
            memory=memory_stats(linux.memory) if linux.HasField("memory") else None,
            network=network_stats(linux.network) if linux.HasField("network") else None,
            ephemeral_storage=_storage(containers),
            process_stats=process_stats(linux.process) if linux.HasField("process") else None,
            swap=_swap(containers),
        )

    def _container(self, pod: Pod, stats: ContainerStats) -> ContainerUsage:
        name = stats.attributes.labels.get(_CONTAINER, stats.attributes.metadata.name)
        meta = pod.metadata
        directory = f"{self._logs}/{meta.namespace}_{meta.name}_{meta.uid}/{name}"
        return container_usage(stats, _started_at(pod, name), _directory(directory))


def _started_at(pod: Pod, name: str) -> datetime | None:
    for status in (*pod.status.container_statuses, *pod.status.init_container_statuses):
        if status.name == name and status.state.running is not None:
            return status.state.running.started_at
    return None


def _filesystem(path: str) -> FsStats | None:
    try:
        return filesystem(path)
    except OSError:
        return None


def _directory(path: str) -> FsStats | None:
    # Logs lie flat beside each other.
    try:
        sizes = [entry.stat(follow_symlinks=False).st_size for entry in os.scandir(path)]
        return filesystem(path, used_bytes=sum(sizes), inodes_used=len(sizes) + 1)
    except OSError:
        return None


def _used_of(usage: FilesystemUsage) -> FsStats | None:
    try:
        used, inodes = usage.used_bytes.value, usage.inodes_used.value
        return filesystem(usage.fs_id.mountpoint, used_bytes=used, inodes_used=inodes)
    except OSError:
        return None


def _storage(containers: list[ContainerUsage]) -> FsStats | None:
    parts = [one for usage in containers for one in (usage.rootfs, usage.logs) if one is not None]
    if not parts:
        return None
    used = sum(part.used_bytes or 0 for part in parts)
    return FsStats(time=parts[0].time, used_bytes=used, inodes_used=sum(part.inodes_used or 0 for part in parts))


def _swap(containers: list[ContainerUsage]) -> SwapStats | None:
    parts = [usage.swap for usage in containers if usage.swap is not None]
    if not parts:
        return None
    return SwapStats(time=parts[0].time, swap_usage_bytes=sum(part.swap_usage_bytes or 0 for part in parts))

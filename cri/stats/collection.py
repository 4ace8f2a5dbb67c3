"""One collection of the metrics of all pods."""

from __future__ import annotations

import asyncio
import functools
import time

from firkin.cri.api.stats_pb2 import PodSandboxMetrics
from firkin.cri.node import Node
from firkin.cri.records.container import Container
from firkin.cri.records.sandbox import Sandbox
from firkin.cri.stats.family import Series
from firkin.cri.stats.interfaces import Interface, interfaces_of
from firkin.cri.stats.metrics import Observed, add_container_metrics, add_network_metrics
from firkin.cri.stats.open_files import OpenFiles, open_files, open_files_limit
from firkin.cri.stats.running import Running
from firkin.cri.stats.storage import FileSystemSize, device_name, file_system_size
from firkin.cri.stats.writable import WritableLayers

__all__ = ["collect_metrics"]


async def collect_metrics(node: Node, running: Running, layers: WritableLayers) -> list[PodSandboxMetrics]:
    """The metrics of all pods that are ready. Raises KernelError, CgroupError."""
    pods = [one for one in node.sandboxes if one.facts.is_ready]
    by_id = {pod.id: pod for pod in pods}
    seen = running.select(node.containers)
    await layers.count_new(one.facts.snapshot for one in seen)
    wanted = [(one.id, running.path(one.facts.cgroup), one.facts.process[0]) for one in seen]
    interfaces, files, disk = await asyncio.to_thread(_look, pods, wanted, node.config.root)
    # Nothing else runs from here on, so that the readings stay what they are.
    found = {pod.id: _of_pod(pod, interfaces[pod.id]) for pod in pods}
    name = functools.cache(device_name)
    for container, reading in running.read(node.containers, for_metrics=True):
        pod = by_id.get(container.facts.sandbox)
        if pod is None:
            continue
        member = found[pod.id].container_metrics.add(container_id=container.id)
        series = Series(member.metrics, reading.timestamp, _labels(pod, container))
        written = layers.usage(container.facts.snapshot)
        opened, limit = files.get(container.id, (None, None))
        observed = Observed(opened, limit, written, disk)
        add_container_metrics(series, container, reading, observed, name)
    return list(found.values())


_Files = tuple[OpenFiles | None, int | None]


def _look(
    pods: list[Sandbox], running: list[tuple[str, str, int]], directory: str
) -> tuple[dict[str, list[Interface]], dict[str, _Files], FileSystemSize]:
    # What takes system calls of its own for each; `running` are ids, paths of cgroups, and pids.
    interfaces = {pod.id: interfaces_of(pod.facts) for pod in pods}
    files = {id: (open_files(path), open_files_limit(pid)) for id, path, pid in running}
    return interfaces, files, file_system_size(directory)


def _of_pod(pod: Sandbox, interfaces: list[Interface]) -> PodSandboxMetrics:
    found = PodSandboxMetrics(pod_sandbox_id=pod.id)
    add_network_metrics(Series(found.metrics, time.time_ns(), _labels(pod, None)), interfaces)
    return found


def _labels(pod: Sandbox, container: Container | None) -> tuple[str, ...]:
    metadata = pod.config.metadata
    if container is None:
        return pod.config.linux.cgroup_parent, pod.id, "", "", metadata.name, metadata.namespace
    facts, name = container.facts, container.config.metadata.name
    return facts.cgroup, container.id, facts.image_name, name, metadata.name, metadata.namespace

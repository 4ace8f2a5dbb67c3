"""The limits of a container, for the runtime.

Source: "Resource Management for Pods and Containers" and "Memory QoS" (KEP-2570) of the Kubernetes documentation;
Documentation/admin-guide/cgroup-v2.rst.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from msgspec.structs import replace

from firkin.cri.api.resources_pb2 import HugepageLimit, LinuxContainerResources
from firkin.kubelet.api.container import Container
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.quantity import Quantity, parse_quantity, whole
from firkin.kubelet.resources.cpu import PERIOD, quota_of, shares_of
from firkin.kubelet.resources.node import NodeResources
from firkin.kubelet.resources.oom import oom_score_adj
from firkin.kubelet.resources.priority import is_critical
from firkin.kubelet.resources.qos import BURSTABLE, GUARANTEED, qos_class
from firkin.kubelet.resources.settings import ResourceSettings
from firkin.kubelet.resources.totals import pod_limits, pod_requests, requests_of

__all__ = ["Limiting", "container_resources", "hugepage_limits", "memory_qos", "sandbox_resources"]

_PAGE = os.sysconf("SC_PAGESIZE")


@dataclass(frozen=True, slots=True)
class Limiting:
    """What limits depend on: `capacity` and `allocatable` of the node, the settings, and the `controllers` that cgroup
    v2 has here; limits of others are left out, as no container could be made with them."""

    capacity: NodeResources
    allocatable: NodeResources
    settings: ResourceSettings
    controllers: frozenset[str]


def container_resources(pod: Pod, container: Container, limiting: Limiting) -> LinuxContainerResources:
    """The limits of one container."""
    resources = LinuxContainerResources(oom_score_adj=oom_score_adj(pod, container, limiting.capacity.memory))
    if "cpu" in limiting.controllers:
        _limit_cpu(resources, pod, container, limiting.settings)
    if "memory" in limiting.controllers:
        _limit_memory(resources, pod, container, limiting)
    if "hugetlb" in limiting.controllers:
        resources.hugepage_limits.extend(hugepage_limits(container.resources.limits, limiting.capacity))
    return resources


def sandbox_resources(pod: Pod, settings: ResourceSettings) -> tuple[LinuxContainerResources, LinuxContainerResources]:
    """What the containers of a pod have together, and the overhead of the pod: what CRI is told of a sandbox."""
    bare = replace(pod, spec=replace(pod.spec, overhead={}))
    overhead = {name: parse_quantity(value) for name, value in pod.spec.overhead.items()}
    return _as_told(pod_requests(bare), pod_limits(bare), settings), _as_told(overhead, overhead, settings)


def _as_told(
    requests: Mapping[str, Decimal], limits: Mapping[str, Decimal], settings: ResourceSettings
) -> LinuxContainerResources:
    found = LinuxContainerResources(memory_limit_in_bytes=int(limits.get("memory", 0)))
    found.cpu_shares = shares_of(int(requests.get("cpu", 0) * 1000))
    if settings.cpu_quota and limits.get("cpu"):
        found.cpu_period, found.cpu_quota = PERIOD, quota_of(int(limits["cpu"] * 1000))
    return found


def _limit_cpu(resources: LinuxContainerResources, pod: Pod, container: Container, settings: ResourceSettings) -> None:
    requested = requests_of(container).get("cpu", 0)
    resources.cpu_shares = shares_of(int(requested * 1000))
    limit = parse_quantity(container.resources.limits.get("cpu", 0))
    if not limit and pod.spec.resources:
        # The limit of the pod is enforced by its cgroup.
        limit = parse_quantity(pod.spec.resources.limits.get("cpu", 0))
    if settings.cpu_quota and limit:
        resources.cpu_period, resources.cpu_quota = PERIOD, quota_of(int(limit * 1000))


def _limit_memory(resources: LinuxContainerResources, pod: Pod, container: Container, limiting: Limiting) -> None:
    limit = whole(container.resources.limits.get("memory", 0))
    if not limit and pod.spec.resources:
        limit = whole(pod.spec.resources.limits.get("memory", 0))
    resources.memory_limit_in_bytes = limit
    # All processes of a container are killed together, as half a container serves nobody.
    resources.unified["memory.oom.group"] = "1"
    resources.unified["memory.swap.max"] = str(_swap(pod, container, limiting))
    if limiting.settings.memory_qos:
        resources.unified.update(memory_qos(pod, container, limiting))


def _swap(pod: Pod, container: Container, limiting: Limiting) -> int:
    # Bytes of swap. Who may use no more memory than was requested, or has requested none, has none (KEP-2400).
    request = int(requests_of(container).get("memory", 0))
    is_fixed = request == whole(container.resources.limits.get("memory", 0))
    if limiting.settings.swap_behavior != "LimitedSwap" or is_critical(pod) or is_fixed:
        return 0
    if qos_class(pod) != BURSTABLE or not limiting.capacity.memory:
        return 0
    return limiting.capacity.swap * request // limiting.capacity.memory // _PAGE * _PAGE


def memory_qos(pod: Pod, container: Container, limiting: Limiting) -> dict[str, str]:
    """memory.min, memory.low and memory.high of a container, by the settings."""
    request = int(requests_of(container).get("memory", 0))
    limit = whole(container.resources.limits.get("memory", 0)) or limiting.allocatable.memory
    found = _reserved(pod, request, limiting.settings)
    factor = limiting.settings.memory_throttling_percent
    high = (request + (limit - request) * factor // 100) // _PAGE * _PAGE
    # Who may use no more than was requested is not slowed down before the limit.
    if high > request:
        found["memory.high"] = str(high)
    return found


def _reserved(pod: Pod, request: int, settings: ResourceSettings) -> dict[str, str]:
    if settings.memory_reservation != "tiered" or not request:
        return {}
    quality = qos_class(pod)
    if quality == GUARANTEED:
        return {"memory.min": str(request)}
    return {"memory.low": str(request)} if quality == BURSTABLE else {}


def hugepage_limits(limits: Mapping[str, Quantity], capacity: NodeResources) -> Iterator[HugepageLimit]:
    """A limit for each size of the machine, 0 where none was asked for."""
    for size in capacity.hugepages:
        limit = whole(limits.get(f"hugepages-{size}", 0))
        # 2Mi is 2MB to the kernel.
        yield HugepageLimit(page_size=f"{size.removesuffix('i')}B", limit=limit)

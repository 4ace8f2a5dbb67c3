"""What the node has, and what of it is for pods.

Source: "Reserve Compute Resources for System Daemons" of the Kubernetes documentation.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from firkin.kubelet.api.quantity import Quantity, milli, whole
from firkin.kubelet.resources.settings import ResourceSettings

__all__ = ["NodeResources", "allocatable", "machine_capacity", "reserved"]

_HUGEPAGES = "/sys/kernel/mm/hugepages"


@dataclass(frozen=True, slots=True)
class NodeResources:
    """Amounts: `cpu` in thousandths of a processor, `memory` and `storage` (ephemeral) in bytes, `pods` and `pids`
    numbers, `hugepages` in bytes by size, such as 2Mi; `swap` in bytes."""

    cpu: int = 0
    memory: int = 0
    storage: int = 0
    pods: int = 0
    pids: int = 0
    hugepages: Mapping[str, int] = field(default_factory=dict)
    swap: int = 0

    def quantities(self) -> dict[str, Quantity]:
        """As the status of a node has them."""
        cpu = str(self.cpu // 1000) if self.cpu % 1000 == 0 else f"{self.cpu}m"
        pages: dict[str, Quantity] = {f"hugepages-{size}": str(value) for size, value in self.hugepages.items()}
        memory = f"{self.memory // 1024}Ki"
        return {"cpu": cpu, "memory": memory, "ephemeral-storage": str(self.storage), "pods": str(self.pods), **pages}


def machine_capacity(directory: str, pods: int) -> NodeResources:
    """What the machine has.

    Parameters: `directory` is on the file system that pods write to; `pods` is how many there may be.
    Raises OSError.
    """
    disk = os.statvfs(directory)
    return NodeResources(
        cpu=1000 * len(os.sched_getaffinity(0)),
        memory=_memory("MemTotal"),
        storage=disk.f_blocks * disk.f_frsize,
        pods=pods,
        pids=_number("/proc/sys/kernel/pid_max"),
        hugepages=dict(_hugepages()),
        swap=_memory("SwapTotal"),
    )


def _memory(name: str) -> int:
    with open("/proc/meminfo") as file:
        kibibytes = next(line.split()[1] for line in file if line.startswith(f"{name}:"))
    return int(kibibytes) * 1024


def _hugepages() -> Iterable[tuple[str, int]]:
    if not os.path.isdir(_HUGEPAGES):
        return
    for name in sorted(os.listdir(_HUGEPAGES)):
        size = int(re.sub("[^0-9]", "", name)) * 1024
        unit, shift = ("Gi", 30) if size >= 1 << 30 else ("Mi", 20) if size >= 1 << 20 else ("Ki", 10)
        yield f"{size >> shift}{unit}", size * _number(f"{_HUGEPAGES}/{name}/nr_hugepages")


def _number(path: str) -> int:
    with open(path) as file:
        return int(file.read())


def reserved(settings: ResourceSettings) -> NodeResources:
    """What is set aside for the system and for the agent and the runtime, together."""
    found = {"cpu": 0, "memory": 0, "ephemeral-storage": 0, "pid": 0}
    for item in (*settings.system_reserved, *settings.kube_reserved):
        name, _, value = item.partition("=")
        found[name] += milli(value) if name == "cpu" else whole(value)
    return NodeResources(
        cpu=found["cpu"], memory=found["memory"], storage=found["ephemeral-storage"], pids=found["pid"]
    )


def allocatable(capacity: NodeResources, kept: NodeResources, evicted: NodeResources) -> NodeResources:
    """What pods may request together: what is left of `capacity`.

    Parameters: `kept` is reserved, `evicted` is what must remain free, as the hard thresholds of eviction say.
    """
    in_pages = sum(capacity.hugepages.values())
    return NodeResources(
        cpu=max(0, capacity.cpu - kept.cpu),
        memory=max(0, capacity.memory - kept.memory - evicted.memory - in_pages),
        storage=max(0, capacity.storage - kept.storage - evicted.storage),
        pods=capacity.pods,
        pids=max(0, capacity.pids - kept.pids),
        hugepages=capacity.hugepages,
    )

"""What the node has, and what of it is for pods."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from firkin.kubelet.api.quantity import Quantity

__all__ = ["NodeResources", "machine_capacity"]


@dataclass(frozen=True, slots=True)
class NodeResources:
    """Amounts: `cpu` in thousandths of a processor, `memory` and `storage` (ephemeral) in bytes, `pods` a number,
    `hugepages` in bytes by size, such as 2Mi."""

    cpu: int = 0
    memory: int = 0
    storage: int = 0
    pods: int = 0
    hugepages: Mapping[str, int] = field(default_factory=dict)

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
        memory=_total_memory(),
        storage=disk.f_blocks * disk.f_frsize,
        pods=pods,
    )


def _total_memory() -> int:
    with open("/proc/meminfo") as file:
        kibibytes = next(line.split()[1] for line in file if line.startswith("MemTotal:"))
    return int(kibibytes) * 1024

"""What pods use of what the node runs out of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["ContainerUsage", "DiskUse", "PodUsage"]


@dataclass(frozen=True, slots=True)
class DiskUse:
    """Bytes and inodes."""

    bytes: int = 0
    inodes: int = 0

    def __add__(self, other: DiskUse) -> DiskUse:
        return DiskUse(self.bytes + other.bytes, self.inodes + other.inodes)


@dataclass(frozen=True, slots=True)
class ContainerUsage:
    """`memory` is the working set in bytes; `root` what was written to the root file system, `logs` the log."""

    memory: int = 0
    root: DiskUse = DiskUse()
    logs: DiskUse = DiskUse()


@dataclass(frozen=True, slots=True)
class PodUsage:
    """`memory` is the working set of the pod in bytes, `processes` a number; `volumes` are those on the node's disk,
    by name."""

    memory: int = 0
    processes: int = 0
    containers: Mapping[str, ContainerUsage] = field(default_factory=dict)
    volumes: Mapping[str, DiskUse] = field(default_factory=dict)

    def disk(self, *, root: bool = True, local: bool = True) -> DiskUse:
        """The sum of the root file systems (`root`), and of logs and volumes (`local`)."""
        total = DiskUse()
        for container in self.containers.values():
            total += container.root if root else DiskUse()
            total += container.logs if local else DiskUse()
        for volume in self.volumes.values() if local else ():
            total += volume
        return total

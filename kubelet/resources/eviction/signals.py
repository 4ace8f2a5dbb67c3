"""What the node can run out of, and what that is called.

Source: "Node-pressure Eviction" of the Kubernetes documentation; memory.pressure is firkin's own: how long tasks stand
still for want of memory (Documentation/accounting/psi.rst).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["DISK", "MEMORY", "MEMORY_PRESSURE", "PRESSURE_OF", "RESOURCE_OF", "SIGNALS", "Observation"]

MEMORY = "memory.available"
ALLOCATABLE_MEMORY = "allocatableMemory.available"
MEMORY_PRESSURE = "memory.pressure"
PIDS = "pid.available"

RESOURCE_OF: Mapping[str, str] = {
    MEMORY: "memory",
    ALLOCATABLE_MEMORY: "memory",
    MEMORY_PRESSURE: "memory",
    "nodefs.available": "ephemeral-storage",
    "nodefs.inodesFree": "inodes",
    "imagefs.available": "ephemeral-storage",
    "imagefs.inodesFree": "inodes",
    "containerfs.available": "ephemeral-storage",
    "containerfs.inodesFree": "inodes",
    PIDS: "pids",
}
"""What is given back by evicting a pod, by signal."""

SIGNALS = frozenset(RESOURCE_OF)
"""All of them."""

DISK = frozenset(name for name in SIGNALS if RESOURCE_OF[name] in ("ephemeral-storage", "inodes"))
"""Those of file systems."""

PRESSURE_OF: Mapping[str, str] = {
    name: "DiskPressure" if name in DISK else "PIDPressure" if name == PIDS else "MemoryPressure" for name in SIGNALS
}
"""The condition of the node, by signal."""


@dataclass(frozen=True, slots=True)
class Observation:
    """How much of `capacity` is available; bytes, numbers, for memory.pressure the percentage of undisturbed time."""

    available: int
    capacity: int

"""Events of cgroups: counts that rise, populated and frozen, cgroups made and removed, kills, pressure. See `Watch`."""

from __future__ import annotations

from firkin.cgroupfs.events.event import (
    Changed,
    Created,
    Event,
    OutOfMemory,
    PartitionChanged,
    Pressure,
    PressureOff,
    Removed,
)
from firkin.cgroupfs.events.trigger import Trigger
from firkin.cgroupfs.events.watch import FILES, Watch

__all__ = [
    "FILES", "Changed", "Created", "Event", "OutOfMemory", "PartitionChanged", "Pressure", "PressureOff", "Removed",
    "Trigger", "Watch",
]  # fmt: skip

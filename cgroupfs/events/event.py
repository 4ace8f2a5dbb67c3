"""What can happen to a cgroup, each kind a type of its own.

`cgroup` is the absolute path; `time` is when the change was read, in nanoseconds since the epoch: the kernel tells
that something changed, neither when nor how often. Of changes that follow each other closely only their sum is seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from firkin.cgroupfs.events.trigger import Trigger

__all__ = ["Changed", "Created", "Event", "OutOfMemory", "PartitionChanged", "Pressure", "PressureOff", "Removed"]


@dataclass(frozen=True, slots=True)
class Changed:
    """`key` of `file` went from `old` to `new`: a count of an events file, or `populated` or `frozen`."""

    cgroup: str
    file: str
    key: str
    old: int
    new: int
    time: int


@dataclass(frozen=True, slots=True)
class PartitionChanged:
    """cpuset.cpus.partition reads `new` instead of `old`, such as `root invalid (REASON)` instead of `root`."""

    cgroup: str
    old: str
    new: str
    time: int


@dataclass(frozen=True, slots=True)
class Created:
    """A cgroup was made below a watched one, and is watched too from its start: its counts begin at 0."""

    cgroup: str
    time: int


@dataclass(frozen=True, slots=True)
class Removed:
    """The cgroup is gone: the last event of it. That it had become empty before was told."""

    cgroup: str
    time: int


@dataclass(frozen=True, slots=True)
class OutOfMemory:
    """The kernel killed `killed` processes of `cgroup` to free memory.

    `limit` is the cgroup whose memory limit was hit: this one, or an ancestor; None if that one is not watched, or the
    machine itself had no memory left. `whole` says that all processes were killed together (memory.oom.group), of whom
    the kernel may have counted the first one twice.
    `below` says that it was not `cgroup` itself that was hit but one below it that is not watched, or is in `removed`:
    those that were removed before their own counts could be read.
    """

    cgroup: str
    killed: int
    limit: str | None
    whole: bool
    time: int
    below: bool = False
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pressure:
    """Within the window of `trigger` tasks of the cgroup were stalled for longer than it allows."""

    cgroup: str
    trigger: Trigger
    time: int


@dataclass(frozen=True, slots=True)
class PressureOff:
    """The trigger is gone: somebody turned the accounting of pressure off for this cgroup (cgroup.pressure)."""

    cgroup: str
    trigger: Trigger
    time: int


Event: TypeAlias = Changed | PartitionChanged | Created | Removed | OutOfMemory | Pressure | PressureOff
"""Any of them."""

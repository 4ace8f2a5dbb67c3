"""`firkin cgroup events`: what happens to a cgroup and below it, a line for each event, until it is gone."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from firkin.cgroupfs.events import (
    Changed,
    Created,
    Event,
    OutOfMemory,
    PartitionChanged,
    Pressure,
    PressureOff,
    Removed,
    Watch,
)
from firkin.oci.json_text import dump

if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["describe", "follow"]


def follow(invocation: Invocation, path: str) -> int:
    """Print events as they come; returns 0 when the cgroup is removed. Raises CgroupError."""
    as_json = invocation.flag("json")
    with Watch(path, recursive=True, triggers=invocation.texts("trigger")) as watch:
        while not watch.is_over:
            for event in watch.wait():
                print(dump({"event": type(event).__name__, **asdict(event)}) if as_json else _line(event), flush=True)
    return 0


def _line(event: Event) -> str:
    seconds, nanoseconds = divmod(event.time, 1_000_000_000)
    clock = time.strftime("%H:%M:%S", time.localtime(seconds)) + f".{nanoseconds // 1_000_000:03d}"
    return f"{clock} {event.cgroup}: {describe(event)}"


def describe(event: Event) -> str:
    """The event in words, without its time and cgroup."""
    match event:
        case Changed():
            return f"{event.file}: {event.key} {event.old} -> {event.new}"
        case PartitionChanged():
            return f"cpuset.cpus.partition: {event.old} -> {event.new}"
        case Created():
            return "made"
        case Removed():
            return "removed"
        case OutOfMemory():
            limit = f"the limit of {event.limit}" if event.limit else "a limit above, or of the machine"
            return f"out of memory: {event.killed} killed{' together' if event.whole else ''} at {limit}"
        case Pressure():
            return f"pressure: {event.trigger}"
        case PressureOff():
            return f"pressure is not measured any more: {event.trigger}"

"""What `events` tells of a container: statistics from time to time, and that it ran out of memory.

The form is that of runc(8) `events`, which programs read. Sizes are in bytes, times in nanoseconds.
"""

from __future__ import annotations

import os
import select
import time
from typing import TYPE_CHECKING

from firkin.cgroupfs.accounting import Reader
from firkin.cgroupfs.events import OutOfMemory, Watch
from firkin.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from firkin.cgroupfs.accounting import DeviceIo, GroupStats
    from firkin.cgroupfs.tree import Cgroup
    from firkin.runtime.store import Container

__all__ = ["follow", "statistics"]

_UNLIMITED = 0xFFFFFFFFFFFFFFFF
_USEC = 1000


def statistics(group: Cgroup) -> dict[str, object]:
    """What the cgroup and all below it use now; a controller that is not there leaves its part empty."""
    with Reader(group.path) as reader:
        (stats,) = reader.read().groups()
        devices = reader.io_devices(0) if stats.io else []
    return {
        "cpu": _cpu(stats),
        "cpuset": _cpuset(group),
        "memory": _memory(stats, group),
        "pids": _pids(stats, group),
        "blkio": {"ioServiceBytesRecursive": [entry for device in devices for entry in _transfers(device)]},
        "hugetlb": {
            size: {"usage": use.current or 0, "failcnt": use.limit_hits or 0} for size, use in stats.hugetlb.items()
        },
        "intel_rdt": {},
        "network_interfaces": None,
    }


def _cpu(stats: GroupStats) -> dict[str, object]:
    cpu = stats.cpu
    if cpu is None:
        return {}
    usage = {
        "total": (cpu.usage_usec or 0) * _USEC,
        "kernel": (cpu.system_usec or 0) * _USEC,
        "user": (cpu.user_usec or 0) * _USEC,
    }
    throttling = {
        "periods": cpu.nr_periods or 0,
        "throttledPeriods": cpu.nr_throttled or 0,
        "throttledTime": (cpu.throttled_usec or 0) * _USEC,
    }
    return {"usage": usage, "throttling": throttling}


def _cpuset(group: Cgroup) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, file in (("cpus", "cpuset.cpus.effective"), ("mems", "cpuset.mems.effective")):
        text = _read(group, file)
        if text:
            found[key] = [number for part in text.split(",") for number in _range(part)]
    return found


def _range(part: str) -> range:
    first, _, last = part.partition("-")
    return range(int(first), int(last or first) + 1)


def _memory(stats: GroupStats, group: Cgroup) -> dict[str, object]:
    memory = stats.memory
    if memory is None or memory.current is None:
        return {}
    usage = {
        "limit": _limit(group, "memory.max"),
        "usage": memory.current,
        "max": memory.peak or 0,
        "failcnt": memory.events.get("max", 0),
    }
    swap = {"limit": _limit(group, "memory.swap.max"), "usage": memory.swap_current or 0, "failcnt": 0}
    return {"cache": memory.stat.get("file", 0), "usage": usage, "swap": swap, "raw": dict(memory.stat)}


def _pids(stats: GroupStats, group: Cgroup) -> dict[str, object]:
    if stats.pids is None or stats.pids.current is None:
        return {}
    limit = _limit(group, "pids.max")
    return {"current": stats.pids.current, "limit": 0 if limit == _UNLIMITED else limit}


def _transfers(device: DeviceIo) -> Iterator[dict[str, object]]:
    major, _, minor = device.device.partition(":")
    for word, value in (("Read", device.rbytes), ("Write", device.wbytes)):
        yield {"major": int(major), "minor": int(minor), "op": word, "value": value}


def _limit(group: Cgroup, file: str) -> int:
    text = _read(group, file)
    return int(text) if text.isdecimal() else _UNLIMITED


def _read(group: Cgroup, file: str) -> str:
    return group.read(file).strip() if group.has(file) else ""


def follow(container: Container, group: Cgroup, interval: float) -> Iterator[dict[str, object]]:
    """Events until the container's first process has ended: `stats` every `interval` seconds, `oom` when it happens."""
    pidfd = container.open_process()
    if pidfd < 0:
        raise StateError("container not running")
    try:
        with Watch(group, recursive=True) as watch:
            yield from _follow(container.id, group, watch, pidfd, interval)
    finally:
        os.close(pidfd)


def _follow(id: str, group: Cgroup, watch: Watch, pidfd: int, interval: float) -> Iterator[dict[str, object]]:
    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    poller.register(watch.fileno(), select.POLLIN)
    due = time.monotonic()
    while True:
        left = due - time.monotonic()
        if left <= 0:
            yield {"type": "stats", "id": id, "data": statistics(group)}
            due += interval
            continue
        ready = {fd for fd, _ in poller.poll(left * 1000 + 1)}
        for event in watch.read():
            if isinstance(event, OutOfMemory):
                yield {"type": "oom", "id": id}
        # Last: what killed the first process was told before.
        if pidfd in ready:
            return

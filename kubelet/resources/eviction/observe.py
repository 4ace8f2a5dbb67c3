"""How much the node has left: what the kernel says.

Source: "Node-pressure Eviction" of the Kubernetes documentation: memory.available is the capacity without the working
set, which is anonymous memory and files that are in use; proc_meminfo(5), statvfs(3),
Documentation/accounting/psi.rst.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from firkin.cgroupfs import Cgroup
from firkin.errors import CgroupError
from firkin.kubelet.resources.eviction.signals import ALLOCATABLE_MEMORY, MEMORY, MEMORY_PRESSURE, PIDS, Observation

__all__ = ["Places", "memory_observation", "observe", "pressure_observation"]


@dataclass(frozen=True, slots=True)
class Places:
    """Where to look: a directory of the node's disk, one of the images', and the cgroup of all pods ("" if it is not
    limited)."""

    node: str
    images: str
    pods_cgroup: str = ""

    @property
    def separate_images(self) -> bool:
        """Whether images and containers are on a file system of their own. Raises OSError."""
        return os.stat(self.node).st_dev != os.stat(self.images).st_dev


def observe(places: Places) -> dict[str, Observation]:
    """What is left, by signal. Raises OSError."""
    found = dict(_file_system("nodefs", places.node))
    found.update(_file_system("imagefs", places.images))
    # Containers write where the images are.
    found.update(_file_system("containerfs", places.images))
    found[MEMORY] = memory_observation(_text("/proc/meminfo"))
    found[PIDS] = _pids()
    found.update(_optional(places))
    return found


def _optional(places: Places) -> Iterator[tuple[str, Observation]]:
    try:
        yield MEMORY_PRESSURE, pressure_observation(_text("/proc/pressure/memory"))
    except OSError:
        # The kernel does not measure it (psi=0).
        pass
    if places.pods_cgroup and (seen := _pods_memory(places.pods_cgroup)):
        yield ALLOCATABLE_MEMORY, seen


def _file_system(name: str, path: str) -> Iterator[tuple[str, Observation]]:
    status = os.statvfs(path)
    yield f"{name}.available", Observation(status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize)
    # Some file systems make inodes as they need them.
    if status.f_files:
        yield f"{name}.inodesFree", Observation(status.f_favail, status.f_files)


def memory_observation(meminfo: str) -> Observation:
    """Bytes that are not in use, of /proc/meminfo."""
    words = (line.split() for line in meminfo.splitlines())
    sizes = {name.rstrip(":"): int(size) * 1024 for name, size, *_ in words}
    files = sizes["Buffers"] + sizes["Cached"] + sizes["SwapCached"]
    used = sizes["AnonPages"] + files - sizes["Inactive(file)"]
    return Observation(max(0, sizes["MemTotal"] - used), sizes["MemTotal"])


def pressure_observation(text: str) -> Observation:
    """The percentage of the last ten seconds in which some task went on, of /proc/pressure/memory."""
    full = next(line for line in text.splitlines() if line.startswith("full "))
    average = float(full.split()[1].removeprefix("avg10="))
    return Observation(100 - int(average), 100)


def _pids() -> Observation:
    most = min(int(_text("/proc/sys/kernel/pid_max")), int(_text("/proc/sys/kernel/threads-max")))
    running = int(_text("/proc/loadavg").split()[3].partition("/")[2])
    return Observation(max(0, most - running), most)


def _pods_memory(path: str) -> Observation | None:
    try:
        with Cgroup(path.lstrip("/")) as group:
            most = group.memory.max
            used = group.memory.current - group.memory.stat["inactive_file"]
    except CgroupError:
        # Nothing limits memory, or there is no pod yet.
        return None
    return Observation(max(0, most - used), most) if isinstance(most, int) else None


def _text(path: str) -> str:
    with open(path) as file:
        return file.read()

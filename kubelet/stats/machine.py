"""What the machine uses and has, from /proc (proc(5)) and statfs(2)."""

from __future__ import annotations

import math
import os
import time
from datetime import UTC, datetime

from firkin.kubelet.stats.summary import CpuStats, FsStats, Interface, MemoryStats, NetworkStats, SwapStats

__all__ = ["Machine", "filesystem"]

_TICKS = os.sysconf("SC_CLK_TCK")
_OF_A_KIND = 10**9 // _TICKS
# Seconds between two readings that tell what is used now.
_SHORTEST_SPAN, _LONGEST_SPAN = 0.5, 60.0
# Idle and iowait are no use of a processor, and guest is in user already.
_BUSY = (0, 1, 2, 5, 6, 7)


class Machine:
    """Reads `proc`. How many processors are in use now is what was used since the
    reading before; that is not known if it is long ago."""

    def __init__(self, proc: str = "/proc") -> None:
        self._proc = proc
        self._before = (-math.inf, 0)
        self._nano_cores: int | None = None

    def started_at(self) -> datetime:
        """When the machine was booted."""
        line = next(line for line in self._lines("stat") if line.startswith("btime "))
        return datetime.fromtimestamp(int(line.split()[1]), UTC)

    def cpu(self) -> CpuStats:
        """Processor time of everything."""
        fields = self._lines("stat")[0].split()[1:]
        used = sum(int(fields[at]) for at in _BUSY) * _OF_A_KIND
        now = time.monotonic()
        at, before = self._before
        if now - at >= _SHORTEST_SPAN:
            self._nano_cores = int((used - before) / (now - at)) if now - at <= _LONGEST_SPAN else None
            self._before = (now, used)
        return CpuStats(time=_now(), usage_nano_cores=self._nano_cores, usage_core_nano_seconds=used)

    def memory(self) -> MemoryStats:
        """Memory of everything: what is in use is what can not be dropped at once."""
        facts, counts = self._meminfo(), self._vmstat()
        usage = facts["MemTotal"] - facts["MemFree"]
        working = max(0, usage - facts["Inactive(file)"])
        return MemoryStats(
            time=_now(),
            available_bytes=facts["MemTotal"] - working,
            usage_bytes=usage,
            working_set_bytes=working,
            rss_bytes=facts["AnonPages"],
            page_faults=counts.get("pgfault"),
            major_page_faults=counts.get("pgmajfault"),
        )

    def capacity(self) -> tuple[int, int]:
        """Bytes of memory and of swap that there are."""
        facts = self._meminfo()
        return facts["MemTotal"], facts["SwapTotal"]

    def swap(self) -> SwapStats:
        """Swap of everything."""
        facts = self._meminfo()
        free, total = facts["SwapFree"], facts["SwapTotal"]
        return SwapStats(time=_now(), swap_available_bytes=free, swap_usage_bytes=total - free)

    def network(self) -> NetworkStats | None:
        """Traffic of the interfaces, but for the loopback; that of the default route comes first."""
        found = [_interface(line) for line in self._lines("net/dev")[2:]]
        interfaces = [one for one in found if one.name != "lo"]
        name = self._default_route()
        first = next((one for one in interfaces if one.name == name), None)
        if first is None:
            return NetworkStats(time=_now(), name="", interfaces=interfaces)
        return NetworkStats(
            time=_now(),
            name=first.name,
            rx_bytes=first.rx_bytes,
            rx_errors=first.rx_errors,
            tx_bytes=first.tx_bytes,
            tx_errors=first.tx_errors,
            interfaces=interfaces,
        )

    def _default_route(self) -> str:
        for line in self._lines("net/route")[1:]:
            name, destination, *_ = line.split()
            if destination == "00000000":
                return name
        return ""

    def _meminfo(self) -> dict[str, int]:
        return {
            name: int(value.split()[0]) << 10 for name, _, value in (s.partition(":") for s in self._lines("meminfo"))
        }

    def _vmstat(self) -> dict[str, int]:
        return {name: int(value) for name, value in (line.split() for line in self._lines("vmstat"))}

    def _lines(self, name: str) -> list[str]:
        with open(f"{self._proc}/{name}", encoding="ascii") as file:
            return file.read().splitlines()


def filesystem(path: str, *, used_bytes: int | None = None, inodes_used: int | None = None) -> FsStats:
    """The file system that `path` is in; what is used of it is all, or what is given. Raises OSError."""
    found = os.statvfs(path)
    size = found.f_frsize
    return FsStats(
        time=_now(),
        available_bytes=found.f_bavail * size,
        capacity_bytes=found.f_blocks * size,
        used_bytes=(found.f_blocks - found.f_bfree) * size if used_bytes is None else used_bytes,
        inodes_free=found.f_ffree,
        inodes=found.f_files,
        inodes_used=found.f_files - found.f_ffree if inodes_used is None else inodes_used,
    )


def _interface(line: str) -> Interface:
    name, _, numbers = line.partition(":")
    fields = [int(text) for text in numbers.split()]
    return Interface(
        name=name.strip(), rx_bytes=fields[0], rx_errors=fields[2], tx_bytes=fields[8], tx_errors=fields[10]
    )


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)

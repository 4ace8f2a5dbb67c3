"""The server as a process, by the names that clients of Prometheus have for it in every language."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator

from firkin.cri.telemetry.instruments import Counter, Gauge

__all__ = ["process_lines"]

# Fields of /proc/PID/stat after the name of the program (proc_pid_stat(5)), counted from the third.
_UTIME, _STIME, _THREADS, _START, _VSIZE, _RSS = 11, 12, 17, 19, 20, 21


def process_lines() -> Iterator[str]:
    """The text of the meters of this process."""
    with open("/proc/self/stat", encoding="utf-8", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    tick = os.sysconf("SC_CLK_TCK")
    processor = Counter("process_cpu_seconds_total", "Processor time of the server")
    processor.add(amount=(int(fields[_UTIME]) + int(fields[_STIME])) / tick)
    yield from processor.lines()
    for name, help, value in (
        ("process_start_time_seconds", "When the server was started", _boot_time() + int(fields[_START]) / tick),
        ("process_resident_memory_bytes", "Resident memory", int(fields[_RSS]) * resource.getpagesize()),
        ("process_virtual_memory_bytes", "Virtual memory", int(fields[_VSIZE])),
        ("process_threads", "Threads", int(fields[_THREADS])),
        ("process_open_fds", "Descriptors that are open", len(os.listdir("/proc/self/fd")) - 1),
        ("process_max_fds", "Descriptors that may be open", resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
    ):
        gauge = Gauge(name, help)
        gauge.set(to=value)
        yield from gauge.lines()


def _boot_time() -> int:
    with open("/proc/stat", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("btime "))

"""What a container has used in its life, for `run --stats`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from firkin.cgroupfs.accounting import Reader
from firkin.oci.json_text import dump
from firkin.runtime.store import Container

if TYPE_CHECKING:
    from collections.abc import Iterator

    from firkin.cgroupfs.accounting import GroupStats

__all__ = ["show_used"]


def show_used(root: str, id: str, form: str) -> None:
    """Write to standard error what the container has used, `form` being text or json. Raises CgroupError.

    Its program has ended; its cgroup, which counted, is still there.
    """
    with Container(root, id) as container, Reader(container.cgroup) as reader:
        stats = reader.sample().group(0)
    text = dump(asdict(stats)) if form == "json" else f"firkin: {id} used {', '.join(_used(stats))}"
    print(text, file=sys.stderr)


def _used(stats: GroupStats) -> Iterator[str]:
    cpu, memory, pids, io = stats.cpu, stats.memory, stats.pids, stats.io
    if cpu and cpu.usage_usec is not None:
        yield f"{cpu.usage_usec / 1e6:.3f} s of processors"
        if cpu.throttled_usec:
            yield f"{cpu.throttled_usec / 1e6:.3f} s throttled"
    if memory and memory.peak is not None:
        yield f"{memory.peak / (1 << 20):.1f} MiB of memory at its peak"
        if kills := memory.events.get("oom_kill"):
            yield f"{kills} killed for lack of it"
    if pids and pids.peak is not None:
        yield f"{pids.peak} processes at most"
    if io:
        yield f"{io.rbytes / (1 << 20):.1f} MiB read and {io.wbytes / (1 << 20):.1f} MiB written"
    for name, pressure in stats.pressure.items():
        if pressure.some and pressure.some.total_usec:
            yield f"{pressure.some.total_usec / 1e6:.3f} s waiting for {name}"

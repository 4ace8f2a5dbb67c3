"""`firkin cgroup stat`: what cgroups use."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from firkin.cgroupfs.accounting import Reader
from firkin.cgroupfs.tree import Cgroup
from firkin.oci.json_text import dump
from firkin.runtime.cli.table import table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from firkin.cgroupfs.accounting import GroupStats
    from firkin.runtime.cli.commands import Invocation

__all__ = ["stat"]

_HEADING = (
    "cgroup",
    "cpu s",
    "memory",
    "swap",
    "pids",
    "read",
    "written",
    "cpu stall s",
    "memory stall s",
    "io stall s",
)


def stat(invocation: Invocation, path: str) -> int:
    """Print the statistics of the cgroup, with --recursive of all below it too; returns 0. Raises CgroupError."""
    with Cgroup(path) as group, Reader(group.path, subtree=invocation.flag("recursive")) as reader:
        found = list(reader.read().groups())
        if invocation.flag("json"):
            print(dump([asdict(stats) for stats in found], 2))
        else:
            print(table(_HEADING, ([_relative(stats.path, group.path), *_cells(stats)] for stats in found)), end="")
    return 0


def _relative(path: str, top: str) -> str:
    return path.removeprefix(f"{top}/") if path != top else "."


def _cells(stats: GroupStats) -> Iterator[str]:
    memory, io = stats.memory, stats.io
    yield _seconds(stats.cpu.usage_usec if stats.cpu else None)
    yield _text(memory.current if memory else None)
    yield _text(memory.swap_current if memory else None)
    yield _text(stats.pids.current if stats.pids else None)
    yield _text(io.rbytes if io else None)
    yield _text(io.wbytes if io else None)
    for name in ("cpu", "memory", "io"):
        pressure = stats.pressure.get(name)
        yield _seconds(pressure.some.total_usec if pressure and pressure.some else None)


def _text(number: int | None) -> str:
    return "-" if number is None else str(number)


def _seconds(microseconds: int | None) -> str:
    return "-" if microseconds is None else f"{microseconds / 1e6:.3f}"

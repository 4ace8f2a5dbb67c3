"""cgroup v2 as a library.

    from firkin.cgroupfs import Cgroup

    with Cgroup.make("work/build", controllers=("cpu", "memory", "pids")) as group:
        group.memory.max = "512m"
        group.cpu.weight = 50
        with group.spawn(["make"]) as process:
            process.wait()
        print(group.memory.peak, group.cpu.stat["usage_usec"])

Importing this is cheap: each name is imported when it is used.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.cgroupfs.accounting import Reader, rates
    from firkin.cgroupfs.events import Trigger, Watch
    from firkin.cgroupfs.hierarchy import Hierarchy, find_hierarchy
    from firkin.cgroupfs.interface import MAX
    from firkin.cgroupfs.keyed import CpuMax
    from firkin.cgroupfs.tree import Cgroup

__all__ = ["MAX", "Cgroup", "CpuMax", "Hierarchy", "Reader", "Trigger", "Watch", "find_hierarchy", "rates"]

_HOMES = {
    "Cgroup": "tree",
    "CpuMax": "keyed",
    "Hierarchy": "hierarchy",
    "MAX": "interface",
    "Reader": "accounting",
    "Trigger": "events",
    "Watch": "events",
    "find_hierarchy": "hierarchy",
    "rates": "accounting",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

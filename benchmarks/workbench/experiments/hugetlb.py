"""hugetlb.SIZE.max: an allocation that is refused and not shared."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping

from firkin.workbench.experiment import Experiment, Host
from firkin.workbench.measurement import Measurement
from firkin.workbench.stage import Stage

__all__ = ["EXPERIMENTS"]

_PLACE = "/sys/kernel/mm/hugepages"
_LIMIT = 2


def _page() -> int:
    # KiB of the smallest size that there is.
    sizes = [name.removeprefix("hugepages-").removesuffix("kB") for name in os.listdir(_PLACE)]
    return min(map(int, sizes))


def _lacking(host: Host) -> str:
    if not os.path.isdir(_PLACE):
        return "needs a kernel with huge pages"
    size = _page()
    with open(f"{_PLACE}/hugepages-{size}kB/free_hugepages") as file:
        free = int(file.read())
    return "" if free > _LIMIT else f"needs {_LIMIT + 1} free huge pages of {size} KiB (sysctl vm.nr_hugepages)"


def _measure(host: Host, stage: Stage) -> Measurement:
    page = _page()
    group = stage.group("group")
    huge = group.hugetlb(f"{page >> 10}MB" if page < 1 << 20 else f"{page >> 20}GB")
    huge.max = _LIMIT * page << 10
    load = stage.load(group, "huge", page << 10, _LIMIT + 1)
    had = 0
    while words := load.said():
        had = int(words[1])
    ended = load.process.wait()
    return Measurement({"pages": had, "ended by SIGBUS": ended == -signal.SIGBUS, "refused": huge.events["max"]})


def _predict(host: Host) -> Mapping[str, float]:
    return {"pages": _LIMIT, "ended by SIGBUS": 1, "refused": 1}


HUGETLB = Experiment(
    "hugetlb",
    "Does who touches a huge page beyond hugetlb.SIZE.max die of it, with all before it had?",
    "Documentation/admin-guide/cgroup-v2.rst, HugeTLB",
    ("hugetlb",),
    "",
    0.0,
    _predict,
    _measure,
    lacking=_lacking,
)

EXPERIMENTS = (HUGETLB,)

"""memory.reclaim and memory.swap.max: how much is taken when somebody asks, and where it can go."""

from __future__ import annotations

from collections.abc import Mapping

from firkin.cgroupfs import Cgroup
from firkin.errors import CgroupReclaimError
from firkin.workbench.experiment import Experiment, Host
from firkin.workbench.measurement import Measurement
from firkin.workbench.scratch_disk import opened_disk, why_no_disk
from firkin.workbench.stage import Load, Stage

__all__ = ["EXPERIMENTS"]

_SOURCE = "Documentation/admin-guide/cgroup-v2.rst, Memory"
_MIB = 1 << 20
_CACHE, _ANONYMOUS, _ASKED = 48, 16, 16  # MiB
_MAX, _SWAP = 24, 12  # MiB
_STEP = _MIB // 4


def _why_no_reclaim(host: Host) -> str:
    with Cgroup(".") as root:
        return why_no_disk(host.device) if root.has("memory.reclaim") else "needs memory.reclaim (Linux 5.19)"


def _measure_reclaim(host: Host, stage: Stage) -> Measurement:
    group = stage.group("group", memory_swap_max="0")
    disk = stage.enter(opened_disk(host.device))
    stage.load(group, "hold", _ANONYMOUS * _MIB).told("held")
    stage.load(group, "read", disk.path, _MIB, (_CACHE + 1) * _MIB, 1).told("read")
    before = group.memory.stat
    group.memory.reclaim = _ASKED * _MIB
    after = group.memory.stat
    refused = 0
    try:
        group.memory.reclaim = (_CACHE + _ANONYMOUS) * _MIB
    except CgroupReclaimError:
        refused = 1
    last = group.memory.stat
    taken = (before["file"] - after["file"]) / _MIB
    values = {
        # Each pass over the lists takes what it finds, so there may be more (shrink_lruvec, mm/vmscan.c).
        "cache taken, of what is asked": min(taken, _ASKED),
        "memory without swap taken": (before["anon"] - last["anon"]) / _MIB,
        "cache left by asking for more than there is": last["file"] / _MIB,
        "refused": refused,
    }
    return Measurement(values)


def _predict_reclaim(host: Host) -> Mapping[str, float]:
    return {
        "cache taken, of what is asked": _ASKED,
        "memory without swap taken": 0,
        "cache left by asking for more than there is": 0,
        "refused": 1,
    }


RECLAIM = Experiment(
    "memory-reclaim",
    "Does memory.reclaim take no less than it is asked for, and say so where there is not so much?",
    _SOURCE,
    ("memory",),
    "MiB",
    0.05,
    _predict_reclaim,
    _measure_reclaim,
    lambda host: float(_ASKED),
    lacking=_why_no_reclaim,
)


def _grown(load: Load, wanted: int) -> float:
    # MiB that it says it has; it is killed where it can not go on.
    reached = 0.0
    while reached < wanted and (words := load.said()):
        reached = int(words[1]) / _MIB
    return reached


def _measure_swap(host: Host, stage: Stage) -> Measurement:
    values: dict[str, float] = {}
    fits = stage.group("fits", memory_max=str(_MAX * _MIB), memory_swap_max=str(_SWAP * _MIB))
    wanted = _MAX + _SWAP // 2
    values["had, of what fits"] = _grown(stage.load(fits, "grow", wanted * _MIB, _STEP), wanted)
    values["in swap"] = fits.memory.swap_current / _MIB
    over = stage.group("over", memory_max=str(_MAX * _MIB), memory_swap_max=str(_SWAP * _MIB))
    wanted = 2 * (_MAX + _SWAP)
    load = stage.load(over, "grow", wanted * _MIB, _STEP)
    values["had, of too much"] = _grown(load, wanted)
    load.process.wait()
    values["killed"] = over.memory.events["oom_kill"]
    return Measurement(values)


def _predict_swap(host: Host) -> Mapping[str, float]:
    return {
        "had, of what fits": _MAX + _SWAP // 2,
        "in swap": _SWAP // 2,
        "had, of too much": _MAX + _SWAP,
        "killed": 1,
    }


def _why_no_swap(host: Host) -> str:
    with open("/proc/swaps") as file:
        free = sum(int(size) - int(used) for _, _, size, used, _ in map(str.split, file.readlines()[1:]))
    return "" if free >= 4 * _SWAP * 1024 else f"needs {4 * _SWAP} MiB of free swap space"


SWAP = Experiment(
    "memory-swap-max",
    "Is memory.max and memory.swap.max together what a group can have?",
    _SOURCE,
    ("memory",),
    "MiB",
    0.05,
    _predict_swap,
    _measure_swap,
    lambda host: float(_MAX + _SWAP),
    lacking=_why_no_swap,
)

EXPERIMENTS = (RECLAIM, SWAP)

"""memory.max, memory.oom.group, pids.max: what happens at a limit of what can not be shared."""

from __future__ import annotations

from firkin.workbench.experiment import Experiment, Host
from firkin.workbench.measurement import Measurement
from firkin.workbench.stage import Stage

__all__ = ["EXPERIMENTS"]

_MEMORY = "Documentation/admin-guide/cgroup-v2.rst, Memory"
_MIB = 1 << 20
_LIMIT = 32 * _MIB


def _overrun(host: Host, stage: Stage) -> Measurement:
    group = stage.group("group", memory_max=str(_LIMIT))
    group.memory.swap_max = 0
    small = stage.load(group, "hold", 2 * _MIB)
    small.said()
    large = stage.load(group, "hold", 2 * _LIMIT)
    # The kernel ends it in the middle.
    large.said()
    large.process.wait()
    events = group.memory.events
    peak = group.memory.peak / _LIMIT
    return Measurement({"killed": events["oom_kill"], "left": len(group.processes()), "peak": peak})


OOM = Experiment(
    "oom",
    "At memory.max, without swap: is the largest killed, and only that, and no page more was taken?",
    _MEMORY,
    ("memory",),
    "",
    0.01,
    lambda host: {"killed": 1, "left": 1, "peak": 1},
    _overrun,
    lambda host: 1.0,
)


def _overrun_group(host: Host, stage: Stage) -> Measurement:
    group = stage.group("group", memory_max=str(_LIMIT), memory_oom_group="1")
    group.memory.swap_max = 0
    small = stage.load(group, "hold", 2 * _MIB)
    small.said()
    large = stage.load(group, "hold", 2 * _LIMIT)
    large.said()
    group.wait_empty()
    events = group.memory.events
    return Measurement({"killed": events["oom_kill"], "left": len(group.processes())})


OOM_GROUP = Experiment(
    "oom-group",
    "With memory.oom.group: are all processes of the group killed together?",
    _MEMORY,
    ("memory",),
    "",
    0.0,
    # The one that is chosen is counted once more when its group is killed (oom_kill_process, mm/oom_kill.c).
    lambda host: {"killed": 3, "left": 0},
    _overrun_group,
)


def _fork(host: Host, stage: Stage) -> Measurement:
    group = stage.group("group", pids_max="20")
    load = stage.load(group, "fork", 100)
    _, made = load.said()
    return Measurement({"children": int(made), "refused": group.pids.events["max"]})


PIDS = Experiment(
    "pids",
    "Does pids.max refuse the fork that would go beyond it?",
    "Documentation/admin-guide/cgroup-v2.rst, PID",
    ("pids",),
    "",
    0.0,
    lambda host: {"children": 19, "refused": 1},
    _fork,
)

EXPERIMENTS = (OOM, OOM_GROUP, PIDS)

"""How a process is scheduled, and which memory it gets: what few configurations ask for.

The parent sets the scheduler and the I/O priority on the child, because real-time policies take rights in the host's
user namespace. Source: config.md "Linux Process", config-linux.md "Memory policy" and "Personality"; sched_setattr(2),
ioprio_set(2), sched_setaffinity(2), set_mempolicy(2), personality(2).
"""

from __future__ import annotations

from _struct import pack

from firkin.errors import ConfigError
from firkin.runtime.plan import opcodes as op

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.oci.runtime_spec import IOPriority, Linux, MemoryPolicy, Process, Scheduler
    from firkin.runtime.plan.builder import PlanBuilder, Section

__all__ = ["MODES", "MODE_FLAGS", "add_memory_and_personality", "add_scheduling", "bits", "final_affinity"]

_POLICIES = ("SCHED_OTHER", "SCHED_FIFO", "SCHED_RR", "SCHED_BATCH", "SCHED_ISO", "SCHED_IDLE", "SCHED_DEADLINE")
_SCHEDULER_FLAGS = {
    "SCHED_FLAG_RESET_ON_FORK": 1,
    "SCHED_FLAG_RECLAIM": 2,
    "SCHED_FLAG_DL_OVERRUN": 4,
    "SCHED_FLAG_KEEP_POLICY": 8,
    "SCHED_FLAG_KEEP_PARAMS": 16,
    "SCHED_FLAG_UTIL_CLAMP_MIN": 32,
    "SCHED_FLAG_UTIL_CLAMP_MAX": 64,
}
# struct sched_attr of Linux 3.14: size, policy, flags, nice, priority, runtime, deadline, period.
_ATTRIBUTES = "<IIQiI3Q"
_ATTRIBUTES_SIZE = 48
_IO_CLASSES = {"IOPRIO_CLASS_RT": 1, "IOPRIO_CLASS_BE": 2, "IOPRIO_CLASS_IDLE": 3}
_IO_CLASS_SHIFT = 13

MODES = {
    "MPOL_DEFAULT": 0,
    "MPOL_PREFERRED": 1,
    "MPOL_BIND": 2,
    "MPOL_INTERLEAVE": 3,
    "MPOL_LOCAL": 4,
    "MPOL_PREFERRED_MANY": 5,
    "MPOL_WEIGHTED_INTERLEAVE": 6,
}
MODE_FLAGS = {"MPOL_F_NUMA_BALANCING": 1 << 13, "MPOL_F_RELATIVE_NODES": 1 << 14, "MPOL_F_STATIC_NODES": 1 << 15}
_DOMAINS = {"LINUX": 0, "LINUX32": 8}
# More than the kernel is ever built for.
_MOST = 8192


def add_scheduling(meet: Section, process: Process) -> None:
    """Let the parent set what the process asks for on the child."""
    if process.scheduler:
        meet.add(op.SCHEDULER, "process.scheduler", _attributes(process.scheduler))
    if process.io_priority:
        meet.add(op.IO_PRIORITY, "process.ioPriority", _io_priority(process.io_priority))


def _attributes(scheduler: Scheduler) -> bytes:
    flags = 0
    for name in scheduler.flags:
        flags |= _SCHEDULER_FLAGS[name]
    policy = _POLICIES.index(scheduler.policy)
    times = (scheduler.runtime, scheduler.deadline, scheduler.period)
    return pack(_ATTRIBUTES, _ATTRIBUTES_SIZE, policy, flags, scheduler.nice, scheduler.priority, *times)


def _io_priority(priority: IOPriority) -> int:
    return _IO_CLASSES[priority.class_] << _IO_CLASS_SHIFT | priority.priority


def add_memory_and_personality(child: Section, linux: Linux) -> None:
    """Let the child set what the container asks for; every process of it inherits that, and an exec sets it anew."""
    if linux.memory_policy:
        child.add(op.MEMORY_POLICY, "linux.memoryPolicy", *_memory_policy(linux.memory_policy))
    if linux.personality:
        child.add(op.PERSONALITY, "linux.personality", _DOMAINS[linux.personality.domain])


def _memory_policy(policy: MemoryPolicy) -> tuple[int, bytes]:
    mode = MODES[policy.mode]
    for name in policy.flags:
        mode |= MODE_FLAGS[name]
    return mode, bits(policy.nodes, "linux.memoryPolicy.nodes")


def final_affinity(plan: PlanBuilder, process: Process) -> None:
    """Let the child of an exec, which is in the container's cgroup by now, run on the processors that it asks for."""
    affinity = process.exec_cpu_affinity
    if affinity and affinity.final:
        place = "process.execCPUAffinity.final"
        plan.child.add(op.AFFINITY, place, bits(affinity.final, place))


def bits(text: str, place: str) -> bytes:
    """A list such as `0-3,7` as the kernel's mask, in whole words of 64 bits. Raises ConfigError for a bad list."""
    mask = 0
    for part in text.replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        if not part:
            continue
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise ConfigError(place, f"{part!r} is neither a number nor a range")
        low, high = int(first), int(last or first)
        if not low <= high < _MOST:
            raise ConfigError(place, f"{part!r} is not a range below {_MOST}")
        mask |= (1 << high + 1) - (1 << low)
    return mask.to_bytes((mask.bit_length() + 63) // 64 * 8, "little")

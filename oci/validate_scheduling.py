"""Rules for the scheduler, I/O priority and processors of a process (config.md#linux-process)."""

from __future__ import annotations

from firkin.errors import ConfigError
from firkin.oci.checks import known, known_all
from firkin.oci.json_text import dump

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.oci.runtime_spec.process import ExecCPUAffinity, IOPriority, Process, Scheduler

__all__ = ["check_scheduling"]

_POLICIES = (
    "SCHED_OTHER",
    "SCHED_FIFO",
    "SCHED_RR",
    "SCHED_BATCH",
    "SCHED_ISO",
    "SCHED_IDLE",
    "SCHED_DEADLINE",
)
_FLAGS = (
    "SCHED_FLAG_RESET_ON_FORK",
    "SCHED_FLAG_RECLAIM",
    "SCHED_FLAG_DL_OVERRUN",
    "SCHED_FLAG_KEEP_POLICY",
    "SCHED_FLAG_KEEP_PARAMS",
    "SCHED_FLAG_UTIL_CLAMP_MIN",
    "SCHED_FLAG_UTIL_CLAMP_MAX",
)
_IO_CLASSES = ("IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE")


def check_scheduling(process: Process, prefix: str) -> None:
    """Check what a process says of scheduling; `prefix` is its JSON path with a dot, or "". Raises ConfigError."""
    if process.scheduler:
        _check_scheduler(process.scheduler, f"{prefix}scheduler")
    if process.io_priority:
        _check_io_priority(process.io_priority, f"{prefix}ioPriority")
    if process.exec_cpu_affinity:
        _check_affinity(process.exec_cpu_affinity, f"{prefix}execCPUAffinity")


def _check_scheduler(scheduler: Scheduler, path: str) -> None:
    policy = scheduler.policy
    known(policy, _POLICIES, f"{path}.policy", "scheduling policy")
    known_all(scheduler.flags, _FLAGS, f"{path}.flags", "scheduling flag")
    if not -20 <= scheduler.nice <= 19:
        raise ConfigError(f"{path}.nice", f"must be from -20 to 19, got {scheduler.nice}")
    if scheduler.priority and policy not in ("SCHED_FIFO", "SCHED_RR"):
        raise ConfigError(f"{path}.priority", f"is for SCHED_FIFO and SCHED_RR only, not for {policy}")
    if policy != "SCHED_DEADLINE":
        for name in ("runtime", "deadline", "period"):
            if getattr(scheduler, name):
                raise ConfigError(f"{path}.{name}", f"is for SCHED_DEADLINE only, not for {policy}")


def _check_io_priority(priority: IOPriority, path: str) -> None:
    known(priority.class_, _IO_CLASSES, f"{path}.class", "I/O scheduling class")
    if not 0 <= priority.priority <= 7:
        raise ConfigError(f"{path}.priority", f"must be from 0 to 7, got {priority.priority}")


def _check_affinity(affinity: ExecCPUAffinity, path: str) -> None:
    # The pattern of schema/config-schema.json.
    for name, text in (("initial", affinity.initial), ("final", affinity.final)):
        if not set(text) <= set("0123456789, -"):
            raise ConfigError(f"{path}.{name}", f"must be a list of processors such as 0-3,7, got {dump(text)}")

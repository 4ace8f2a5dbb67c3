"""The container process and what is set on it before it starts (config.md#process)."""

from __future__ import annotations

from firkin.oci.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.oci.record import Int32, Int64, Uint32, Uint64

__all__ = ["Box", "Capabilities", "ExecCPUAffinity", "IOPriority", "Process", "Rlimit", "Scheduler", "User"]


class Box(Record):
    """The size of a terminal in characters."""

    height: Uint64
    width: Uint64


class User(Record):
    """Who the process runs as, in ids of the container; `umask` None leaves the caller's."""

    uid: Uint32 = 0
    gid: Uint32 = 0
    umask: Uint32 | None = None
    additional_gids: tuple[Uint32, ...] = ()
    username: str = ""


class Capabilities(Record):
    """The five capability sets, as names such as CAP_CHOWN."""

    bounding: tuple[str, ...] = ()
    effective: tuple[str, ...] = ()
    inheritable: tuple[str, ...] = ()
    permitted: tuple[str, ...] = ()
    ambient: tuple[str, ...] = ()


class Rlimit(Record):
    """One resource limit; `type` is a name of getrlimit(2)."""

    type: str
    soft: Uint64
    hard: Uint64


class Scheduler(Record):
    """Arguments of sched_setattr(2); `runtime`, `deadline` and `period` are in nanoseconds."""

    policy: str
    nice: Int32 = 0
    priority: Int32 = 0
    flags: tuple[str, ...] = ()
    runtime: Uint64 = 0
    deadline: Uint64 = 0
    period: Uint64 = 0


class IOPriority(Record, class_="class"):
    """Arguments of ioprio_set(2): `class_` is the document's `class`, `priority` goes from 0 (highest) to 7."""

    class_: str
    priority: Int32 = 0


class ExecCPUAffinity(Record):
    """The processors of an exec, as lists like `0-3,7`, before and after it joins the container's cgroup."""

    initial: str = ""
    final: str = ""


class Process(Record, exec_cpu_affinity="execCPUAffinity"):
    """The process to run; also the whole document of an exec. `command_line` and `user.username` are of Windows."""

    cwd: str
    terminal: bool = False
    console_size: Box | None = None
    user: User = User()
    args: tuple[str, ...] = ()
    command_line: str = ""
    env: tuple[str, ...] = ()
    capabilities: Capabilities | None = None
    rlimits: tuple[Rlimit, ...] = ()
    no_new_privileges: bool = False
    apparmor_profile: str = ""
    oom_score_adj: Int64 | None = None
    scheduler: Scheduler | None = None
    selinux_label: str = ""
    io_priority: IOPriority | None = None
    exec_cpu_affinity: ExecCPUAffinity | None = None

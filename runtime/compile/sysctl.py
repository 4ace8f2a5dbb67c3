"""Kernel parameters of the container's namespaces, written through a procfs that nothing else can reach.

Only parameters that belong to a namespace of the container may be set: all others are the host's.
"""

from __future__ import annotations

from firkin.errors import ConfigError
from firkin.runtime.compile.namespaces import CLONE_FLAGS
from firkin.runtime.plan import opcodes as op

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from firkin.runtime.compile.context import Context
    from firkin.runtime.plan.builder import Section

__all__ = ["add_sysctls", "write_sysctls"]

_IPC = frozenset(
    f"kernel.{name}"
    for name in (
        "msgmax",
        "msgmnb",
        "msgmni",
        "sem",
        "shmall",
        "shmmax",
        "shmmni",
        "shm_rmid_forced",
        "msg_next_id",
        "sem_next_id",
        "shm_next_id",
        "auto_msgmni",
    )
)


def _namespace_of(key: str) -> str:
    if key in _IPC or key.startswith("fs.mqueue."):
        return "ipc"
    if key.startswith("net."):
        return "network"
    if key.startswith("user."):
        return "user"
    return "uts" if key in ("kernel.domainname", "kernel.hostname") else ""


def add_sysctls(context: Context) -> None:
    """Compile all sysctls. Raises ConfigError for one that would change the host."""
    if not context.linux.sysctl:
        return
    proc = context.plan.private_slot()
    context.plan.child.add(op.OPEN_PROC, "linux.sysctl", proc)
    write_sysctls(context.plan.child, context.linux.sysctl, proc, context.new | context.joined)


def write_sysctls(child: Section, sysctl: Mapping[str, str], proc: int, types: int) -> None:
    """Write parameters through the procfs in the slot `proc`, for a process that has namespaces of the `types`.

    Raises ConfigError for one that would change the host.
    """
    for key, value in sysctl.items():
        origin = f"linux.sysctl[{key}]"
        path = "sys/" + _path(key)
        _check(types, path[4:].replace("/", "."), key, origin)
        child.add(op.PROC_WRITE, origin, proc, path, value.encode())


def _path(key: str) -> str:
    # As sysctl(8): the first separator tells which of the two is the separator, the other one is part of a name.
    first = min((key.find(c) for c in "./" if c in key), default=-1)
    if first >= 0 and key[first] == "/":
        return key
    return key.translate({ord("."): "/", ord("/"): "."})


def _check(types: int, dotted: str, key: str, origin: str) -> None:
    if key in ("kernel.hostname", "kernel/hostname"):
        raise ConfigError(origin, "is set by `hostname`", hint="use the field hostname")
    kind = _namespace_of(dotted)
    if not kind:
        raise ConfigError(origin, "belongs to no namespace: it would change the host")
    if not types & CLONE_FLAGS[kind]:
        raise ConfigError(origin, f"needs a {kind} namespace: without one it would change the host")

"""Signals for containers."""

from __future__ import annotations

import _signal
import os

from firkin.cgroupfs.tree import Cgroup
from firkin.errors import CgroupGoneError, KernelError, StateError, UsageError
from firkin.runtime.status import STOPPED, check
from firkin.runtime.store import Container, container_ids

__all__ = ["kill", "kill_matching", "matching", "signal_number"]


def signal_number(text: str) -> int:
    """The number of a signal given as number or name, with or without SIG; 0 is none, for a look at the process.

    Raises UsageError for an unknown one.
    """
    if text.isdecimal() and int(text) < _signal.NSIG:
        return int(text)
    name = text.upper()
    name = name if name.startswith("SIG") else f"SIG{name}"
    base, sign, offset = name.partition("+") if "+" in name else name.partition("-")
    number = getattr(_signal, base, None)
    # SIG_IGN and its kind are numbers too, but of something else.
    if isinstance(number, int) and base[3:4] != "_" and (not sign or (base[3:5] == "RT" and offset.isdecimal())):
        number += int(sign + offset) if sign else 0
        if _signal.SIGRTMIN <= number <= _signal.SIGRTMAX or not sign:
            return number
    raise UsageError(f"unknown signal {text!r}", hint="a number, or a name such as TERM or SIGTERM")


def kill(root: str, id: str, signal: str, *, everyone: bool = False) -> None:
    """Send a signal to the container's first process; with `everyone`, to all of its processes.

    SIGKILL reaches all of them too where the container has no pid namespace of its own, as nothing else would end
    them. Raises StateError if it does not run; with `everyone` there is nobody, then, who would have to get it.
    """
    number = signal_number(signal)
    with Container(root, id) as container:
        if everyone and _signal_all(container, number):
            return
        status = container.status()
        if everyone and status == STOPPED:
            return
        check("kill", id, status)
        pidfd = container.open_process()
        if pidfd < 0:
            raise StateError("container not running")
        try:
            _signal.pidfd_send_signal(pidfd, number)
        except ProcessLookupError:
            raise StateError("container not running") from None
        except PermissionError as error:
            # The kill of a cgroup asks nobody's leave.
            if number != _signal.SIGKILL or not _signal_all(container, number):
                hint = "a security module forbids it: a profile of AppArmor needs `signal (receive) peer=unconfined`"
                raise KernelError(f"send signal {number} to the container", error.errno or 0, hint=hint) from None
            return
        finally:
            os.close(pidfd)
        if number == _signal.SIGKILL and not _has_pid_namespace(container):
            _signal_all(container, number)


def _has_pid_namespace(container: Container) -> bool:
    try:
        return os.readlink(f"/proc/{container.pid}/ns/pid") != os.readlink("/proc/self/ns/pid")
    except (FileNotFoundError, ProcessLookupError):
        return False


def _signal_all(container: Container, number: int) -> bool:
    # Frozen, so that a process can't fork its way out of the walk.
    try:
        cgroup = Cgroup(container.cgroup)
    except CgroupGoneError:
        return False
    with cgroup:
        if not cgroup.events().get("populated"):
            return False
        if number == _signal.SIGKILL:
            cgroup.kill()
            return True
        was_frozen = cgroup.events().get("frozen") == 1
        if not was_frozen:
            cgroup.freeze()
        try:
            for pid in cgroup.processes():
                _send(pid, number)
        finally:
            if not was_frozen:
                cgroup.thaw()
    return True


def _send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def matching(pattern: str, ids: list[str]) -> list[str]:
    """The ids that the regular expression matches from their beginning. Raises UsageError for a bad expression."""
    import re

    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"regular expression {pattern!r}: {error}") from None
    return [id for id in ids if expression.match(id)]


def kill_matching(root: str, pattern: str, signal: str, *, everyone: bool = False) -> None:
    """Send a signal to every container whose id the regular expression matches."""
    for id in matching(pattern, container_ids(root)):
        kill(root, id, signal, everyone=everyone)

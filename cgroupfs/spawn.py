"""Starting a program in a cgroup: clone3 with CLONE_INTO_CGROUP, without copying the caller's memory.

Source: clone(2), CLONE_INTO_CGROUP (Linux 5.7), CLONE_PIDFD.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from typing import Any

from firkin.cgroupfs._kernel import ffi, lib
from firkin.cgroupfs.failure import failed
from firkin.cgroupfs.handle import Handle
from firkin.errors import ExecutableError, UsageError

__all__ = ["Spawned", "spawn"]


class Spawned:
    """A process that was started, held by `pidfd`; as a context manager it is killed and reaped at the end."""

    def __init__(self, pid: int, pidfd: int) -> None:
        self.pid = pid
        self.pidfd = pidfd

    def __enter__(self) -> Spawned:
        return self

    def __exit__(self, *_exc: object) -> None:
        if self.pidfd >= 0:
            self.send_signal(signal.SIGKILL)
            self.wait()

    def __del__(self) -> None:
        if self.pidfd >= 0:
            os.close(self.pidfd)

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended. Raises ValueError once it is reaped."""
        if self.pidfd < 0:
            raise ValueError(f"process {self.pid} is reaped")
        signal.pidfd_send_signal(self.pidfd, number)

    def wait(self) -> int:
        """Wait for its end and reap it: its exit status, or minus the signal that ended it."""
        if self.pidfd < 0:
            raise ValueError(f"process {self.pid} is reaped")
        ended = os.waitid(os.P_PIDFD, self.pidfd, os.WEXITED)
        os.close(self.pidfd)
        self.pidfd = -1
        assert ended is not None
        return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status


def spawn(
    group: Handle, arguments: Sequence[str], environment: Mapping[str, str] | None, stdin: int, output: int,
    keep: Sequence[int],
) -> Spawned:  # fmt: skip
    """Start `arguments` in the cgroup; see `Cgroup.spawn`. Raises ExecutableError, CgroupError, UsageError."""
    if not arguments or len(keep) > 2:
        raise UsageError("a program needs arguments that begin with its name, and at most two more descriptors")
    variables = dict(os.environ if environment is None else environment)
    program = _find(arguments[0], variables)
    # What C points to must stay referenced until the call returns.
    held: list[Any] = []
    process = ffi.new("struct process *")
    process.program = _string(program, held)
    process.argv = _vector(arguments, held)
    process.envp = _vector([f"{key}={value}" for key, value in variables.items()], held)
    process.cgroup = group.fileno()
    process.streams = [stdin, output, output]
    process.keep = [*keep, -1, -1][:2]
    process.first_closed = 3
    status = lib.process_start(process)
    if status < 0:
        raise _failure(group, program, OSError(-status, os.strerror(-status)), is_born=process.pid > 0)
    return Spawned(process.pid, process.pidfd)


def _failure(group: Handle, program: str, error: OSError, *, is_born: bool) -> Exception:
    if not is_born and group.has("cgroup.procs"):
        # The rules are those of moving a process there.
        return failed("spawn", f"{group.path}/cgroup.procs", error, program)
    return ExecutableError(f"execute {program}: {error.strerror}", found=not isinstance(error, FileNotFoundError))


def _find(program: str, environment: Mapping[str, str]) -> str:
    if "/" in program:
        return program
    directories = [path or "." for path in environment.get("PATH", os.defpath).split(":")]
    for directory in directories:
        path = f"{directory}/{program}"
        if os.access(path, os.X_OK) and not os.path.isdir(path):
            return path
    raise ExecutableError(f"execute {program}: not found in PATH", found=False)


def _string(text: str, held: list[Any]) -> Any:
    held.append(ffi.new("char[]", os.fsencode(text)))
    return held[-1]


def _vector(texts: Sequence[str], held: list[Any]) -> Any:
    held.append(ffi.new("char *[]", [*(_string(text, held) for text in texts), ffi.NULL]))
    return held[-1]

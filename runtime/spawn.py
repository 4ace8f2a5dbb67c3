"""Running plans: the binding of the spawner in csrc/spawn.h."""

from __future__ import annotations

import os
from _thread import allocate_lock

from firkin.errors import KernelError
from firkin.runtime._native import ffi, lib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Outcome", "run_hook", "run_plan", "start_program", "start_time", "wait"]


class Outcome:
    """What became of a plan.

    `error` is 0 or the errno of the operation `index` of section number `section` (-1: the plan is malformed), with
    more in `detail`; then all is undone, or `undo_error` tells why not. `pid` and `pidfd` are the container's first
    process. `terminal` is the master of its terminal, `output` a file with what hooks wrote. Descriptors are -1
    where there is none, and are the caller's to close.
    """

    __slots__ = ("detail", "error", "index", "output", "pid", "pidfd", "section", "terminal", "undo_error")

    def __init__(
        self,
        *,
        error: int,
        section: int,
        index: int,
        undo_error: int,
        pid: int,
        pidfd: int,
        terminal: int,
        output: int,
        detail: str,
    ) -> None:
        self.error = error
        self.section = section
        self.index = index
        self.undo_error = undo_error
        self.pid = pid
        self.pidfd = pidfd
        self.terminal = terminal
        self.output = output
        self.detail = detail


def run_plan(plan: bytes, streams: tuple[int, int, int] = (-1, -1, -1)) -> Outcome:
    """Run a plan. Raises KernelError if firkin-init can't be had; a failure of the plan is in the outcome.

    Parameters: `streams` are the process's standard input, output and error, -1 for the caller's.
    """
    out = ffi.new("struct spawn_outcome *")
    lib.spawn_plan(ffi.from_buffer(plan), len(plan), _load_init(), streams, out)
    return Outcome(
        error=out.error,
        section=out.section,
        index=out.op,
        undo_error=out.undo_error,
        pid=out.pid,
        pidfd=out.pidfd,
        terminal=out.terminal,
        output=out.output,
        detail=ffi.string(out.detail).decode("utf-8", "replace"),
    )


def _load_init() -> int:
    # One file for all plans of this process: those who run it share its pages.
    global _init
    with _loading:
        if _init < 0:
            path = os.path.dirname(__file__) + "/firkin-init"
            _init = lib.spawn_load_init(os.fsencode(path))
        if _init < 0:
            raise KernelError(f"load {path}", -_init)
        return _init


_init = -1
_loading = allocate_lock()


def run_hook(
    path: str, args: Sequence[str], env: Sequence[str], *, timeout_ms: int, state: bytes, pid: int, output: int
) -> tuple[int, str]:
    """Run a hook to its end; returns 0 or an errno, and how it ended.

    Parameters: `timeout_ms` below 0 waits for ever; `state` is what it reads; `output` is a descriptor that takes
    what it writes, or -1.
    """
    keep = [os.fsencode(text) for text in (path, *args, *env)]
    texts = [ffi.new("char[]", text) for text in keep]
    argv = ffi.new("char *[]", [*texts[1 : 1 + len(args)], ffi.NULL])
    envp = ffi.new("char *[]", [*texts[1 + len(args) :], ffi.NULL])
    data = ffi.from_buffer(state)
    hook = ffi.new("struct spawn_hook *")
    hook.path, hook.args, hook.env = texts[0], argv, envp
    hook.timeout_ms, hook.pid, hook.output = timeout_ms, pid, output
    hook.state, hook.state_size = data, len(state)
    error = -lib.spawn_hook(hook)
    return error, ffi.string(hook.detail).decode("utf-8", "replace")


def start_program(
    path: str,
    args: Sequence[str],
    env: Sequence[str],
    *,
    streams: tuple[int, int, int],
    keep: tuple[int, int] = (-1, -1),
) -> tuple[int, int]:
    """Start a program that is no container's, in a session of its own: its process id and a pidfd, to be reaped.

    Other threads run on meanwhile. Parameters: `streams` are its standard input, output and error, `keep` what it is
    passed on besides; -1 for the caller's, or none. Raises KernelError, also if it can not be executed.
    """
    texts = [ffi.new("char[]", os.fsencode(text)) for text in (path, *args, *env)]
    argv = ffi.new("char *[]", [*texts[1 : 1 + len(args)], ffi.NULL])
    envp = ffi.new("char *[]", [*texts[1 + len(args) :], ffi.NULL])
    program = ffi.new("struct spawn_program *")
    program.path, program.args, program.env = texts[0], argv, envp
    program.streams, program.keep = streams, keep
    error = -lib.spawn_program(program)
    if error:
        raise KernelError(f"execute {path}", error)
    return program.pid, program.pidfd


def start_time(pid: int) -> int:
    """Start time of a process in clock ticks since boot, which with its id names it for ever; -1 if it is gone."""
    ticks: int = lib.spawn_start_time(pid)
    return max(ticks, -1)


def wait(pidfd: int, timeout_ms: int = -1) -> int:
    """Wait for the end of a child and reap it: its exit status, or 256 + the signal that ended it.

    Raises KernelError, with ETIMEDOUT after `timeout_ms` milliseconds (below 0: never).
    """
    status: int = lib.spawn_wait(pidfd, timeout_ms)
    if status < 0:
        raise KernelError("wait for the process", -status)
    return status

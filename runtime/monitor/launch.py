"""Starting containers under monitors.

The monitor runs the plan, so it needs no more than a process that executes a small program; it answers when the plan
is done, which a server can wait for among other things.
"""

from __future__ import annotations

import errno
import os

from firkin.errors import FirkinError, KernelError
from firkin.runtime._monitor import ffi, lib
from firkin.runtime._native import lib as spawner
from firkin.runtime.failure import failure_of
from firkin.runtime.spawn import Outcome, wait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firkin.runtime.nursery import Nursery

__all__ = ["NURSERY", "Launcher", "Order", "Pending", "Started"]

NURSERY: str = ffi.string(lib.MONITOR_NURSERY_PATH).decode()
"""For `Request.nursery`: the nursery of whatever launcher starts the plan, be it after a restart of the server."""

_PROGRAMS = os.path.dirname(os.path.dirname(__file__))
_PARENT = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC


class Order:
    """How a monitor treats one container.

    `log` is the path of its log, "" for none; its directory exists, and is not opened again when the log is. `terminal`
    says that the plan makes one. With `stdin` standard input comes from clients, which `stdin_once` ends with the
    first of them. `max_line` is the length in bytes from which on a line is split in the log, `stall_ms` how long a
    client may take nothing, `kill_ms` how long to wait for the end of the container's other processes once they are
    killed. `cgroup` is a descriptor of the cgroup that the monitor itself lives in, -1 for the caller's.
    """

    __slots__ = ("cgroup", "kill_ms", "log", "max_line", "stall_ms", "stdin", "stdin_once", "terminal")

    def __init__(
        self,
        *,
        log: str = "",
        terminal: bool = False,
        stdin: bool = False,
        stdin_once: bool = False,
        max_line: int = 16384,
        stall_ms: int = 10_000,
        kill_ms: int = 10_000,
        cgroup: int = -1,
    ) -> None:
        self.log = log
        self.terminal = terminal
        self.stdin = stdin
        self.stdin_once = stdin_once
        self.max_line = max_line
        self.stall_ms = stall_ms
        self.kill_ms = kill_ms
        self.cgroup = cgroup

    @property
    def flags(self) -> int:
        """As the protocol has them."""
        flags: int = lib.MONITOR_TERMINAL if self.terminal else 0
        flags |= lib.MONITOR_STDIN if self.stdin else 0
        return flags | (lib.MONITOR_STDIN_ONCE if self.stdin and self.stdin_once else 0)


class Started:
    """A container that runs, or waits for `start` if its plan says so.

    `pid` and `start_time` (clock ticks since boot) name its process, `pidfd` is a descriptor of it for the caller to
    close, `started_ns` the time since the epoch. `monitor` and `monitor_pidfd` are the monitor.
    """

    __slots__ = ("monitor", "monitor_pidfd", "pid", "pidfd", "start_time", "started_ns")

    def __init__(
        self, *, pid: int, start_time: int, started_ns: int, pidfd: int, monitor: int, monitor_pidfd: int
    ) -> None:
        self.pid = pid
        self.start_time = start_time
        self.started_ns = started_ns
        self.pidfd = pidfd
        self.monitor = monitor
        self.monitor_pidfd = monitor_pidfd


class Launcher:
    """Starts monitors; a context manager. Any number of threads may use one.

    Parameters: `nursery` is what plans get that were compiled for NURSERY; it is to be closed after this.
    Raises KernelError if firkin-init can't be had.
    """

    def __init__(self, nursery: Nursery | None = None) -> None:
        self._nursery = nursery
        path = f"{_PROGRAMS}/firkin-init"
        self._program = ffi.new("char[]", os.fsencode(f"{_PROGRAMS}/firkin-monitor"))
        # One file for all containers: they share its pages.
        self._init: int = spawner.spawn_load_init(os.fsencode(path))
        if self._init < 0:
            raise KernelError(f"load {path}", -self._init)

    def __enter__(self) -> Launcher:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of firkin-init; containers that were started keep it."""
        if self._init >= 0:
            os.close(self._init)
            self._init = -1

    def start(self, plan: bytes, directory: int, order: Order) -> Pending:
        """Start a monitor, which begins at once to run the plan.

        Parameters: `plan` runs its container, or creates it; a terminal that it makes goes to no console socket.
        `directory` is a descriptor of the container's own directory, of mode 0700, without a monitor.
        Raises KernelError if there can be no monitor; then nothing has happened.
        """
        log_directory, name = _open_parent(order.log)
        request = ffi.new("struct monitor_request *")
        text = ffi.from_buffer(plan)
        request.program, request.plan, request.plan_size = self._program, text, len(plan)
        request.init, request.directory, request.cgroup = self._init, directory, order.cgroup
        request.log_directory = log_directory
        request.nursery = self._nursery.fileno() if self._nursery else -1
        _fill(request.order, order, name)
        try:
            result: int = lib.monitor_start(request)
        finally:
            if log_directory >= 0:
                os.close(log_directory)
        if result < 0:
            hint = "the container has one that lives" if result == -errno.EBUSY else ""
            raise KernelError("start a monitor", -result, hint=hint)
        return Pending(plan, order, request.pid, request.pidfd, request.socket)


def _open_parent(log: str) -> tuple[int, str]:
    if not log:
        return -1, ""
    parent, name = os.path.split(log)
    if len(os.fsencode(name)) >= lib.MONITOR_NAME or not name:
        raise KernelError(f"open the log {log}", errno.ENAMETOOLONG if name else errno.EISDIR)
    try:
        return os.open(parent or ".", _PARENT), name
    except OSError as error:
        raise KernelError(f"open the log's directory {parent}", error.errno or 0) from error


def _fill(to: Any, order: Order, name: str) -> None:
    to.flags = order.flags
    to.max_line, to.stall_ms, to.kill_ms = order.max_line, order.stall_ms, order.kill_ms
    to.log_name = os.fsencode(name)


class Pending:
    """A start that goes on. `fileno` becomes readable when it has ended; `finish` must be called then.

    `monitor` and `monitor_pidfd` are the monitor, a child of this process.
    """

    __slots__ = ("_order", "_plan", "_socket", "monitor", "monitor_pidfd")

    def __init__(self, plan: bytes, order: Order, monitor: int, monitor_pidfd: int, socket: int) -> None:
        self._plan = plan
        self._order = order
        self._socket = socket
        self.monitor = monitor
        self.monitor_pidfd = monitor_pidfd

    def fileno(self) -> int:
        """The socket that the answer comes from."""
        return self._socket

    def finish(self) -> Started:
        """Wait for the end of the start.

        Raises FirkinError in the words of the document if it failed. Then the monitor is gone and reaped, and all is
        undone, unless the monitor itself was killed: `delete --force` finishes that.
        """
        answer = ffi.new("struct monitor_answer *")
        descriptors = ffi.new("int[2]", [-1, -1])
        try:
            result: int = lib.monitor_receive_answer(self._socket, answer, descriptors, descriptors + 1)
        finally:
            os.close(self._socket)
            self._socket = -1
        pidfd, output = descriptors
        try:
            if result == 0 and not answer.error:
                return self._started(answer, pidfd)
            raise self._failure(result, answer, output)
        finally:
            if output >= 0:
                os.close(output)

    def _started(self, answer: Any, pidfd: int) -> Started:
        return Started(
            pid=answer.pid,
            start_time=answer.start_time,
            started_ns=answer.started_ns,
            pidfd=pidfd,
            monitor=self.monitor,
            monitor_pidfd=self.monitor_pidfd,
        )

    def _failure(self, result: int, answer: Any, output: int) -> FirkinError:
        status = wait(self.monitor_pidfd)
        os.close(self.monitor_pidfd)
        if result == -errno.EPIPE:
            ended = f"was ended by signal {status - 256}" if status >= 256 else f"exited with status {status}"
            return FirkinError(f"start the container: its monitor {ended} before it answered")
        if result < 0:
            return KernelError("receive the answer of a monitor", -result)
        if answer.stage != lib.MONITOR_AT_PLAN:
            return self._failed_before_plan(answer.stage, answer.error)
        return failure_of(self._plan, _outcome(answer, output))

    def _failed_before_plan(self, stage: int, error: int) -> FirkinError:
        if stage == lib.MONITOR_AT_LOG:
            hint = "it is not a regular file" if error in (errno.EINVAL, errno.ENXIO, errno.EISDIR) else ""
            return KernelError(f"open the log {self._order.log}", error, hint=hint)
        what = {
            lib.MONITOR_AT_RECORD: "make the record of the container's end",
            lib.MONITOR_AT_STREAMS: "make the container's standard streams",
        }
        return KernelError(what.get(stage, "give the monitor its order"), error)


def _outcome(answer: Any, output: int) -> Outcome:
    return Outcome(
        error=answer.error,
        section=answer.section,
        index=answer.op,
        undo_error=answer.undo_error,
        pid=0,
        pidfd=-1,
        terminal=-1,
        output=output,
        detail=ffi.string(answer.detail).decode("utf-8", "replace"),
    )

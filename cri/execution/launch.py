"""Starting a program in a container, with its streams here."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from firkin.cri.streaming.process_session import ProcessSession, child_exit
from firkin.errors import ConfigError, FirkinError, KernelError, StateError
from firkin.oci.record import replace
from firkin.oci.runtime_spec import Linux, Process
from firkin.oci.runtime_spec.config import load_config
from firkin.runtime.compile.execution import ExecRequest, compile_exec
from firkin.runtime.compile.request import Host
from firkin.runtime.create import run_or_raise
from firkin.runtime.spawn import Outcome
from firkin.runtime.store import Container

__all__ = ["Launcher", "Program", "Wish", "document_of", "is_ending", "pipes"]

_EXITING = 4
"""PF_EXITING of include/linux/sched.h."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be run, and which of its streams somebody is at the other end of."""

    args: tuple[str, ...]
    stdin: bool = False
    stdout: bool = True
    stderr: bool = True
    terminal: bool = False

    @property
    def streams(self) -> list[int]:
        """The numbers of those streams."""
        return [number for number, wanted in enumerate((self.stdin, self.stdout, self.stderr)) if wanted]


class Ended(Protocol):
    """The end of a program."""

    async def wait(self) -> int:
        """The exit code, once it has ended. Any number may wait."""

    def kill(self) -> None:
        """Kill it, if it still runs."""


class Program:
    """A program that runs, and the session with it."""

    def __init__(self, ended: Ended, session: ProcessSession) -> None:
        self._ended = ended
        self.session = session

    async def kill(self) -> None:
        """Kill it, if it still runs, and wait for its end."""
        self._ended.kill()
        await self._ended.wait()


class Launcher:
    """Starts programs in the containers whose records are below `root`."""

    def __init__(self, root: str, host: Host) -> None:
        self._root = root
        self._host = host

    async def launch(self, container: str, wish: Wish) -> Program:
        """Start a program in a container, with the rights and the environment of the container's own.

        Raises StateError if the container does not run, ExecutableError, FirkinError.
        """
        # The plan is short, but it waits for the program's execution.
        outcome, session_ends = await asyncio.to_thread(self._spawn, container, wish)
        ended = _Ended(outcome.pidfd)
        if wish.terminal:
            session = ProcessSession(ended.wait, terminal=outcome.terminal, reads=wish.stdin)
        else:
            session = ProcessSession(
                ended.wait, stdin=session_ends.get(0), stdout=session_ends.get(1), stderr=session_ends.get(2)
            )
        return Program(ended, session)

    def _spawn(self, container: str, wish: Wish) -> tuple[Outcome, dict[int, int]]:
        with Container(self._root, container) as record:
            pid, started = record.pid, record.state.get("startTime")
        if not pid or not isinstance(started, int):
            raise StateError(f"container {container}: does not run")
        plan = self._compile(container, wish, pid, started)
        try:
            return _run(plan, wish)
        except FirkinError as error:
            # A namespace can not be entered any more when its first process has begun to end.
            if not is_ending(pid, started):
                raise
            raise StateError(f"container {container}: does not run") from error

    def _compile(self, container: str, wish: Wish, pid: int, started: int) -> bytes:
        linux, base = document_of(self._root, container)
        process = replace(base, args=wish.args, terminal=wish.terminal, console_size=None)
        request = ExecRequest(pid=pid, start_time=started, foreground=True)
        plan, _warnings = compile_exec(linux, process, request, self._host)
        return plan


def _run(plan: bytes, wish: Wish) -> tuple[Outcome, dict[int, int]]:
    if wish.terminal:
        with pipes(()) as (theirs, _):
            return run_or_raise(plan, theirs), {}
    with pipes(wish.streams) as (theirs, ours):
        return run_or_raise(plan, theirs), ours


def is_ending(pid: int, started: int) -> bool:
    """Whether the process of this id and start time has ended, or has begun to (proc_pid_stat(5), `flags`)."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return bool(int(fields[6]) & _EXITING) or int(fields[19]) != started


class _Ended:
    # The end of a child can be waited for by several, and is to be reaped once.
    def __init__(self, pidfd: int) -> None:
        self._pidfd = pidfd
        self._task: asyncio.Task[int] | None = None

    async def wait(self) -> int:
        if self._task is None:
            self._task = asyncio.create_task(child_exit(self._pidfd))
        return await asyncio.shield(self._task)

    def kill(self) -> None:
        # The descriptor is closed when the task is done, and its number may be another file's.
        if self._task is not None and self._task.done():
            return
        try:
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        except PermissionError as error:
            hint = "the container's AppArmor profile lets nobody send it"
            raise KernelError("kill a program in the container", error.errno or 0, hint=hint) from None


@lru_cache(maxsize=32)
def document_of(root: str, container: str) -> tuple[Linux, Process]:
    """What the record below `root` has of a container's configuration. Raises NotFoundError, ConfigError."""
    # It is that of the container's creation, and probes come again and again.
    with Container(root, container) as record:
        config = load_config(record.config_text())
    if config.linux is None or config.process is None:
        raise ConfigError("process", "is missing")
    return config.linux, config.process


@contextmanager
def pipes(wanted: Sequence[int]) -> Iterator[tuple[tuple[int, int, int], dict[int, int]]]:
    """A program's standard streams, and our ends of those that are `wanted`; the others are /dev/null.

    The program's are closed at the end of the context, ours by a failure in it.
    """
    theirs: dict[int, int] = {}
    ours: dict[int, int] = {}
    try:
        for number in range(3):
            if number in wanted:
                reader, writer = os.pipe2(os.O_CLOEXEC)
                theirs[number], ours[number] = (reader, writer) if number == 0 else (writer, reader)
            else:
                theirs[number] = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        yield (theirs[0], theirs[1], theirs[2]), ours
    except BaseException:
        for fd in ours.values():
            os.close(fd)
        raise
    finally:
        for fd in theirs.values():
            os.close(fd)

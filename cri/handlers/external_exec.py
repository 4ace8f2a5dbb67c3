"""One more program in a container of another runtime.

`exec --detach` leaves a process without a parent. firkin-plan runs the command, becomes the parent, and ends with the
process's exit status; so the streams are the process's own, and nothing has to pass them on.
"""

from __future__ import annotations

import array
import asyncio
import os
import signal
import socket
import tempfile
from collections.abc import Callable

from firkin.cri.execution.launch import Program, Wish, document_of, pipes
from firkin.cri.handlers.command import words_in
from firkin.cri.places import Places
from firkin.cri.streaming.descriptors import settle
from firkin.cri.streaming.process_session import ProcessSession, child_exit
from firkin.errors import FirkinError
from firkin.oci.encoding import encode
from firkin.oci.json_text import dump
from firkin.oci.record import replace
from firkin.oci.snapshots.trees import remove_tree
from firkin.runtime import spawn
from firkin.runtime.compile.external import ENVIRONMENT, ExternalRuntime, compile_external_exec

__all__ = ["launch"]

_PLAN = os.path.dirname(spawn.__file__) + "/firkin-plan"
_TOLD = 3
"""The descriptor that firkin-plan tells the process's id on."""

_RuntimeOf = Callable[[str, str], ExternalRuntime]


async def launch(runtime_of: _RuntimeOf, places: Places, container: str, wish: Wish) -> Program:
    """Start a program.

    Parameters: `runtime_of` makes the runtime for the paths of a log and of a socket for terminals.
    Raises NotFoundError, ConfigError, and FirkinError with what the runtime says.
    """
    attempt = await asyncio.to_thread(_Attempt, runtime_of, places, container, wish)
    try:
        return await attempt.finish()
    except BaseException:
        await asyncio.to_thread(attempt.clear)
        raise


class _Attempt:
    # From the start of firkin-plan until it has told of the process, or has failed.
    def __init__(self, runtime_of: _RuntimeOf, places: Places, container: str, wish: Wish) -> None:
        self._wish = wish
        self._directory = tempfile.mkdtemp(prefix="exec-", dir=places.container(container))
        self._listener: socket.socket | None = None
        self._ours: dict[int, int] = {}
        try:
            self._runtime = runtime_of(f"{self._directory}/log", f"{places.consoles}/{os.urandom(8).hex()}")
            self._write(places, container)
            with pipes(() if wish.terminal else wish.streams) as (theirs, self._ours):
                self._told, self.pidfd, self.pid = _start(f"{self._directory}/plan", theirs)
        except BaseException:
            self.clear()
            raise

    def _write(self, places: Places, container: str) -> None:
        _, base = document_of(places.runtime, container)
        process = replace(base, args=self._wish.args, terminal=self._wish.terminal, console_size=None)
        arguments = ["--process", f"{self._directory}/process.json", container]
        if self._wish.terminal:
            self._listener = _listen(self._runtime.console)
            arguments[:0] = ["--console-socket", self._runtime.console]
        plan = compile_external_exec(self._directory, self._runtime, arguments)
        _save(f"{self._directory}/process.json", dump(encode(process)).encode("utf-8", "surrogateescape"))
        _save(f"{self._directory}/plan", plan)

    async def finish(self) -> Program:
        process = await _number(self._told)
        if not process:
            await child_exit(self.pidfd)
            self._close_ours()
            raise FirkinError(f"runtime handler {self._runtime.name}: exec: {self._words()}")
        ended = _Ended(self, process)
        try:
            session = self._session(ended)
        except BaseException:
            ended.kill()
            await ended.wait()
            raise
        return Program(ended, session)

    def _session(self, ended: _Ended) -> ProcessSession:
        if self._listener is None:
            ours = self._ours
            return ProcessSession(ended.wait, stdin=ours.get(0), stdout=ours.get(1), stderr=ours.get(2))
        return ProcessSession(ended.wait, terminal=_receive(self._listener), reads=self._wish.stdin)

    def _words(self) -> str:
        try:
            with open(f"{self._directory}/log", encoding="utf-8", errors="replace") as file:
                return words_in(file.read()) or "failed"
        except FileNotFoundError:
            return "failed, and wrote no log"

    def _close_ours(self) -> None:
        for fd in self._ours.values():
            os.close(fd)
        self._ours = {}

    def clear(self) -> None:
        """Remove what is on disk."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            try:
                os.unlink(self._runtime.console)
            except FileNotFoundError:
                pass
        remove_tree(self._directory)


class _Ended:
    # The end of the process is that of firkin-plan, a child of this process.
    def __init__(self, attempt: _Attempt, process: int) -> None:
        self._attempt = attempt
        self._process = process
        self._task: asyncio.Task[int] | None = None

    async def wait(self) -> int:
        if self._task is None:
            self._task = asyncio.create_task(self._wait())
        return await asyncio.shield(self._task)

    async def _wait(self) -> int:
        try:
            return await child_exit(self._attempt.pidfd)
        finally:
            await asyncio.to_thread(self._attempt.clear)

    def kill(self) -> None:
        try:
            pidfd = os.pidfd_open(self._process)
        except ProcessLookupError:
            return
        try:
            # A number that was given away meanwhile belongs to a process with another parent.
            if _parent(self._process) == self._attempt.pid:
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        except ProcessLookupError:
            return
        finally:
            os.close(pidfd)


def _save(path: str, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)


def _start(plan: str, streams: tuple[int, int, int]) -> tuple[int, int, int]:
    # Returns where the process's id will come, and firkin-plan.
    told, tells = os.pipe2(os.O_CLOEXEC)
    try:
        actions = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate((*streams, tells))]
        pid = os.posix_spawn(
            _PLAN, ["firkin-plan", plan, str(_TOLD)], dict(pair.split("=", 1) for pair in ENVIRONMENT),
            file_actions=actions,
        )  # fmt: skip
    except BaseException:
        os.close(told)
        raise
    finally:
        os.close(tells)
    return told, os.pidfd_open(pid), pid


async def _number(fd: int) -> int:
    # What is written there by the end of the file, 0 if nothing is.
    loop = asyncio.get_running_loop()
    text = b""
    try:
        while True:
            readable: asyncio.Future[None] = loop.create_future()
            loop.add_reader(fd, settle, readable)
            try:
                await readable
            finally:
                loop.remove_reader(fd)
            part = os.read(fd, 64)
            if not part:
                return int(text or b"0")
            text += part
    finally:
        os.close(fd)


def _listen(path: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        os.fchmod(listener.fileno(), 0o600)
        listener.bind(path)
        listener.listen(1)
    except OSError as error:
        listener.close()
        raise FirkinError(f"listen at {path}: {error.strerror or error}") from error
    return listener


def _receive(listener: socket.socket) -> int:
    # The runtime has ended, so what it had to say is there, or never comes.
    try:
        connection, _ = listener.accept()
        with connection:
            connection.setblocking(False)
            _, sent, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(4), socket.MSG_CMSG_CLOEXEC)
    except BlockingIOError:
        raise FirkinError("exec: the runtime has sent no terminal") from None
    terminals = array.array("i")
    for level, kind, data in sent:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            terminals.frombytes(data[: len(data) - len(data) % terminals.itemsize])
    if len(terminals) != 1:
        raise FirkinError("exec: the runtime has sent no terminal")
    return terminals[0]


def _parent(pid: int) -> int:
    # proc_pid_stat(5), field 4; 0 if it is gone.
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0

"""A runtime for the streaming server whose containers are processes of this machine."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
from functools import partial
from typing import TYPE_CHECKING

from firkin.cri.streaming.descriptors import SocketConnection
from firkin.cri.streaming.dialer import connect_in
from firkin.cri.streaming.events import Stream
from firkin.cri.streaming.process_session import ProcessSession, child_exit
from firkin.errors import FirkinError, NotFoundError

if TYPE_CHECKING:
    from firkin.cri.streaming.command import Wanted
    from firkin.cri.streaming.request import AttachRequest, ExecRequest
    from firkin.cri.streaming.session import Connection, Session

__all__ = ["LocalRuntime"]


class LocalRuntime:
    """Runs commands here, for any container but `missing`, and connects to ports in the network namespace `netns`.

    With "" that is this one, without asking for it by name, which takes root.
    """

    def __init__(self, netns: str = "", silence: float = 5) -> None:
        self._netns = netns
        self._silence = silence
        self.attached: tuple[str, ...] = ("cat",)
        self.running = 0
        self.connected = 0
        self._processes: list[subprocess.Popen[bytes]] = []

    async def exec(self, request: ExecRequest) -> Session:
        if request.container == "missing":
            raise NotFoundError("container missing: there is none")
        return self._session(request.wanted, request.command)

    async def attach(self, request: AttachRequest) -> Session:
        return self._session(request.wanted, self.attached)

    async def connect(self, sandbox: str, port: int) -> Connection:
        if self._netns:
            return await connect_in(self._netns, port, 30)
        sock = socket.socket()
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        except ConnectionRefusedError as error:
            sock.close()
            raise FirkinError("Connection refused") from error
        self.connected += 1
        return _CountedConnection(self, sock)

    def close(self) -> None:
        """End what still runs."""
        for process in self._processes:
            process.kill()
            process.wait()

    def _session(self, wanted: Wanted, command: tuple[str, ...]) -> Session:
        return self._with_terminal(wanted, command) if wanted.tty else self._with_pipes(wanted, command)

    def _with_pipes(self, wanted: Wanted, command: tuple[str, ...]) -> Session:
        theirs, ours = [subprocess.DEVNULL] * 3, dict.fromkeys(("stdin", "stdout", "stderr"), -1)
        for stream in wanted.streams():
            end, other = os.pipe()
            theirs[stream], ours[stream.name.lower()] = (end, other) if stream is Stream.STDIN else (other, end)
        try:
            process = subprocess.Popen(command, stdin=theirs[0], stdout=theirs[1], stderr=theirs[2])
        except OSError:
            for stream in wanted.streams():
                os.close(ours[stream.name.lower()])
            raise
        finally:
            for stream in wanted.streams():
                os.close(theirs[stream])
        return self._counted(process, {name: fd for name, fd in ours.items() if fd >= 0})

    def _with_terminal(self, wanted: Wanted, command: tuple[str, ...]) -> Session:
        master, slave = os.openpty()
        leader = ("setsid", "--ctty", "--wait", *command)
        process = subprocess.Popen(leader, stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)
        return self._counted(process, {"terminal": master, "reads": wanted.stdin})

    def _counted(self, process: subprocess.Popen[bytes], descriptors: dict[str, int]) -> Session:
        self._processes.append(process)
        self.running += 1
        return _Counted(self, process.pid, self._silence, descriptors)


class _CountedConnection(SocketConnection):
    """Says to the runtime when it is closed."""

    def __init__(self, runtime: LocalRuntime, sock: socket.socket) -> None:
        super().__init__(sock)
        self._runtime = runtime

    def abort(self) -> None:
        super().abort()
        self._runtime.connected -= 1


class _Counted(ProcessSession):
    """Says to the runtime when it is closed."""

    def __init__(self, runtime: LocalRuntime, pid: int, silence: float, descriptors: dict[str, int]) -> None:
        super().__init__(partial(child_exit, os.pidfd_open(pid)), silence=silence, **descriptors)  # type: ignore[arg-type]
        self._runtime = runtime

    async def close(self) -> None:
        await super().close()
        self._runtime.running -= 1

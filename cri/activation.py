"""The socket at which a service manager listens for the server, and whose name the server's own has while it serves.

gRPC serves only what it has bound itself. So the server binds its own socket beside the manager's, and takes the name
over by rename(2); the manager's keeps a second name, PATH.manager, and gets the first one back when the server ends.
Clients that the manager has in its queue by then, and such as come to it later, are relayed.
Source: sd_listen_fds(3), systemd.socket(5), unix(7).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket

from firkin import log
from firkin.cri.relay import Relays
from firkin.errors import KernelError, StateError
from firkin.notify import handed_over

__all__ = ["ManagerSocket", "manager_socket"]

_KEPT = ".manager"

_LOGGER = log.to("activation")


def manager_socket(path: str) -> ManagerSocket | None:
    """The socket at `path` that the service manager has handed over, None if there is none.

    Raises StateError for several, or one that is not what the server is to serve.
    """
    descriptors = handed_over()
    if not descriptors:
        return None
    if len(descriptors) > 1:
        hint = "name one ListenStream= in the socket unit"
        raise StateError(f"{len(descriptors)} sockets were handed over: one is served", hint=hint)
    try:
        handed = socket.socket(fileno=descriptors[0])
        accepts = handed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        found = handed.getsockname() if handed.family == socket.AF_UNIX and accepts else ""
    except OSError as error:
        raise StateError(f"descriptor {descriptors[0]} was handed over as a socket: {error.strerror}") from error
    if found != path:
        hint = "ListenStream= of the socket unit and cri.socket must be the same"
        raise StateError(
            f"a socket was handed over that does not listen on {path} but {found or 'elsewhere'}", hint=hint
        )
    return ManagerSocket(handed, path)


class ManagerSocket:
    """A listening socket of the manager that was bound to `path`, where the server is to be found."""

    def __init__(self, handed: socket.socket, path: str) -> None:
        self._handed = handed
        self._path = path
        self._kept = f"{path}{_KEPT}"
        self._relays = Relays(path)
        self._waiting: list[socket.socket] = []
        self._own: tuple[int, int] | None = None
        handed.setblocking(False)
        handed.set_inheritable(False)

    def give_way(self, own: str) -> None:
        """Let the socket at `own` have the name, and relay to it whoever comes to this one. Raises KernelError."""
        try:
            self._keep()
            os.rename(own, self._path)
            self._own = _identity(self._path)
        except OSError as error:
            raise KernelError(f"take over the name {self._path}", error.errno or 0) from error
        asyncio.get_running_loop().add_reader(self._handed.fileno(), self._accept)
        for client in self._waiting:
            self._relays.add(client)
        self._waiting.clear()

    def take_back(self) -> None:
        """Have the name again: who connects from now on waits for the next server. Raises KernelError."""
        asyncio.get_running_loop().remove_reader(self._handed.fileno())
        try:
            if self._own != _identity(self._path):
                # Somebody else has it, and the manager's socket has come to an end.
                _unlink(self._kept)
            elif _identity(self._kept):
                os.rename(self._kept, self._path)
            else:
                _unlink(self._path)
        except OSError as error:
            raise KernelError(f"give back the name {self._path}", error.errno or 0) from error

    async def close(self) -> None:
        """End the connections that are relayed, and let go of the socket, which stays the manager's."""
        await self._relays.close()
        self._handed.close()

    def _keep(self) -> None:
        # A server that was killed has left its own dead socket at the path, and this one's second name.
        if self._is_at(self._path):
            _unlink(self._kept)
            os.link(self._path, self._kept)
        elif not self._is_at(self._kept):
            _LOGGER.warning(
                "the service manager's socket has lost its name %s: it starts this server no more until the socket "
                "unit is started again", self._path,
            )  # fmt: skip

    def _is_at(self, path: str) -> bool:
        # Whether who connects there comes to this socket: nothing else tells whose name it is.
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as probe:
            probe.setblocking(False)
            # A name that the kernel makes up, and that only this one has.
            probe.bind("")
            for _ in range(2):
                try:
                    probe.connect(path)
                    return self._take_waiting(probe.getsockname())
                except BlockingIOError:
                    # Its queue is full, if it is this one's: that can be helped.
                    self._take_waiting()
                except (FileNotFoundError, ConnectionRefusedError):
                    return False
        return False

    def _take_waiting(self, wanted: bytes = b"") -> bool:
        # Whether the one with that name was among them.
        is_found = False
        while True:
            try:
                client, name = self._handed.accept()
            except BlockingIOError:
                return is_found
            if wanted and name == wanted:
                client.close()
                is_found = True
            else:
                self._waiting.append(client)

    def _accept(self) -> None:
        try:
            client, _ = self._handed.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        self._relays.add(client)


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _unlink(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)

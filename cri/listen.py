"""The socket at which CRI is served."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable

import grpc

from firkin.cri.access import grant, let_through, resolve
from firkin.cri.activation import ManagerSocket
from firkin.cri.config import Config
from firkin.cri.rpc import Dispatcher
from firkin.errors import FirkinError, KernelError

__all__ = ["listen"]

_GRACE = 20.0
"""Seconds that calls which were begun have to end when the server stops."""

_LARGEST_MESSAGE = 16 << 20
_OWN = ".own"


async def listen(
    config: Config, dispatcher: Dispatcher, manager: ManagerSocket | None = None
) -> Callable[[], Awaitable[None]]:
    """Serve the calls of `dispatcher`; returns what ends that. Raises FirkinError.

    Parameters: `manager` is the socket of a service manager at the same path.
    """
    access = resolve(config.socket_users, config.socket_group)
    directory = os.path.dirname(config.socket)
    os.makedirs(directory, 0o700, exist_ok=True)
    let_through(directory, access)
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", _LARGEST_MESSAGE),
            # Two streams of ExecSync at their most, and what is around them.
            ("grpc.max_send_message_length", 3 * _LARGEST_MESSAGE),
        ]
    )
    server.add_generic_rpc_handlers(dispatcher.handlers())
    # The name of a manager's socket is taken when there is one to answer.
    path = f"{config.socket}{_OWN}" if manager else config.socket
    _remove(path)
    _bind(server, path)
    grant(path, access)
    await server.start()
    if manager:
        manager.give_way(path)

    async def stop() -> None:
        if manager:
            manager.take_back()
        await server.stop(_GRACE)
        await dispatcher.drain(_GRACE)
        if manager:
            await manager.close()
        else:
            _remove(config.socket)

    return stop


def _bind(server: grpc.aio.Server, path: str) -> None:
    # Born with mode 0600: nobody can connect before it is said who may.
    before = os.umask(0o177)
    try:
        server.add_insecure_port(f"unix:{path}")
    except RuntimeError as error:
        raise FirkinError(f"listen on {path}: {error}") from error
    finally:
        os.umask(before)


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise KernelError(f"remove {path}", error.errno or 0) from error

"""The socket at which CRI is served."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable

import grpc

from firkin.cri.access import grant, let_through, resolve
from firkin.cri.config import Config
from firkin.cri.rpc import Dispatcher
from firkin.errors import FirkinError, KernelError

__all__ = ["listen"]

_GRACE = 20.0
"""Seconds that calls which were begun have to end when the server stops."""

_LARGEST_MESSAGE = 16 << 20


async def listen(config: Config, dispatcher: Dispatcher) -> Callable[[], Awaitable[None]]:
    """Serve the calls of `dispatcher`; returns what ends that. Raises FirkinError."""
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
    _remove(config.socket)
    _bind(server, config.socket)
    grant(config.socket, access)
    await server.start()

    async def stop() -> None:
        await server.stop(_GRACE)
        await dispatcher.drain(_GRACE)
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

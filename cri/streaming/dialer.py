"""Connections to ports inside of a network namespace."""

from __future__ import annotations

import asyncio
import os
import socket

from firkin.cri._netns import lib
from firkin.cri.streaming.descriptors import SocketConnection
from firkin.errors import FirkinError, KernelError, NotFoundError

__all__ = ["connect_in", "socket_in"]

# What listens on "localhost" may do so on one of them only.
_LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


async def connect_in(netns: str, port: int, patience: float) -> SocketConnection:
    """Connect to `port` of the loopback interface of the namespace `netns`, a path: IPv4 first, then IPv6.

    Raises NotFoundError if there is no such namespace, FirkinError with both reasons if neither answers within
    `patience` seconds.
    """
    try:
        fd = os.open(netns, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise NotFoundError(f"network namespace {netns}: {error.strerror}") from error
    try:
        return await _connect(fd, port, patience)
    finally:
        os.close(fd)


def socket_in(netns: int, family: int, kind: int) -> socket.socket:
    """A socket of `family` and `kind` in the namespace that the descriptor `netns` is of; it does not block.

    Only the calling thread is in that namespace, and for no longer than this takes. Raises KernelError.
    """
    fd = lib.netns_socket(netns, family, kind)
    if fd < 0:
        raise KernelError("socket in a network namespace", -fd)
    return socket.socket(fileno=fd)


async def _connect(netns: int, port: int, patience: float) -> SocketConnection:
    reasons = []
    for family, address in _LOOPBACK:
        try:
            async with asyncio.timeout(patience):
                return SocketConnection(await _connected(socket_in(netns, family, socket.SOCK_STREAM), address, port))
        except TimeoutError:
            reasons.append(f"{address}: no answer in {patience:.0f} s")
        except (OSError, KernelError) as error:
            reasons.append(f"{address}: {os.strerror(error.errno or 0)}")
    raise FirkinError(f"connect to localhost port {port} of the sandbox: {'; '.join(reasons)}")


async def _connected(sock: socket.socket, address: str, port: int) -> socket.socket:
    try:
        await asyncio.get_running_loop().sock_connect(sock, (address, port))
    except BaseException:
        sock.close()
        raise
    return sock

"""Connections to pods, and why there is none, in the words of Go's net package that Kubernetes' events have."""

from __future__ import annotations

import asyncio
import os
import socket

__all__ = ["DialError", "dial", "go_seconds", "join_host_port", "reason_of"]

_LOOKUP = "no such host"


class DialError(Exception):
    """There is no connection; the text says to where and why."""


async def dial(host: str, port: int) -> socket.socket:
    """A connection to an address or a name. Raises DialError; is to be cancelled by who has no more patience."""
    family, address = await _resolve(host, port)
    connection = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        await asyncio.get_running_loop().sock_connect(connection, address)
    except OSError as error:
        connection.close()
        place = join_host_port(str(address[0]), port)
        raise DialError(f"dial tcp {place}: connect: {reason_of(error)}") from error
    except BaseException:
        connection.close()
        raise
    return connection


async def _resolve(host: str, port: int) -> tuple[int, tuple[str | int | bytes, ...]]:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return family, (host, port)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise DialError(f"dial tcp: lookup {host}: {_LOOKUP}") from error
    family, _, _, _, address = found[0]
    return family, tuple(address)


def reason_of(error: OSError) -> str:
    """What the kernel said."""
    return os.strerror(error.errno).lower() if error.errno else str(error)


def join_host_port(host: str, port: int) -> str:
    """`host:port`, with brackets around what has colons."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def go_seconds(seconds: int) -> str:
    """A duration as Go writes it: 5s, 1m30s, 1h0m0s."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m{rest}s" if hours else f"{minutes}m{rest}s" if minutes else f"{rest}s"

"""Listens at local ports, and leads each connection to a port of a pod over a WebSocket of its own."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Sequence
from functools import partial

from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.exceptions import InvalidHandshake, WebSocketException
from websockets.typing import Subprotocol

from firkin.errors import FirkinError

__all__ = ["forward"]

_DATA, _ERROR = 0, 1
_PROTOCOL = Subprotocol("v4.channel.k8s.io")
_PIECE = 1 << 16


def forward(agent: str, pod: str, pairs: Sequence[tuple[int, int]], addresses: Sequence[str]) -> None:
    """Forward until interrupted.

    Parameters: `agent` is the agent's socket, `pod` the path of the pod in its API, `pairs` are local and remote ports,
    0 for a free local one. Raises FirkinError if no port can be listened at.
    """
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(agent, pod, pairs, addresses))


async def _serve(agent: str, pod: str, pairs: Sequence[tuple[int, int]], addresses: Sequence[str]) -> None:
    servers = []
    for local, remote in pairs:
        servers += await _listen(agent, pod, local, remote, addresses)
    try:
        await asyncio.gather(*(server.serve_forever() for server in servers))
    finally:
        for server in servers:
            server.close()


async def _listen(agent: str, pod: str, local: int, remote: int, addresses: Sequence[str]) -> list[asyncio.Server]:
    servers: list[asyncio.Server] = []
    failed: list[OSError] = []
    for host in _hosts(addresses):
        try:
            server = await asyncio.start_server(partial(_connected, agent, pod, remote), host, local, limit=_PIECE)
        except OSError as error:
            # localhost is forwarded if one of its two addresses is there.
            failed.append(error)
            continue
        local = server.sockets[0].getsockname()[1]
        place = f"[{host}]:{local}" if ":" in host else f"{host}:{local}"
        sys.stdout.write(f"Forwarding from {place} -> {remote}\n")
        sys.stdout.flush()
        servers.append(server)
    if not servers:
        raise FirkinError(f"unable to listen on any of the requested ports: {local}:{remote}: {failed[0].strerror}")
    return servers


def _hosts(addresses: Sequence[str]) -> list[str]:
    hosts = [host for name in addresses for host in (("127.0.0.1", "::1") if name == "localhost" else (name,))]
    return list(dict.fromkeys(hosts))


async def _connected(
    agent: str, pod: str, remote: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    port = writer.get_extra_info("sockname")[1]
    sys.stdout.write(f"Handling connection for {port}\n")
    sys.stdout.flush()
    target = f"ws://agent{pod}/portforward?ports={remote}"
    try:
        async with unix_connect(
            agent, target, subprotocols=[_PROTOCOL], max_size=None, compression=None, ping_interval=None
        ) as connection:
            await _move_both(connection, reader, writer)
    except (OSError, InvalidHandshake, WebSocketException) as error:
        sys.stderr.write(f"error: forwarding {port} -> {remote}: {error}\n")
    finally:
        with contextlib.suppress(OSError):
            writer.close()


async def _move_both(connection: ClientConnection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    there = asyncio.create_task(_to_pod(connection, reader))
    try:
        await _to_client(connection, writer)
    finally:
        there.cancel()
        await asyncio.gather(there, return_exceptions=True)


async def _to_pod(connection: ClientConnection, reader: asyncio.StreamReader) -> None:
    while data := await reader.read(_PIECE):
        await connection.send(bytes([_DATA]) + data)
    # The protocol has no half of an end.
    await connection.close()


async def _to_client(connection: ClientConnection, writer: asyncio.StreamWriter) -> None:
    # The first message of each channel says its port.
    begun: set[int] = set()
    async for message in connection:
        data = message if isinstance(message, bytes) else message.encode()
        channel, data = data[0], data[1:]
        if channel not in begun:
            begun.add(channel)
        elif channel == _DATA:
            writer.write(data)
            await writer.drain()
        elif channel == _ERROR and data:
            sys.stderr.write(f"error: an error occurred forwarding: {data.decode(errors='replace')}\n")

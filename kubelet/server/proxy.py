"""Hands a connection on to where the runtime serves the stream: from then on bytes are moved, and none is looked at."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from urllib.parse import urlsplit

from firkin import log
from firkin.kubelet.http.message import Request, Upgrade

__all__ = ["hand_on"]

_LOG = log.to("streams")
_PIECE = 1 << 16
_PATIENCE = 10.0
# Credentials are for the agent, not for the runtime; it has a host of its own.
_KEPT_BACK = ("host", "authorization", "cookie", "content-length", "expect")


def hand_on(request: Request, url: str) -> Upgrade:
    """An answer that gives the connection to who serves `url`, with the request as it came but for its target."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parts = urlsplit(url)
        try:
            async with asyncio.timeout(_PATIENCE):
                back_reader, back_writer = await asyncio.open_connection(
                    parts.hostname, parts.port, ssl=_unverified() if parts.scheme == "https" else None
                )
        except (OSError, TimeoutError) as error:
            _LOG.warning("%s: no connection to the runtime's streams: %s", parts.netloc, error)
            await _refuse(writer, f"error dialing backend: {error}")
            return
        try:
            back_writer.write(_head(request, parts.netloc, parts.path + (f"?{parts.query}" if parts.query else "")))
            await _move_both(reader, writer, back_reader, back_writer)
        finally:
            back_writer.close()

    return Upgrade(take)


def _head(request: Request, host: str, target: str) -> bytes:
    lines = [f"{request.method} {target} HTTP/1.1", f"host: {host}"]
    for name, value in request.headers.items():
        if name == "x-stream-protocol-version":
            # Not every runtime knows lists here.
            lines += [f"{name}: {one.strip()}" for one in value.split(",")]
        elif name not in _KEPT_BACK:
            lines.append(f"{name}: {value}")
    return "\r\n".join([*lines, "\r\n"]).encode("latin-1")


async def _move_both(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    back_reader: asyncio.StreamReader,
    back_writer: asyncio.StreamWriter,
) -> None:
    there = asyncio.create_task(_move(reader, back_writer))
    back = asyncio.create_task(_move(back_reader, writer))
    try:
        # The end of either is the end: the runtime hangs up when all was said, and the client has heard it.
        await asyncio.wait([there, back], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (there, back):
            task.cancel()
        await asyncio.gather(there, back, return_exceptions=True)


async def _move(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, ssl.SSLError):
        while data := await reader.read(_PIECE):
            writer.write(data)
            await writer.drain()


async def _refuse(writer: asyncio.StreamWriter, reason: str) -> None:
    body = f"{reason}\n".encode()
    head = f"HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/plain\r\ncontent-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()


def _unverified() -> ssl.SSLContext:
    # The address came over the runtime's own socket, and the runtime's certificate is one that it made itself.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context

"""A proxy that passes on what comes through CONNECT, over HTTP or TLS itself, and counts it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["ConnectProxy", "connect_proxy"]


class ConnectProxy:
    """`url` is where it listens, `passed` where clients went through it."""

    def __init__(self, scheme: str) -> None:
        self._scheme = scheme
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.passed: list[str] = []

    @property
    def url(self) -> str:
        """As kubeconfig has it in proxy-url."""
        return f"{self._scheme}://127.0.0.1:{self.port}"

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client, until either side has ended."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            method, target, _ = head.split(" ", 2)
            if method != "CONNECT":
                writer.write(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
            else:
                self.passed.append(target)
                host, _, port = target.rpartition(":")
                there, back = await asyncio.open_connection(host, int(port))
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await asyncio.gather(_pass_on(reader, back), _pass_on(there, writer))
        writer.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    # TLS can not be ended in one direction alone.
    writer.close()


@asynccontextmanager
async def connect_proxy(tls: ssl.SSLContext | None = None) -> AsyncIterator[ConnectProxy]:
    """A proxy at a port of 127.0.0.1; with `tls` its clients speak TLS to it."""
    proxy = ConnectProxy("https" if tls else "http")
    server = await asyncio.start_server(proxy.take, "127.0.0.1", 0, ssl=tls)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()

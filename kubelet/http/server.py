"""Serves connections: requests one after the other, each answered before the next is read."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from http import HTTPStatus
from typing import cast

from firkin import log
from firkin.errors import KernelError
from firkin.kubelet.http.body import chunk, read_body
from firkin.kubelet.http.message import Answer, BadRequestError, Handler, Request, Response, Upgrade, parse_head

__all__ = ["Server"]

_HEAD = 64 << 10
_BODY = 3 << 20
_IDLE = 300.0
_REQUEST = 60.0
_CONNECTIONS = 1000
_BACKLOG = 128


class Server:
    """Answers requests by `handler`. What that raises is answered with 500 and logged.

    A connection ends when nothing comes for five minutes between requests, or a request takes longer than one to come.
    """

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._log = log.to("http")
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen_unix(self, path: str, mode: int = 0o600) -> None:
        """Serve a unix socket; what is left of an earlier one goes. Raises KernelError."""
        temporary = f"{path}.new"
        try:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            with suppress(FileNotFoundError):
                os.unlink(temporary)
            # Nobody can connect before it has its mode: it gets its name afterwards.
            server = await asyncio.start_unix_server(self._serve, temporary, limit=_HEAD, backlog=_BACKLOG)
            os.chmod(temporary, mode)
            os.rename(temporary, path)
        except OSError as error:
            raise KernelError(f"listen at {path}", error.errno or 0) from error
        self._servers.append(server)

    async def listen_tcp(self, host: str, port: int, context: ssl.SSLContext | None = None) -> int:
        """Serve a TCP port, 0 for a free one, with TLS by `context`; returns the port. Raises KernelError."""
        try:
            server = await asyncio.start_server(
                self._serve, host, port, limit=_HEAD, backlog=_BACKLOG, ssl=context, reuse_address=True
            )
        except OSError as error:
            raise KernelError(f"listen at {host} port {port}", error.errno or 0) from error
        self._servers.append(server)
        return cast("int", server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Refuse new connections, and end those that are there."""
        for server in self._servers:
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._tasks) >= _CONNECTIONS:
            writer.close()
            return
        self._tasks.add(task)
        try:
            while await self._answer_next(reader, writer):
                pass
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError, asyncio.CancelledError):
            # The client is gone or too slow, or the server stops: there is nobody to tell.
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer_next(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        try:
            request = await self._read(reader, writer)
        except BadRequestError as error:
            body = f"{error}\n".encode()
            await _write(writer, Response(error.status, body, "text/plain"), keep=False)
            return False
        answer = await self._ask(request)
        if isinstance(answer, Upgrade):
            await answer.take(reader, writer)
            return False
        keep = request.headers.get("connection", "").lower() != "close"
        if isinstance(answer.body, bytes):
            await _write(writer, answer, keep=keep, bodyless=request.method == "HEAD")
            return keep
        await _stream(reader, writer, answer, answer.body)
        return False

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request:
        async with asyncio.timeout(_IDLE):
            first = await reader.readexactly(1)
        async with asyncio.timeout(_REQUEST):
            try:
                head = first + await reader.readuntil(b"\r\n\r\n")
            except asyncio.LimitOverrunError as error:
                raise BadRequestError(431, "the head is too long") from error
            request = parse_head(head, writer.transport)
            if "upgrade" in request.headers.get("connection", "").lower():
                return request
            if request.headers.get("expect", "").lower() == "100-continue":
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = await read_body(reader, request.headers, _BODY)
        return Request(request.method, request.target, request.headers, body, writer.transport)

    async def _ask(self, request: Request) -> Answer:
        try:
            return await self._handler(request)
        except Exception:
            self._log.exception("%s %s failed", request.method, request.path)
            return Response(500, b"internal error\n", "text/plain")


async def _write(writer: asyncio.StreamWriter, answer: Response, *, keep: bool, bodyless: bool = False) -> None:
    assert isinstance(answer.body, bytes)
    length = {"content-length": str(len(answer.body))}
    ending = {} if keep else {"connection": "close"}
    writer.write(_head(answer, {**length, **ending}) + (b"" if bodyless else answer.body))
    await writer.drain()


async def _stream(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Response, body: AsyncGenerator[bytes, None]
) -> None:
    # Nothing is expected of the client any more: whatever comes, or its end, says that it does not listen.
    pump = asyncio.ensure_future(_pump(writer, answer, body))
    gone = asyncio.ensure_future(reader.read(1))
    try:
        await asyncio.wait({pump, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (pump, gone):
            task.cancel()
        results = await asyncio.gather(pump, gone, return_exceptions=True)
    if isinstance(results[0], Exception):
        raise results[0]


async def _pump(writer: asyncio.StreamWriter, answer: Response, body: AsyncGenerator[bytes, None]) -> None:
    writer.write(_head(answer, {"transfer-encoding": "chunked", "connection": "close"}))
    await writer.drain()
    async with aclosing(body) as parts:
        async for part in parts:
            if part:
                writer.write(chunk(part))
                await writer.drain()
    writer.write(chunk(b""))
    await writer.drain()


def _head(answer: Response, more: dict[str, str]) -> bytes:
    reason = HTTPStatus(answer.status).phrase
    headers = {"content-type": answer.content_type, **answer.headers, **more}
    lines = [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([f"HTTP/1.1 {answer.status} {reason}", *lines, "\r\n"]).encode("latin-1", "replace")

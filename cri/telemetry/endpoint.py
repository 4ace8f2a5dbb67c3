"""The endpoint for those who watch the server: `/metrics`, `/healthz` and `/readyz`, over HTTP/1.1.

One request a connection: who asks comes every few seconds at most.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from firkin import log
from firkin.cri.streaming.head import HeadError, HeadReader, Request
from firkin.cri.streaming.limits import Limits
from firkin.cri.telemetry.address import parse_address
from firkin.errors import KernelError

__all__ = ["Answer", "Endpoint", "Page"]

Answer = tuple[int, str]
"""A status of HTTP, and a text."""
Page = Callable[[], Awaitable[Answer]]

_LIMITS = Limits(head=16 << 10, fields=100)
_CONNECTIONS = 32
_PATIENCE = 30.0
"""Seconds that a client may take to ask, and to read the answer."""
_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_LOGGER = log.to("telemetry")


class Endpoint:
    """Serves `pages`, by path, at `address` (`firkin.cri.telemetry.address`)."""

    def __init__(self, address: str, pages: Mapping[str, Page]) -> None:
        self._host, self._port = parse_address(address)
        self._address = address
        self._pages = pages
        self._tasks: dict[asyncio.Task[None], None] = {}

    @property
    def port(self) -> int:
        """The port that is listened on, where it is one; the kernel chooses it if 0 is asked for."""
        found: int = self._server.sockets[0].getsockname()[1]
        return found

    async def start(self) -> None:
        """Listen. Raises KernelError."""
        try:
            if self._host.startswith("/"):
                await self._start_at_path()
            else:
                self._server = await asyncio.start_server(self._connected, self._host, self._port)
        except OSError as error:
            raise KernelError(f"listen on {self._address} for metrics", error.errno or 0) from error

    async def _start_at_path(self) -> None:
        os.makedirs(os.path.dirname(self._host), 0o700, exist_ok=True)
        # asyncio removes a socket that an earlier server has left. Born with mode 0600.
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._connected, self._host)
        finally:
            os.umask(before)

    async def close(self) -> None:
        """Stop listening, and cut off who is being served."""
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._server.wait_closed()
        if self._host.startswith("/") and os.path.exists(self._host):
            os.unlink(self._host)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._tasks) >= _CONNECTIONS:
            # The oldest goes: who says nothing keeps nobody out.
            next(iter(self._tasks)).cancel()
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                writer.write(await self._answer(reader))
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (OSError, TimeoutError) as error:
            _LOGGER.debug("a client is given up: %s", error or "it took too long")
        finally:
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        try:
            request = await _request(reader)
        except HeadError as error:
            return _encoded(error.status, f"{error}\n", has_body=True)
        if request is None:
            return b""
        if request.method not in ("GET", "HEAD"):
            return _encoded(HTTPStatus.METHOD_NOT_ALLOWED, f"{request.method} is not served\n", has_body=True)
        page = self._pages.get(request.target.partition("?")[0])
        if page is None:
            return _encoded(HTTPStatus.NOT_FOUND, f"there are {', '.join(self._pages)}\n", has_body=True)
        status, text = await self._text_of(page)
        return _encoded(status, text, has_body=request.method == "GET")

    @staticmethod
    async def _text_of(page: Page) -> Answer:
        try:
            return await page()
        except Exception as error:
            _LOGGER.error("failed", exc_info=error)
            return HTTPStatus.INTERNAL_SERVER_ERROR, f"{error}\n"


async def _request(reader: asyncio.StreamReader) -> Request | None:
    head = HeadReader(_LIMITS)
    while data := await reader.read(_LIMITS.head):
        found = head.receive(data)
        if found is not None:
            return found[0]
    return None


def _encoded(status: int, text: str, *, has_body: bool) -> bytes:
    body = text.encode()
    head = (
        f"HTTP/1.1 {int(status)} {HTTPStatus(status).phrase}\r\n"
        f"Content-Type: {_TYPE}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode("ascii") + (body if has_body else b"")

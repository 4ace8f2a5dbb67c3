"""Requests are answered in their order, streams go out as they come, and what is hostile ends its own connection."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncGenerator, Callable, Coroutine
from pathlib import Path

import pytest

from firkin.kubelet.http.message import Answer, Request, Response, Upgrade
from firkin.kubelet.http.server import Server

GET = b"GET /%b HTTP/1.1\r\nHost: x\r\n\r\n"
Client = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]


async def echo(request: Request) -> Answer:
    if request.path == "/fail":
        raise RuntimeError("on purpose")
    text = f"{request.method} {request.path} {request.query} {request.body.decode()}"
    return Response(200, text.encode(), "text/plain", {"x-test": "1"})


def run(tmp_path: Path, client: Client, handler: Callable[[Request], Coroutine[None, None, Answer]] = echo) -> None:
    async def main() -> None:
        server = Server(handler)
        path = str(tmp_path / "run" / "api.sock")
        await server.listen_unix(path)
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        reader, writer = await asyncio.open_unix_connection(path)
        async with asyncio.timeout(60):
            await client(reader, writer)
        writer.close()
        await server.close()

    asyncio.run(main())


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in head[1:] if line)
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return int(head[0].split()[1]), headers, body


def test_requests_of_one_connection_are_answered_in_order(tmp_path: Path) -> None:
    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        post = b"POST /a%20b?x=1&x=2&y= HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
        chunked = (
            b"PUT /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"2;q=1\r\nhe\r\n3\r\nllo\r\n0\r\nT: 1\r\n\r\n"
        )
        for letter in post + chunked:
            writer.write(bytes([letter]))
        status, headers, body = await answer(reader)
        assert (status, headers["x-test"]) == (200, "1")
        assert body == b"POST /a b {'x': ['1', '2'], 'y': ['']} hi"
        assert (await answer(reader))[2] == b"PUT /c {} hello"
        writer.write(b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        await answer(reader)
        assert await reader.read() == b""

    run(tmp_path, client)


def test_an_error_is_answered_and_logged_and_the_connection_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GET % b"fail" + GET % b"next")
        assert (await answer(reader))[0] == 500
        assert (await answer(reader))[0] == 200

    run(tmp_path, client)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\nHost: x\r\n\r\n", 505),
        (b"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 200 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\na: " + b"b" * 70_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n", 413),
        (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc", 400),
    ],
)
def test_what_is_no_request_ends_the_connection(tmp_path: Path, request_: bytes, status: int) -> None:
    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(request_)
        found, headers, _ = await answer(reader)
        assert (found, headers["connection"]) == (status, "close")
        assert await reader.read() == b""

    run(tmp_path, client)


def test_a_stream_goes_out_as_it_comes_and_ends_with_its_client(tmp_path: Path) -> None:
    ended: list[str] = []
    more = asyncio.Event()

    async def parts() -> AsyncGenerator[bytes, None]:
        try:
            yield b"first"
            await more.wait()
            yield b"second"
            await asyncio.Event().wait()
        finally:
            ended.append("yes")

    async def stream(request: Request) -> Answer:
        return Response(200, parts())

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GET % b"")
        assert b"transfer-encoding: chunked" in await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(10) == b"5\r\nfirst\r\n"
        more.set()
        assert await reader.readexactly(11) == b"6\r\nsecond\r\n"
        writer.write_eof()
        assert await reader.read() == b""

    run(tmp_path, client, stream)
    assert ended == ["yes"]


def test_a_connection_can_be_taken_over(tmp_path: Path) -> None:
    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + (await reader.readexactly(4)).upper())
        await writer.drain()

    async def upgrade(request: Request) -> Answer:
        return Upgrade(take)

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"POST /exec HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\nping")
        assert (await reader.read()).endswith(b"\r\n\r\nPING")

    run(tmp_path, client, upgrade)


def test_a_stop_ends_what_is_open(tmp_path: Path) -> None:
    async def main() -> None:
        server = Server(echo)
        port = await server.listen_tcp("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET % b"")
        assert (await answer(reader))[0] == 200
        await server.close()
        assert await reader.read() == b""
        writer.close()
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.1", port)

    asyncio.run(main())

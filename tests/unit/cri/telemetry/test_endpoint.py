"""The endpoint over real sockets: what it answers to whom, and that nobody can hold it up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from firkin.cri.telemetry.address import parse_address
from firkin.cri.telemetry.endpoint import Answer, Endpoint
from firkin.cri.telemetry.health import Check, is_good, report
from firkin.errors import KernelError


async def page() -> Answer:
    return 200, "things 1\n"


async def sick() -> Answer:
    return 503, "no\n"


async def broken() -> Answer:
    raise ValueError("a fault")


PAGES = {"/metrics": page, "/readyz": sick, "/broken": broken}


def serve(address: str, scenario: Callable[[Endpoint], Awaitable[object]]) -> None:
    async def run() -> None:
        endpoint = Endpoint(address, PAGES)
        await endpoint.start()
        try:
            await asyncio.wait_for(scenario(endpoint), 60)
        finally:
            await endpoint.close()

    asyncio.run(run())


async def ask(path: str, *pieces: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
    answer = await reader.read()
    writer.close()
    return answer


def get(target: str, method: str = "GET") -> bytes:
    return f"{method} {target} HTTP/1.1\r\nHost: here\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("request_text", "status", "body"),
    [
        (get("/metrics"), b"200 OK", b"things 1\n"),
        (get("/metrics?name=x"), b"200 OK", b"things 1\n"),
        (get("/metrics", "HEAD"), b"200 OK", b""),
        (get("/readyz"), b"503 Service Unavailable", b"no\n"),
        (get("/broken"), b"500 Internal Server Error", b"a fault\n"),
        (get("/"), b"404 Not Found", b"there are /metrics, /readyz, /broken\n"),
        (get("/metrics", "DELETE"), b"405 Method Not Allowed", b"DELETE is not served\n"),
        (b"garbage\r\n\r\n", b"400 Bad Request", b"no request line: b'garbage'\n"),
        (b"GET /metrics HTTP/1.1\r\n\r\n", b"400 Bad Request", b"a request names one host\n"),
    ],
)
def test_what_is_answered(tmp_path: Path, request_text: bytes, status: bytes, body: bytes) -> None:
    async def scenario(_endpoint: Endpoint) -> None:
        for pieces in ([request_text], [request_text[:7], request_text[7:]]):
            head, _, rest = (await ask(f"{tmp_path}/http", *pieces)).partition(b"\r\n\r\n")
            lines = head.split(b"\r\n")
            assert lines[0] == b"HTTP/1.1 " + status
            assert rest == body
            assert b"Content-Type: text/plain; version=0.0.4; charset=utf-8" in lines

    serve(f"unix:{tmp_path}/http", scenario)


def test_a_head_without_end_is_refused(tmp_path: Path) -> None:
    async def scenario(_endpoint: Endpoint) -> None:
        assert (await ask(f"{tmp_path}/http", b"GET / HTTP/1.1\r\nX: " + b"x" * 16384)).startswith(b"HTTP/1.1 431 ")

    serve(f"unix:{tmp_path}/http", scenario)


def test_clients_that_say_nothing_keep_nobody_else_out_for_ever(tmp_path: Path) -> None:
    async def scenario(_endpoint: Endpoint) -> None:
        path = f"{tmp_path}/http"
        silent = [await asyncio.open_unix_connection(path) for _ in range(40)]
        assert (await ask(path, get("/metrics"))).startswith(b"HTTP/1.1 200")
        # The oldest were let go for the newer ones.
        assert await silent[0][0].read() == b""
        # The others are cut off when the endpoint is closed, which waits for nobody.

    serve(f"unix:{tmp_path}/http", scenario)


def test_its_socket_is_root_s_alone_and_is_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "deeper" / "http"

    async def scenario(_endpoint: Endpoint) -> None:
        assert path.stat().st_mode & 0o777 == 0o600

    for _ in range(2):
        serve(f"unix:{path}", scenario)
        assert not path.exists()


def test_it_listens_on_a_port_of_this_machine() -> None:
    async def scenario(endpoint: Endpoint) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", endpoint.port)
        writer.write(get("/metrics"))
        assert (await reader.read()).endswith(b"\r\n\r\nthings 1\n")
        writer.close()
        other = Endpoint(f"127.0.0.1:{endpoint.port}", PAGES)
        with pytest.raises(KernelError, match="for metrics: Address already in use"):
            await other.start()

    serve("127.0.0.1:0", scenario)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("unix:/run/x", ("/run/x", 0)),
        ("unix:///run/x", ("/run/x", 0)),
        ("127.0.0.1:9537", ("127.0.0.1", 9537)),
        ("[::1]:0", ("::1", 0)),
    ],
)
def test_addresses(text: str, found: tuple[str, int]) -> None:
    assert parse_address(text) == found


_NO_ADDRESSES = ("unix:run", "10.0.0.1:80", "0.0.0.0:80", "[::]:80", "localhost:80", "127.0.0.1", "127.0.0.1:x")


@pytest.mark.parametrize("text", (*_NO_ADDRESSES, "127.0.0.1:65536", "/run/x"))
def test_what_is_no_address_of_this_machine_alone(text: str) -> None:
    with pytest.raises(ValueError):
        parse_address(text)


def test_a_report_names_what_is_wrong() -> None:
    well, ill = [Check("loop")], [Check("loop"), Check("network", "no plug-in")]
    assert (is_good(well), is_good(ill)) == (True, False)
    assert report(well) == "[+]loop ok\nok\n"
    assert report(ill) == "[+]loop ok\n[-]network failed: no plug-in\nfailed\n"

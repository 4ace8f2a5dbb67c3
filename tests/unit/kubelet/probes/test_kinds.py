"""Each kind of probe against real servers on the loopback interface."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest

from firkin.cri.api.container_pb2 import ExecSyncResponse
from firkin.errors import DeadlineError, StateError
from firkin.kubelet.api.container import Container, ContainerPort
from firkin.kubelet.api.probe import ExecAction, HTTPGetAction, HTTPHeader, Probe, TCPSocketAction
from firkin.kubelet.probes.answer import Answer, Question
from firkin.kubelet.probes.check import Checks, http_request
from firkin.kubelet.probes.grpc_health import probe_grpc
from firkin.kubelet.probes.http import Request, probe_http
from firkin.kubelet.probes.step import Outcome
from firkin.kubelet.probes.tcp import probe_tcp
from tests.support.certificates import Authority

PATIENCE = 60
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SILENT = b""


@asynccontextmanager
async def serving(
    answer: Callable[[str], bytes], tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[int, list[str]]]:
    """A server that answers as `answer` says to the head of a request, which it keeps; SILENT keeps it waiting."""
    heads: list[str] = []
    is_over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        data = answer(heads[-1])
        if data == SILENT:
            await is_over.wait()
        writer.write(data)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1], heads
    finally:
        is_over.set()
        server.close()
        await server.wait_closed()


def ask_http(answer: Callable[[str], bytes], path: str = "/", seconds: int = PATIENCE) -> tuple[Answer, list[str], int]:
    async def ask() -> tuple[Answer, list[str], int]:
        async with serving(answer) as (port, heads):
            return await probe_http(Request(f"http://127.0.0.1:{port}{path}"), seconds), heads, port

    return asyncio.run(ask())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize(
    ("status", "outcome", "message", "is_warning"),
    [
        (200, Outcome.SUCCESS, "", False),
        (204, Outcome.SUCCESS, "", False),
        (304, Outcome.SUCCESS, "Probe terminated redirects, Response body: ", True),
        (399, Outcome.SUCCESS, "Probe terminated redirects, Response body: no", True),
        (400, Outcome.FAILURE, "HTTP probe failed with statuscode: 400", False),
        (503, Outcome.FAILURE, "HTTP probe failed with statuscode: 503", False),
    ],
)
def test_status(status: int, outcome: Outcome, message: str, is_warning: bool) -> None:
    found, _, _ = ask_http(lambda _: b"HTTP/1.1 %d Any\r\nContent-Length: 2\r\n\r\nno" % status)
    assert found == (outcome, message, is_warning)


def test_what_is_sent() -> None:
    container = Container(name="web", ports=[ContainerPort(container_port=80, name="http")])
    action = HTTPGetAction(port="http", path="ready?all=1", http_headers=[HTTPHeader(name="X-Own", value="1")])
    assert http_request(action, container, "fd00::1").url == "http://[fd00::1]:80/ready?all=1"

    async def ask() -> tuple[str, int]:
        async with serving(lambda _: OK) as (port, heads):
            url = f"http://127.0.0.1:{port}/ready?all=1"
            await probe_http(Request(url, (("X-Own", "1"), ("Accept", ""), ("User-Agent", "me"))), PATIENCE)
            return heads[0], port

    head, port = asyncio.run(ask())
    fields = {f"Host: 127.0.0.1:{port}", "User-Agent: me", "X-Own: 1", "Connection: close", ""}
    line, *lines = head.split("\r\n")
    assert line == "GET /ready?all=1 HTTP/1.1"
    assert set(lines) == fields


def test_the_host_of_a_manifest_replaces_that_of_the_address() -> None:
    async def ask() -> list[str]:
        async with serving(lambda _: OK) as (port, heads):
            await probe_http(Request(f"http://127.0.0.1:{port}/", (("Host", "web.example"),)), PATIENCE)
            return heads

    [head] = asyncio.run(ask())
    assert [line for line in head.split("\r\n") if line.lower().startswith("host")] == ["Host: web.example"]


def redirecting(target: str, until: str = "/end") -> Callable[[str], bytes]:
    def answer(head: str) -> bytes:
        location = target.encode()
        return (
            OK
            if f" {until} " in head
            else b"HTTP/1.1 302 Found\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % location
        )

    return answer


def test_redirections_are_followed_within_the_host() -> None:
    found, heads, _ = ask_http(redirecting("end"), "/begin")
    assert found == (Outcome.SUCCESS, "", False)
    assert [head.split()[1] for head in heads] == ["/begin", "/end"]


@pytest.mark.parametrize(("target", "requests"), [("http://web.example/", 1), ("ftp://127.0.0.1/", 1), ("/again", 11)])
def test_redirections_end_elsewhere_and_after_ten(target: str, requests: int) -> None:
    found, heads, _ = ask_http(redirecting(target))
    assert found == (Outcome.SUCCESS, "Probe terminated redirects, Response body: ", True)
    assert len(heads) == requests


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"SSH-2.0-OpenSSH\r\n", 'malformed HTTP response "SSH-2.0-OpenSSH\\r\\n"'),
        (b"HTTP/1.1 200 OK\r\nConte", "unexpected EOF"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", 'malformed HTTP response "HTTP/1.1 2000 OK"'),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "invalid byte in chunk length"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://[x\r\n\r\n", "Invalid IPv6 URL"),
    ],
)
def test_what_is_no_http_is_a_failure(data: bytes, reason: str) -> None:
    found, _, port = ask_http(lambda _: data)
    assert found == (Outcome.FAILURE, f'Get "http://127.0.0.1:{port}/": {reason}', False)


def test_who_says_nothing_is_a_failure_after_the_timeout() -> None:
    found, _, port = ask_http(lambda _: SILENT, seconds=1)
    reason = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    assert found == (Outcome.FAILURE, f'Get "http://127.0.0.1:{port}/": {reason}', False)


def test_nobody_at_the_port() -> None:
    port = free_port()
    refused = f"dial tcp 127.0.0.1:{port}: connect: connection refused"
    http = asyncio.run(probe_http(Request(f"http://127.0.0.1:{port}/"), PATIENCE))
    assert http == (Outcome.FAILURE, f'Get "http://127.0.0.1:{port}/": {refused}', False)
    assert asyncio.run(probe_tcp("127.0.0.1", port, PATIENCE)) == (Outcome.FAILURE, refused, False)


def test_https_takes_any_certificate(tmp_path: Path) -> None:
    pair = Authority(tmp_path / "ca").sign("web")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Not here\r\n\r\n")
        writer.close()

    async def ask() -> tuple[Answer, Answer]:
        async with serving(lambda _: OK, context) as (port, _):
            found = await probe_http(Request(f"https://127.0.0.1:{port}/"), PATIENCE)
        async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
            plain = server.sockets[0].getsockname()[1]
            return found, await probe_http(Request(f"https://127.0.0.1:{plain}/"), PATIENCE)

    found, plain = asyncio.run(ask())
    assert found.outcome is Outcome.SUCCESS
    assert plain.outcome is Outcome.FAILURE
    assert "tls: " in plain.message


def test_a_connection_that_is_accepted_is_success() -> None:
    async def ask() -> Answer:
        async with serving(lambda _: OK) as (port, _):
            return await probe_tcp("127.0.0.1", port, PATIENCE)

    assert asyncio.run(ask()) == (Outcome.SUCCESS, "", False)


HEALTH = {"": b"\x08\x01", "db": b"\x08\x02", "x" * 200: b"\x08\x01", "new": b""}


@asynccontextmanager
async def health() -> AsyncIterator[int]:
    """A server of grpc.health.v1.Health with the answers of HEALTH."""

    async def check(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        name = request[3:] if len(request) > 130 else request[2:]
        if name == b"slow":
            await asyncio.sleep(PATIENCE)
        if name.decode() not in HEALTH:
            await context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return HEALTH[name.decode()]

    server = grpc.aio.server()
    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {"Check": grpc.unary_unary_rpc_method_handler(check)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("grpc.health.v1.Health", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield port
    finally:
        await server.stop(None)


@pytest.mark.parametrize(
    ("service", "outcome", "message"),
    [
        ("", Outcome.SUCCESS, ""),
        ("x" * 200, Outcome.SUCCESS, ""),
        ("db", Outcome.FAILURE, 'service unhealthy (responded with "NOT_SERVING")'),
        ("new", Outcome.FAILURE, 'service unhealthy (responded with "UNKNOWN")'),
        ("none", Outcome.FAILURE, "error: health rpc probe failed: rpc error: code = NotFound desc = unknown service"),
        ("slow", Outcome.FAILURE, "timeout: health rpc did not complete within 1s: context deadline exceeded"),
    ],
)
def test_health_of_a_service(service: str, outcome: Outcome, message: str) -> None:
    async def ask() -> Answer:
        async with health() as port:
            return await probe_grpc("127.0.0.1", port, service, 1 if service == "slow" else PATIENCE)

    assert asyncio.run(ask()) == (outcome, message, False)


def test_servers_without_health_and_none_at_all() -> None:
    async def ask() -> tuple[Answer, Answer]:
        server = grpc.aio.server()
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        other = await probe_grpc("127.0.0.1", port, "", PATIENCE)
        await server.stop(None)
        return other, await probe_grpc("127.0.0.1", free_port(), "", PATIENCE)

    other, none = asyncio.run(ask())
    assert other.message.startswith("error: this server does not implement the grpc health protocol")
    assert none.message.startswith('error: failed to connect service at "127.0.0.1:')
    assert other.outcome is none.outcome is Outcome.FAILURE


class Programs:
    """A runtime in which each program ends as it is told."""

    def __init__(self, end: Callable[[], ExecSyncResponse]) -> None:
        self._end = end
        self.calls: list[tuple[str, list[str], int]] = []

    async def exec_sync(self, container_id: str, command: list[str], timeout: int = 0) -> ExecSyncResponse:
        self.calls.append((container_id, command, timeout))
        return self._end()


def raising(error: Exception) -> ExecSyncResponse:
    raise error


@pytest.mark.parametrize(
    ("end", "outcome", "message", "tries"),
    [
        (lambda: ExecSyncResponse(stdout=b"fine"), Outcome.SUCCESS, "", 1),
        (lambda: ExecSyncResponse(stdout=b"out\n", stderr=b"err", exit_code=3), Outcome.FAILURE, "out\nerr", 1),
        (lambda: ExecSyncResponse(stdout=b"x" * 20000, exit_code=1), Outcome.FAILURE, "x" * 10240, 1),
        (lambda: raising(DeadlineError("late")), Outcome.FAILURE,
         'command timed out: "test -f /ready" timed out after 1m30s', 1),
        (lambda: raising(StateError("is stopping")), Outcome.UNKNOWN, "is stopping", 3),
    ],
)  # fmt: skip
def test_a_program(end: Callable[[], ExecSyncResponse], outcome: Outcome, message: str, tries: int) -> None:
    runtime = Programs(end)
    probe = Probe(exec=ExecAction(command=["test", "-f", "/ready"]), timeout_seconds=90)
    found = asyncio.run(Checks(runtime).ask(Question(probe, Container(name="web"), "id", "10.0.0.1")))
    assert found == (outcome, message, False)
    assert runtime.calls == [("id", ["test", "-f", "/ready"], 90)] * tries


@pytest.mark.parametrize(
    ("port", "message"),
    [
        ("http", 'strconv.Atoi: parsing "http": invalid syntax'),
        (70000, "invalid port number: 70000"),
        ("0", "invalid port number: 0"),
    ],
)
def test_a_port_that_is_none_can_not_be_asked(port: int | str, message: str) -> None:
    ask: Callable[[Question], Awaitable[Answer]] = Checks(Programs(ExecSyncResponse)).ask

    async def both() -> tuple[Answer, Answer]:
        web = Container(name="web")
        return (
            await ask(Question(Probe(http_get=HTTPGetAction(port=port)), web, "id", "127.0.0.1")),
            await ask(Question(Probe(tcp_socket=TCPSocketAction(port=port)), web, "id", "127.0.0.1")),
        )

    assert asyncio.run(both()) == ((Outcome.UNKNOWN, message, False),) * 2

"""The server as its clients see it, before they are served and when something is wrong."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from firkin.cri.streaming.events import Stream
from firkin.cri.streaming.limits import Limits
from firkin.cri.streaming.request import ExecRequest
from firkin.cri.streaming.server import StreamingServer
from firkin.cri.streaming.session import Session
from firkin.cri.streaming.spdy.session import Left, Received
from firkin.errors import ConfigError, KernelError, ResourceExhaustedError
from tests.support.certificates import Authority
from tests.support.local_runtime import LocalRuntime
from tests.support.stream_clients import SpdyWire, exit_code, open_command
from tests.support.streaming import ALL, OUTPUT, Serving, eventually, run, serving

V4 = "spdy v4.channel.k8s.io"
V5 = "websocket v5.channel.k8s.io"
UPGRADE = b"Host: h\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n"


async def say(serve: Serving, data: bytes) -> bytes:
    """What the server answers to `data` until it hangs up, or has said as much as it announced."""
    parts = urlsplit(serve.forward())
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(data)
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.splitlines() if line.startswith(b"Content-Length:")), 0)
    body = await reader.readexactly(length)
    writer.close()
    return head + body


def path(url: str) -> bytes:
    return urlsplit(url).path.encode()


def test_urls_are_of_the_address_that_is_listened_on() -> None:
    async def test() -> None:
        server = StreamingServer(LocalRuntime())
        await server.start("::1")
        url = urlsplit(server.issue(ExecRequest("c", ("true",), ALL)))
        assert (url.scheme, url.hostname, url.path[:6]) == ("http", "::1", "/exec/")
        with socket.create_connection((url.hostname or "", url.port or 0)):
            pass
        await server.close()

    run(test)


def test_an_address_that_can_not_be_listened_on_is_named() -> None:
    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port: int = other.getsockname()[1]
            with pytest.raises(KernelError, match=f"listen on 127.0.0.1 port {port}: Address already in use"):
                await StreamingServer(LocalRuntime()).start(port=port)
        with pytest.raises(ConfigError, match=r"'300\.1\.1\.1' is no address"):
            await StreamingServer(LocalRuntime()).start("300.1.1.1")

    run(test)


def test_a_url_is_served_once() -> None:
    async def test() -> None:
        async with serving() as serve:
            url = serve.exec("true")
            request = b"POST " + path(url) + b" HTTP/1.1\r\n" + UPGRADE
            assert (await say(serve, request)).startswith(b"HTTP/1.1 101 ")
            assert (await say(serve, request)).startswith(b"HTTP/1.1 404 Not Found\r\n")

    run(test)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"POST /exec/unknown HTTP/1.1", 404),
        (b"POST /exec/ HTTP/1.1", 404),
        (b"POST / HTTP/1.1", 404),
        (b"POST * HTTP/1.1", 404),
        (b"POST /EXEC/{token} HTTP/1.1", 404),
        (b"POST /attach/{token} HTTP/1.1", 404),
        (b"POST /exec/{token}/ HTTP/1.1", 404),
        (b"POST //exec/{token} HTTP/1.1", 404),
        (b"PUT /exec/{token} HTTP/1.1", 405),
        (b"POST /exec/{token} HTTP/1.0", 505),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"POST /" + b"x" * 70000 + b" HTTP/1.1", 431),
    ],
)
def test_what_is_not_served_is_answered(line: bytes, status: int) -> None:
    async def test() -> None:
        async with serving() as serve:
            token = path(serve.exec("true")).rpartition(b"/")[2]
            answer = await say(serve, line.replace(b"{token}", token) + b"\r\n" + UPGRADE)
            assert answer.startswith(b"HTTP/1.1 %d " % status)
            assert b"Connection: close\r\n" in answer

    run(test)


def test_a_query_behind_the_token_is_passed_over() -> None:
    async def test() -> None:
        async with serving() as serve:
            line = b"GET " + path(serve.exec("true")) + b"?stdin=1 HTTP/1.1\r\n"
            assert (await say(serve, line + UPGRADE)).startswith(b"HTTP/1.1 101 ")

    run(test)


def test_channels_want_the_ports_beforehand() -> None:
    async def test() -> None:
        async with serving() as serve:
            fields = (
                b"Host: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n"
            )
            answer = await say(serve, b"GET " + path(serve.forward()) + b" HTTP/1.1\r\n" + fields)
            assert answer.startswith(b"HTTP/1.1 400 ") and b"wants the ports" in answer

    run(test)


def test_frames_may_follow_the_head_at_once() -> None:
    async def test() -> None:
        async with serving() as serve:
            line = b"POST " + path(serve.exec("cat")) + b" HTTP/1.1\r\n"
            parts = urlsplit(serve.forward())
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            wire = SpdyWire(reader, writer)
            streams = [wire.session.open({"streamtype": name}) for name in ("error", "stdin", "stdout", "stderr")]
            wire.session.send(streams[1], b"at once")
            wire.session.end(streams[1])
            for byte in line + UPGRADE:
                writer.write(bytes([byte]))
            await wire.flush()
            await reader.readuntil(b"\r\n\r\n")
            said = ""
            while (events := await wire.receive()) is not None:
                said += repr(events)
                if "Left" in said:
                    await wire.close()
            assert "at once" in said and "Success" in said

    run(test)


async def ended(reader: asyncio.StreamReader) -> bool:
    """Whether the server hangs up, in whatever manner."""
    try:
        while await reader.read(1 << 16):
            pass
    except ConnectionResetError:
        pass
    return True


def test_a_head_is_not_waited_for_forever() -> None:
    async def test() -> None:
        async with serving(limits=Limits(wait_head=0.05)) as serve:
            parts = urlsplit(serve.forward())
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            writer.write(b"POST /exec/")
            assert await ended(reader)
            writer.close()

    run(test)


def test_streams_are_not_waited_for_forever() -> None:
    async def test() -> None:
        async with serving(limits=Limits(wait_streams=1)) as serve:
            wire = await SpdyWire.connect(serve.exec("true"), "v4.channel.k8s.io")
            wire.session.open({"streamtype": "error"})
            wire.session.open({"streamtype": "stdout"})
            await wire.flush()
            said = ""
            while "Left(status=2)" not in said:
                events = await wire.receive()
                assert events is not None
                said += repr(events)
            assert "streams were not opened in time" in said
            await wire.close()

    run(test)


@pytest.mark.parametrize("protocol", [V4, V5])
def test_who_is_silent_for_long_is_cut_off(protocol: str) -> None:
    async def test() -> None:
        async with serving(limits=Limits(idle=1000)) as serve:
            loop, passed = asyncio.get_running_loop(), 0.0
            time = loop.time
            loop.time = lambda: time() + passed  # type: ignore[method-assign]
            client = await open_command(serve.exec("cat"), protocol, ALL)
            for text in (b"one", b"two", b"three"):
                await client.send(Stream.STDIN, text)
                await client.wait_for(text)
                passed += 900
                # The timer sees the time that has passed, and that it was not silent.
                await asyncio.sleep(0)
            assert serve.runtime.running == 1
            passed += 101
            while await client.receive():
                pass
            await eventually(lambda: serve.runtime.running == 0)
            await client.close()

    # Patience would end with the time that passes here.
    asyncio.run(test())


def test_a_peer_that_does_not_leave_is_not_waited_for_forever() -> None:
    async def test() -> None:
        async with serving(limits=Limits(linger=0.05)) as serve:
            wire = await SpdyWire.connect(serve.exec("true", wanted=OUTPUT), "v4.channel.k8s.io")
            for name in ("error", "stdout", "stderr"):
                wire.session.open({"streamtype": name})
            await wire.flush()
            assert await ended(wire._reader)
            await wire.close()

    run(test)


def test_connections_have_a_greatest_number() -> None:
    async def test() -> None:
        async with serving(limits=Limits(connections=1)) as serve:
            client = await open_command(serve.exec("cat"), V4, ALL)
            request = b"POST " + path(serve.exec("true")) + b" HTTP/1.1\r\n" + UPGRADE
            assert (await say(serve, request)).startswith(b"HTTP/1.1 503 ")
            await client.close()

    run(test)


def test_who_shows_no_token_does_not_keep_others_out() -> None:
    async def test() -> None:
        async with serving(limits=Limits(connections=1, strangers=3)) as serve:
            client = await open_command(serve.exec("cat"), V4, ALL)
            await client.send(Stream.STDIN, b"x")
            await client.wait_for(b"x")
            parts = urlsplit(serve.forward())
            strangers = [await asyncio.open_connection(parts.hostname, parts.port) for _ in range(10)]
            strangers[0][1].write(b"POST /exec/unknown HTTP/1.1\r\n" + UPGRADE)
            await eventually(lambda: len(serve.server._connections.wires) == 4)
            assert all([await ended(reader) for reader, _ in strangers[:7]])
            await client.send(Stream.STDIN, b"still here")
            await client.wait_for(b"still here")
            for _, writer in strangers:
                writer.close()
            await client.close()

    run(test)


def test_requests_that_wait_have_a_greatest_number() -> None:
    async def test() -> None:
        async with serving(limits=Limits(tokens=2)) as serve:
            serve.exec("true")
            serve.forward()
            with pytest.raises(ResourceExhaustedError):
                serve.exec("true")

    run(test)


def test_a_request_that_can_not_be_met_gets_no_url() -> None:
    async def test() -> None:
        async with serving() as serve:
            with pytest.raises(ConfigError, match="container_id"):
                serve.exec("true", container="")

    run(test)


class Broken(LocalRuntime):
    """One that has a fault."""

    async def exec(self, request: ExecRequest) -> Session:
        raise RuntimeError("a fault")


@pytest.mark.parametrize("protocol", [V4, V5])
def test_a_fault_of_firkin_is_not_taken_for_success(protocol: str, caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        async with serving(Broken()) as serve:
            client = await open_command(serve.exec("true"), protocol, ALL)
            await client.finish()
            assert exit_code(client) is None
            assert b"internal error" in client.received[Stream.ERROR]
            assert b"a fault" not in client.received[Stream.ERROR]

    with caplog.at_level(logging.ERROR):
        run(test)
    assert "a fault" in caplog.text


class Slow(LocalRuntime):
    """One that takes its time to begin, until it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.begins, self.may_begin = asyncio.Event(), asyncio.Event()

    async def exec(self, request: ExecRequest) -> Session:
        self.begins.set()
        await self.may_begin.wait()
        return await super().exec(request)


@pytest.mark.parametrize(("container", "protocol"), [("c", V4), ("c", V5), ("missing", V4)])
def test_what_was_begun_for_a_client_that_left_is_finished_and_let_go(container: str, protocol: str) -> None:
    async def test() -> None:
        runtime = Slow()
        async with serving(runtime) as serve:
            client = await open_command(serve.exec("cat", container=container), protocol, ALL)
            await runtime.begins.wait()
            await client.close()
            (wire,) = serve.server._connections.wires
            await eventually(wire._transport.is_closing)
            runtime.may_begin.set()
            await eventually(lambda: not serve.server._connections.wires)
            assert len(runtime._processes) == (container == "c") and runtime.running == 0

    run(test)


@pytest.mark.parametrize("protocol", [V4, V5])
def test_a_fault_of_the_peer_ends_its_connection_and_no_other(protocol: str) -> None:
    async def test() -> None:
        async with serving() as serve:
            other = await open_command(serve.exec("cat"), protocol, ALL)
            wire = await SpdyWire.connect(serve.exec("cat"), "v4.channel.k8s.io")
            wire._writer.write(b"\x80\x02\0\x01\0\0\0\0")
            assert await ended(wire._reader)
            await wire.close()
            await other.send(Stream.STDIN, b"still here")
            await other.wait_for(b"still here")
            await other.close()

    run(test)


@pytest.mark.requires("openssl")
def test_tls_can_ask_clients_for_a_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    server, client = authority.sign("server"), authority.sign("client")

    async def test() -> None:
        contexts = [
            ssl.create_default_context(purpose) for purpose in (ssl.Purpose.CLIENT_AUTH, ssl.Purpose.SERVER_AUTH)
        ]
        for context, pair in zip(contexts, (server, client), strict=True):
            context.load_cert_chain(*pair)
            context.load_verify_locations(authority.certificate)
        contexts[0].verify_mode = ssl.CERT_REQUIRED
        streaming, runtime = StreamingServer(LocalRuntime(), tls=contexts[0]), LocalRuntime()
        await streaming.start()
        url = urlsplit(streaming.issue(ExecRequest("c", ("head", "-c", str(1 << 20)), ALL)))
        assert url.scheme == "https"
        reader, writer = await asyncio.open_connection(url.hostname, url.port, ssl=contexts[1])
        writer.write(f"POST {url.path} HTTP/1.1\r\n".encode() + UPGRADE)
        await reader.readuntil(b"\r\n\r\n")
        wire = SpdyWire(reader, writer)
        streams = [wire.session.open({"streamtype": name}) for name in ("error", "stdin", "stdout", "stderr")]
        wire.session.send(streams[1], bytes(1 << 20))
        await wire.flush()
        received = 0
        while events := await wire.receive():
            received += sum(len(event.data) for event in events if isinstance(event, Received))
            if any(isinstance(event, Left) for event in events):
                break
        assert received > 1 << 20
        await wire.close()
        stranger = ssl.create_default_context(cafile=str(authority.certificate))
        with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
            reader, writer = await asyncio.open_connection(url.hostname, url.port, ssl=stranger)
            writer.write(b"GET / HTTP/1.1\r\n" + UPGRADE)
            await reader.readuntil(b"\r\n\r\n")
        await streaming.close()
        runtime.close()

    run(test)


@pytest.mark.requires("openssl")
def test_who_does_not_speak_tls_is_no_connection(tmp_path: Path) -> None:
    pair = Authority(tmp_path).sign("server")

    async def test() -> None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*pair)
        streaming = StreamingServer(LocalRuntime(), Limits(wait_head=0.2), context)
        await streaming.start()
        url = urlsplit(streaming.issue(ExecRequest("c", ("true",), ALL)))
        silent, writer = await asyncio.open_connection(url.hostname, url.port)
        assert await ended(silent)
        writer.close()
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        writer.write(b"GET / HTTP/1.1\r\n" + UPGRADE)
        assert await ended(reader)
        writer.close()
        _, halfway = await asyncio.open_connection(url.hostname, url.port)
        halfway.write(b"\x16\x03\x01")
        await streaming.close()
        halfway.close()

    run(test)


def test_a_server_that_stops_cuts_off_who_does_not_go() -> None:
    async def test() -> None:
        async with serving(patience=0.05) as serve:
            client = await open_command(serve.exec("cat"), V4, ALL)
            await client.send(Stream.STDIN, b"x")
            await client.wait_for(b"x")
        assert serve.runtime.running == 0
        await client.close()

    run(test)

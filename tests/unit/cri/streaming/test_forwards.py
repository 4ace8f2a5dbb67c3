"""How port-forwarding behaves: the same over every transport, as far as it has words for it."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from firkin.cri.streaming.limits import Limits
from tests.support.forward_clients import FORWARDS, open_forward
from tests.support.stream_clients import SpdyWire, open_websocket
from tests.support.streaming import eventually, run, serving

over_all = pytest.mark.parametrize("transport", FORWARDS)
over_spdy = pytest.mark.parametrize("transport", FORWARDS[:2])
over_channels = pytest.mark.parametrize("transport", FORWARDS[2:])
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(handler: Handler) -> AsyncIterator[int]:
    """A port of the loopback interface at which `handler` answers, and hangs up when it returns."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    writer.write(b"end")


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"hello ")
    writer.write(await reader.readline())
    await writer.drain()


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@over_all
def test_bytes_go_both_ways(transport: str) -> None:
    async def test() -> None:
        async with listening(greet) as port, serving() as serve:
            client = await open_forward(serve.forward(port), transport)
            connection = await client.open(port)
            await client.send(connection, b"wor")
            await client.send(connection, b"ld\n")
            await client.until(lambda: client.received[connection] == b"hello world\n")
            assert client.errors[connection] == b""
            await client.close()

    run(test)


@over_spdy
def test_the_end_of_the_port_ends_the_streams(transport: str) -> None:
    async def test() -> None:
        async with listening(greet) as port, serving() as serve:
            client = await open_forward(serve.forward(), transport)
            connection = await client.open(port)
            await client.send(connection, b"world\n")
            await client.until(lambda: connection in client.ended)
            await client.end(connection)
            await client.until(lambda: connection in client.closed)
            assert client.received[connection] == b"hello world\n"
            await client.close()

    run(test)


@over_channels
def test_the_end_of_all_ports_ends_the_connection(transport: str) -> None:
    async def test() -> None:
        async with listening(greet) as one, listening(greet) as other, serving() as serve:
            client = await open_forward(serve.forward(one, other), transport)
            for connection in (await client.open(one), await client.open(other)):
                await client.send(connection, b"world\n")
            while not client.is_over:
                await client.receive()
            assert client.received == {0: b"hello world\n", 1: b"hello world\n"}

    run(test)


@over_channels
def test_each_channel_says_its_port_first(transport: str) -> None:
    async def test() -> None:
        async with listening(greet) as one, listening(greet) as other, serving() as serve:
            url = serve.forward(one, other)
            websocket = await open_websocket(url, transport)
            first = [await websocket.recv() for _ in range(4)]
            await websocket.close()
            if "base64" not in transport:
                ports = [port.to_bytes(2, "little") for port in (one, one, other, other)]
                assert first == [bytes([channel]) + port for channel, port in enumerate(ports)]
            assert len(first) == 4

    run(test)


@over_spdy
def test_each_direction_ends_by_itself(transport: str) -> None:
    async def test() -> None:
        async with listening(echo) as port, serving() as serve:
            client = await open_forward(serve.forward(), transport)
            connection = await client.open(port)
            await client.send(connection, b"question")
            await client.end(connection)
            await client.until(lambda: connection in client.closed)
            assert client.received[connection] == b"questionend"
            await client.close()

    run(test)


@over_spdy
def test_many_connections_share_one(transport: str) -> None:
    async def test() -> None:
        async with listening(echo) as port, serving() as serve:
            client = await open_forward(serve.forward(), transport)
            connections = [await client.open(port) for _ in range(100)]
            for connection in connections:
                await client.send(connection, b"%d" % connection * 1000)
            for connection in reversed(connections):
                await client.end(connection)
            await client.until(lambda: len(client.closed) == len(connections))
            assert client.received == {number: b"%d" % number * 1000 + b"end" for number in connections}
            assert serve.runtime.connected == 0
            await client.close()

    run(test)


@over_all
def test_more_than_any_buffer_holds_comes_whole(transport: str) -> None:
    size = 8 << 20

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(bytes(size))
        await reader.readexactly(size)
        writer.write(b"taken")
        await writer.drain()

    async def test() -> None:
        async with listening(pour) as port, serving() as serve:
            client = await open_forward(serve.forward(port), transport)
            connection = await client.open(port)

            async def send() -> None:
                for _ in range(size >> 16):
                    await client.send(connection, bytes(1 << 16))

            sending = asyncio.create_task(send())
            await client.until(lambda: len(client.received[connection]) == size + 5)
            await sending
            assert client.received[connection].endswith(b"\0taken")
            await client.close()

    run(test)


@over_all
def test_a_port_where_nobody_listens_is_an_error_of_its_own(transport: str) -> None:
    async def test() -> None:
        async with listening(echo) as open_port, serving() as serve:
            port = closed_port()
            client = await open_forward(serve.forward(port, open_port), transport)
            refused, other = await client.open(port), await client.open(open_port)
            await client.until(lambda: b"Connection refused" in client.errors[refused])
            assert client.errors[refused].decode().startswith(f"error forwarding port {port}: ")
            await client.send(other, b"still here")
            await client.until(lambda: client.received[other] == b"still here")
            await client.close()

    run(test)


@over_all
def test_a_port_that_breaks_the_connection_is_an_error(transport: str) -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    async def test() -> None:
        async with listening(reset) as port, serving() as serve:
            client = await open_forward(serve.forward(port), transport)
            connection = await client.open(port)
            await client.send(connection, b"x\n")
            await client.until(lambda: b"Connection reset" in client.errors[connection])
            await client.close()

    run(test)


@over_spdy
def test_a_reset_lets_the_port_go(transport: str) -> None:
    async def test() -> None:
        async with listening(echo) as port, serving() as serve:
            client = await open_forward(serve.forward(), transport)
            connection = await client.open(port)
            await client.send(connection, b"x")
            await client.until(lambda: client.received[connection] == b"x")
            assert serve.runtime.connected == 1
            await client.reset(connection)
            await client.until(lambda: connection in client.closed)
            assert (serve.runtime.connected, client.errors[connection]) == (0, b"")
            await client.close()

    run(test)


@over_all
def test_ports_of_a_client_that_is_gone_are_let_go(transport: str) -> None:
    async def test() -> None:
        async with listening(echo) as port, serving() as serve:
            client = await open_forward(serve.forward(port), transport)
            connection = await client.open(port)
            await client.send(connection, b"x")
            await client.until(lambda: client.received[connection] == b"x")
            await client.close()
            await eventually(lambda: serve.runtime.connected == 0)

    run(test)


@over_all
def test_what_a_port_said_before_it_stopped_reading_comes_whole(transport: str) -> None:
    async def answer_early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").shutdown(socket.SHUT_RD)
        writer.write(b"too much")
        await writer.drain()
        await reader.read(1)

    async def test() -> None:
        async with listening(answer_early) as port, serving() as serve:
            client = await open_forward(serve.forward(port), transport)
            connection = await client.open(port)
            await client.send(connection, bytes(1 << 20))
            await client.until(lambda: client.received[connection] == b"too much")
            await client.close()

    run(test)


async def spdy_pair(wire: SpdyWire, *fields: dict[str, str]) -> list[int]:
    streams = [wire.session.open(those) for those in fields]
    await wire.flush()
    return streams


@pytest.mark.parametrize(
    "fields",
    [
        {"streamtype": "data"},
        {"streamtype": "data", "port": ""},
        {"streamtype": "data", "port": "0"},
        {"streamtype": "data", "port": "65536"},
        {"streamtype": "data", "port": "+80"},
        {"streamtype": "data", "port": "٣"},
        {"streamtype": "stdin", "port": "80"},
        {"port": "80"},
    ],
)
def test_a_stream_that_names_no_port_is_refused(fields: dict[str, str]) -> None:
    async def test() -> None:
        async with serving() as serve:
            wire = await SpdyWire.connect(serve.forward(), "portforward.k8s.io")
            asked = {name: value.encode().decode("latin-1") for name, value in fields.items()}
            (stream,) = await spdy_pair(wire, asked)
            events = await wire.receive()
            assert events is not None and repr(events[0]) == f"StreamReset(stream={stream}, status=1)"
            await wire.close()

    run(test)


def test_a_second_stream_of_a_kind_is_refused() -> None:
    async def test() -> None:
        async with serving() as serve:
            wire = await SpdyWire.connect(serve.forward(), "portforward.k8s.io")
            fields = {"streamtype": "error", "port": "80", "requestid": "7"}
            first, second = await spdy_pair(wire, fields, fields)
            events: list[object] = []
            while len(events) < 2:
                events += await wire.receive() or []
            assert repr(events) == f"[Replied(stream={first}), StreamReset(stream={second}, status=8)]"
            await wire.close()

    run(test)


def test_streams_without_a_request_belong_to_the_one_before() -> None:
    async def test() -> None:
        async with listening(greet) as port, serving() as serve:
            wire = await SpdyWire.connect(serve.forward(), "portforward.k8s.io")
            kinds = ("error", "data")
            _, data = await spdy_pair(wire, *({"streamtype": kind, "port": str(port)} for kind in kinds))
            wire.session.send(data, b"world\n")
            await wire.flush()
            said = ""
            while "hello world" not in said:
                said += repr(await wire.receive())
            await wire.close()

    run(test)


@pytest.mark.parametrize("kind", ["error", "data"])
def test_half_a_connection_expires(kind: str) -> None:
    async def test() -> None:
        async with serving(limits=Limits(wait_streams=1)) as serve:
            wire = await SpdyWire.connect(serve.forward(), "portforward.k8s.io")
            (stream,) = await spdy_pair(wire, {"streamtype": kind, "port": "80", "requestid": "7"})
            events: list[object] = []
            while not any(type(event).__name__ in ("Ended", "StreamReset") for event in events):
                events += await wire.receive() or []
            if kind == "error":
                assert b"did not come in time" in b"".join(getattr(event, "data", b"") for event in events)
            else:
                assert repr(events[-1]) == f"StreamReset(stream={stream}, status=5)"
            await wire.close()

    run(test)

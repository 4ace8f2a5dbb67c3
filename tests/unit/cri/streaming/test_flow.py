"""Who is too fast waits, and who is gone is noticed."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from firkin.cri.streaming.events import Stream
from firkin.cri.streaming.flow import Gate, Held, Inbox
from firkin.cri.streaming.limits import Limits
from firkin.cri.streaming.wire import Wire
from tests.support.stream_clients import SpdyWire, exit_code, open_command
from tests.support.streaming import ALL, OUTPUT, Serving, eventually, run, serving

PROTOCOLS = ("spdy v4.channel.k8s.io", "websocket v5.channel.k8s.io", "websocket base64.channel.k8s.io")
over_all = pytest.mark.parametrize("protocol", PROTOCOLS)
CHUNK = bytes(1 << 16)
MUCH = 8 << 20
LIMITS = Limits(held_low=1 << 17, held_high=1 << 18, unsent_low=1 << 15, unsent_high=1 << 17)


def wire(serve: Serving) -> Wire:
    (found,) = serve.server._connections.wires
    return found


def is_stalled(serve: Serving) -> bool:
    return bool(serve.server._connections.wires) and wire(serve).held._is_paused


@over_all
def test_input_that_is_not_taken_is_not_read(protocol: str, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(limits=LIMITS) as serve:
            command = f"until [ -e {tmp_path}/go ]; do sleep 0.01; done; head -c {MUCH} | wc -c"
            client = await open_command(serve.exec("sh", "-c", command), protocol, ALL)

            async def send_much() -> None:
                for _ in range(MUCH // len(CHUNK)):
                    await client.send(Stream.STDIN, CHUNK)

            sending = asyncio.create_task(send_much())
            await eventually(lambda: is_stalled(serve))
            assert not wire(serve)._transport.is_reading()
            # One that was read at once may go beyond.
            assert LIMITS.held_low < wire(serve).held._bytes <= LIMITS.held_high + (1 << 18)
            assert not sending.done()
            (tmp_path / "go").touch()
            await sending
            await client.finish()
            assert client.received[Stream.STDOUT].split() == [str(MUCH).encode()]
            assert exit_code(client) == 0

    run(test)


@over_all
def test_a_client_that_is_gone_is_noticed_while_it_is_not_read_from(protocol: str) -> None:
    async def test() -> None:
        async with serving(limits=LIMITS) as serve:
            client = await open_command(serve.exec("sleep", "1000"), protocol, ALL)
            while not is_stalled(serve):
                # No more than the kernel takes from it, as its end comes behind all that it sent.
                await client.send(Stream.STDIN, bytes(1 << 12))
                await asyncio.sleep(0)
            assert not wire(serve)._transport.is_reading()
            await client.close()
            await eventually(lambda: serve.runtime.running == 0)

    run(test)


def test_a_peer_that_vanished_from_the_network_is_asked_for() -> None:
    async def test() -> None:
        async with serving() as serve:
            client = await open_command(serve.exec("cat"), PROTOCOLS[0], ALL)
            await client.send(Stream.STDIN, b"x")
            await client.wait_for(b"x")
            sock = wire(serve)._transport.get_extra_info("socket")
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            seconds = [
                sock.getsockopt(socket.IPPROTO_TCP, name) for name in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL)
            ]
            assert max(seconds) <= 60
            await client.close()

    run(test)


@over_all
def test_output_that_is_not_taken_is_not_read_from_the_command(protocol: str) -> None:
    async def test() -> None:
        async with serving(limits=LIMITS) as serve:
            script = f"head -c {MUCH} /dev/zero & head -c {MUCH} /dev/zero >&2; wait"
            client = await open_command(serve.exec("sh", "-c", script, wanted=OUTPUT), protocol, OUTPUT)
            await client.wait_for(b"\0")
            await eventually(lambda: not wire(serve).writable._event.is_set())
            # One read of each stream, in base64, may go beyond.
            assert wire(serve)._transport.get_write_buffer_size() <= LIMITS.unsent_high + (1 << 18)
            await client.finish()
            received = client.received
            assert (len(received[Stream.STDOUT]), len(received[Stream.STDERR])) == (MUCH, MUCH)

    run(test)


def test_who_provokes_answers_and_does_not_read_them_is_cut_off() -> None:
    async def test() -> None:
        async with serving(limits=Limits(unsent_most=1 << 20)) as serve:
            peer = await SpdyWire.connect(serve.exec("cat"), "v4.channel.k8s.io")
            # A reader that nobody reads from stops reading, too.
            peer._reader._transport.pause_reading()  # type: ignore[attr-defined]
            with pytest.raises((ConnectionError, BrokenPipeError)):
                while True:
                    for _ in range(1000):
                        peer.session.ping(1)
                    await peer.flush()
            await peer.close()

    run(test)


class Signs:
    def __init__(self) -> None:
        self.seen: list[str] = []
        self.held = Held(10, 20, lambda: self.seen.append("pause"), lambda: self.seen.append("resume"))


def test_marks_have_a_distance() -> None:
    signs = Signs()
    for count in (20, 1, 5, -15, -1, 9, -9, 11):
        (signs.held.add if count > 0 else signs.held.remove)(abs(count))
    assert signs.seen == ["pause", "resume", "pause"]


def test_input_counts_until_it_was_taken() -> None:
    async def test() -> None:
        signs = Signs()
        inbox = Inbox(signs.held)
        inbox.put(b"x" * 15)
        inbox.put(b"y" * 15)
        assert await inbox.take() == b"x" * 15 + b"y" * 15
        inbox.put(b"z")
        inbox.end()
        assert (signs.held._bytes, signs.seen) == (31, ["pause"])
        assert await inbox.take() == b"z"
        assert (signs.held._bytes, signs.seen) == (1, ["pause", "resume"])
        assert await inbox.take() == b""
        assert signs.held._bytes == 0

    run(test)


def test_much_input_is_taken_in_parts() -> None:
    async def test() -> None:
        signs = Signs()
        inbox = Inbox(signs.held)
        inbox.put(b"x" * (1 << 17) + b"y")
        assert [len(await inbox.take()) for _ in range(3)] == [1 << 16, 1 << 16, 1]
        assert signs.held._bytes == 1

    run(test)


def test_what_nobody_will_take_does_not_count() -> None:
    async def test() -> None:
        signs = Signs()
        inbox = Inbox(signs.held)
        inbox.put(b"x" * ((1 << 16) + 15))
        await inbox.take()
        inbox.close()
        inbox.put(b"z" * 30)
        assert signs.held._bytes == 0
        assert signs.seen == ["pause", "resume"]

    run(test)


def test_who_shuts_the_gate_again_keeps_the_others_waiting() -> None:
    async def test() -> None:
        gate, passed = Gate(), []

        async def pass_one(number: int) -> None:
            await gate.passed()
            passed.append(number)
            gate.shut()

        gate.shut()
        tasks = [asyncio.create_task(pass_one(number)) for number in range(3)]
        await asyncio.sleep(0)
        for count in (1, 2, 3):
            gate.open()
            await eventually(lambda count=count: len(passed) >= count)  # type: ignore[misc]
            assert len(passed) == count
        await asyncio.gather(*tasks)

    run(test)

"""How remote commands behave: the same over every transport and protocol."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from firkin.cri.streaming.events import Stream
from firkin.cri.streaming.request import AttachRequest
from tests.support.local_runtime import LocalRuntime
from tests.support.stream_clients import PROTOCOLS, CommandClient, exit_code, open_command
from tests.support.streaming import ALL, OUTPUT, TERMINAL, eventually, run, serving

over_all = pytest.mark.parametrize("protocol", PROTOCOLS)
ENDING = [protocol for protocol in PROTOCOLS if protocol.startswith("spdy") or "v5" in protocol]
SIZED = [protocol for protocol in PROTOCOLS if protocol not in ("spdy channel.k8s.io", "spdy v2.channel.k8s.io")]


def outputs(client: CommandClient) -> tuple[bytes, bytes]:
    return client.received[Stream.STDOUT], client.received[Stream.STDERR]


@over_all
def test_output_and_errors_come_by_themselves_and_the_exit_code_last(protocol: str) -> None:
    async def test() -> None:
        async with serving() as serve:
            url = serve.exec("sh", "-c", "echo out; echo err >&2; exit 7", wanted=OUTPUT)
            client = await open_command(url, protocol, OUTPUT)
            await client.finish()
            assert outputs(client) == (b"out\n", b"err\n")
            assert exit_code(client) == 7

    run(test)


@over_all
def test_success_is_told_from_failure(protocol: str) -> None:
    async def test() -> None:
        async with serving() as serve:
            client = await open_command(serve.exec("true"), protocol, ALL)
            await client.finish()
            assert exit_code(client) == 0
            client = await open_command(serve.exec("sh", "-c", "kill -9 $$"), protocol, ALL)
            await client.finish()
            assert exit_code(client) == 137

    run(test)


@over_all
def test_why_a_command_is_not_run_is_said(protocol: str) -> None:
    async def test() -> None:
        async with serving() as serve:
            client = await open_command(serve.exec("true", container="missing"), protocol, ALL)
            await client.finish()
            assert exit_code(client) is None
            assert b"container missing: there is none" in client.received[Stream.ERROR]

    run(test)


@over_all
def test_input_reaches_the_command(protocol: str) -> None:
    async def test() -> None:
        async with serving() as serve:
            client = await open_command(serve.exec("head", "-n", "2"), protocol, ALL)
            await client.send(Stream.STDIN, b"one\nt")
            await client.wait_for(b"")
            await client.send(Stream.STDIN, b"wo\nthree\n")
            await client.finish()
            assert outputs(client) == (b"one\ntwo\n", b"")

    run(test)


@pytest.mark.parametrize("protocol", ENDING)
def test_the_end_of_input_reaches_the_command(protocol: str) -> None:
    async def test() -> None:
        async with serving() as serve:
            client = await open_command(serve.exec("sort"), protocol, ALL)
            await client.send(Stream.STDIN, b"b\na\n")
            await client.end_input()
            await client.finish()
            assert outputs(client) == (b"a\nb\n", b"")

    run(test)


@over_all
def test_more_than_any_buffer_holds_comes_whole(protocol: str) -> None:
    async def test() -> None:
        async with serving() as serve:
            size = 8 << 20
            script = f"head -c {size} /dev/zero; head -c {size} /dev/zero | tr '\\0' e >&2"
            client = await open_command(serve.exec("sh", "-c", script, wanted=OUTPUT), protocol, OUTPUT)
            await client.finish()
            assert outputs(client) == (bytes(size), b"e" * size)
            assert exit_code(client) == 0

    run(test)


@over_all
def test_as_much_input_comes_whole(protocol: str) -> None:
    async def test() -> None:
        async with serving() as serve:
            size = 8 << 20
            client = await open_command(serve.exec("sh", "-c", f"head -c {size} | cksum"), protocol, ALL)
            data = os.urandom(1 << 16)
            for _ in range(size >> 16):
                await client.send(Stream.STDIN, data)
            await client.finish()
            ours = await open_command(serve.exec("cksum"), "spdy v4.channel.k8s.io", ALL)
            await ours.send(Stream.STDIN, data * (size >> 16))
            await ours.end_input()
            await ours.finish()
            assert outputs(client) == outputs(ours)

    run(test)


@over_all
def test_a_command_need_not_read_its_input(protocol: str) -> None:
    async def test() -> None:
        async with serving() as serve:
            client = await open_command(serve.exec("sh", "-c", "exec 0<&-; echo closed"), protocol, ALL)
            for _ in range(32):
                await client.send(Stream.STDIN, bytes(1 << 16))
            await client.finish()
            assert outputs(client) == (b"closed\n", b"")
            assert exit_code(client) == 0

    run(test)


@over_all
def test_streams_that_were_not_asked_for_are_not_there(protocol: str) -> None:
    async def test() -> None:
        async with serving() as serve:
            client = await open_command(serve.exec("sh", "-c", "cat; echo out", wanted=OUTPUT), protocol, OUTPUT)
            if protocol.startswith("websocket"):
                await client.send(Stream.STDIN, b"input")
            await client.finish()
            assert outputs(client) == (b"out\n", b"")

    run(test)


@over_all
def test_a_terminal_has_one_output_and_echoes(protocol: str) -> None:
    async def test() -> None:
        async with serving() as serve:
            url = serve.exec("sh", "-c", "test -t 0 && test -t 2 && read x && echo $x >&2; exit 3", wanted=TERMINAL)
            client = await open_command(url, protocol, TERMINAL)
            await client.send(Stream.STDIN, b"typed\r")
            await client.finish()
            assert outputs(client) == (b"typed\r\ntyped\r\n", b"")
            assert exit_code(client) == 3

    run(test)


@pytest.mark.parametrize("protocol", SIZED)
def test_a_terminal_has_the_size_of_the_clients(protocol: str) -> None:
    async def test() -> None:
        async with serving() as serve:
            until = "until stty size | grep -x '{}'; do read x; done; "
            script = until.format("50 132") + until.format("24 80")
            client = await open_command(serve.exec("sh", "-c", script, wanted=TERMINAL), protocol, TERMINAL)
            await client.resize(132, 50)
            await client.send(Stream.STDIN, b"\r")
            await client.wait_for(b"50 132")
            await client.resize(80, 24)
            await client.send(Stream.STDIN, b"\r")
            await client.finish()
            assert b"24 80" in outputs(client)[0]

    run(test)


@over_all
def test_a_command_whose_client_is_gone_is_let_go(protocol: str) -> None:
    async def test() -> None:
        async with serving() as serve:
            client = await open_command(serve.exec("sh", "-c", "echo begun; exec cat"), protocol, ALL)
            await client.wait_for(b"begun")
            await client.close()
            # What reads its input meets its end, and with it the session.
            await eventually(lambda: serve.runtime.running == 0)

    run(test)


@over_all
def test_a_terminal_whose_client_is_gone_hangs_up(protocol: str, tmp_path: Path) -> None:
    mark = tmp_path / "hung-up"

    async def test() -> None:
        async with serving() as serve:
            script = f"trap 'touch {mark}; exit' HUP; echo begun; while :; do sleep 0.05; done"
            client = await open_command(serve.exec("sh", "-c", script, wanted=TERMINAL), protocol, TERMINAL)
            await client.wait_for(b"begun")
            await client.close()
            await eventually(mark.exists)

    run(test)


@over_all
def test_who_is_left_behind_may_still_write(protocol: str) -> None:
    async def test() -> None:
        async with serving(LocalRuntime(silence=1000)) as serve:
            client = await open_command(serve.exec("sh", "-c", "(sleep 0.1; echo late) & echo early"), protocol, ALL)
            await client.finish()
            assert outputs(client) == (b"early\nlate\n", b"")
            assert exit_code(client) == 0

    run(test)


@over_all
def test_who_is_left_behind_does_not_hold_the_streams(protocol: str) -> None:
    async def test() -> None:
        async with serving(LocalRuntime(silence=0.05)) as serve:
            client = await open_command(serve.exec("sh", "-c", "sleep 1000 & echo $!"), protocol, ALL)
            await client.finish()
            os.kill(int(outputs(client)[0]), signal.SIGKILL)
            assert exit_code(client) == 0

    run(test)


@over_all
def test_attached_clients_are_told_of_the_end_and_not_of_the_code(protocol: str) -> None:
    async def test() -> None:
        runtime = LocalRuntime()
        runtime.attached = ("sh", "-c", "read x; echo $x; exit 5")
        async with serving(runtime) as serve:
            client = await open_command(serve.server.issue(AttachRequest("c", ALL)), protocol, ALL)
            await client.send(Stream.STDIN, b"hello\n")
            await client.finish()
            assert outputs(client) == (b"hello\n", b"")
            assert exit_code(client) == 0

    run(test)


@over_all
def test_a_server_that_stops_says_so_and_not_that_the_command_succeeded(protocol: str) -> None:
    async def test() -> None:
        async with serving() as serve:
            client = await open_command(serve.exec("cat"), protocol, ALL)
            await client.send(Stream.STDIN, b"hello")
            await client.wait_for(b"hello")
            stopping = asyncio.create_task(serve.server.close(60))
            await client.finish()
            await stopping
            assert exit_code(client) is None
            assert b"the server is being stopped" in client.received[Stream.ERROR]

    run(test)

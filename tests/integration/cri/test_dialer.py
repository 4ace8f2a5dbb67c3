"""Connections into network namespaces."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from firkin.cri.streaming.dialer import connect_in, socket_in
from firkin.errors import FirkinError, KernelError, NotFoundError
from tests.support.forward_clients import open_forward
from tests.support.local_runtime import LocalRuntime
from tests.support.streaming import run, serving

pytestmark = pytest.mark.requires("root", "netns", "ip")


SERVER = """
import asyncio, socket, sys

async def main():
    servers = []
    for host, port, text in (("127.0.0.1", 81, b"four"), ("::1", 82, b"six")):
        async def answer(reader, writer, text=text):
            writer.write(text)
            writer.close()
        servers.append(await asyncio.start_server(answer, host, port))
    full = socket.create_server(("127.0.0.1", 84), backlog=0)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


@pytest.fixture
def netns() -> Iterator[str]:
    """The path of a namespace whose loopback interface is up: port 81 answers on IPv4, port 82 on IPv6.

    At port 84 nobody takes what comes, of which the kernel keeps little.
    """
    script = f"ip link set lo up && exec {sys.executable} -c '{SERVER}'"
    with subprocess.Popen(
        ["unshare", "--net", "sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield f"/proc/{process.pid}/ns/net"
        process.stdin.close()


async def answer(netns: str, port: int) -> bytes:
    connection = await connect_in(netns, port, 30)
    answer = b""
    while data := await connection.read():
        answer += data
    connection.abort()
    return answer


def test_ports_of_both_families_are_found(netns: str) -> None:
    async def test() -> None:
        own = os.readlink("/proc/thread-self/ns/net")
        descriptors = len(os.listdir("/proc/self/fd"))
        assert await answer(netns, 81) == b"four"
        assert await answer(netns, 82) == b"six"
        assert os.readlink("/proc/thread-self/ns/net") == own
        assert len(os.listdir("/proc/self/fd")) == descriptors

    run(test)


def test_why_nobody_answers_is_said_for_both_families(netns: str) -> None:
    async def test() -> None:
        descriptors = len(os.listdir("/proc/self/fd"))
        with pytest.raises(FirkinError) as caught:
            await connect_in(netns, 83, 30)
        assert str(caught.value) == (
            "connect to localhost port 83 of the sandbox: 127.0.0.1: Connection refused; ::1: Connection refused"
        )
        assert len(os.listdir("/proc/self/fd")) == descriptors

    run(test)


def test_nobody_is_waited_for_forever(netns: str) -> None:
    async def test() -> None:
        made = []
        with pytest.raises(FirkinError, match=r"127\.0\.0\.1: no answer in 0 s; ::1: Connection refused"):
            while True:
                made.append(await connect_in(netns, 84, 0.3))
        for connection in made:
            connection.abort()

    run(test)


def test_a_namespace_that_is_not_there_is_named(tmp_path: Path) -> None:
    async def test() -> None:
        with pytest.raises(NotFoundError, match=f"network namespace {tmp_path}/gone: No such file"):
            await connect_in(str(tmp_path / "gone"), 80, 30)

    run(test)


def test_what_is_no_network_namespace_is_refused() -> None:
    fd = os.open("/proc/self/ns/mnt", os.O_RDONLY)
    with pytest.raises(KernelError, match="socket in a network namespace: Invalid argument"):
        socket_in(fd, 2, 1)
    os.close(fd)


def test_a_port_of_a_sandbox_is_forwarded(netns: str) -> None:
    async def test() -> None:
        async with serving(LocalRuntime(netns)) as serve:
            client = await open_forward(serve.forward(), "spdy")
            four, six, none = await client.open(81), await client.open(82), await client.open(83)
            await client.until(lambda: {four, six} <= client.ended and none in client.closed)
            assert (client.received[four], client.received[six]) == (b"four", b"six")
            assert b"error forwarding port 83: connect to localhost" in client.errors[none]
            await client.close()

    run(test)


def test_other_threads_are_not_taken_along(netns: str) -> None:
    async def test() -> None:
        fd = os.open(netns, os.O_RDONLY)
        own = os.readlink("/proc/self/ns/net")

        def look() -> set[str]:
            return {os.readlink("/proc/thread-self/ns/net") for _ in range(3000)}

        looking = [asyncio.create_task(asyncio.to_thread(look)) for _ in range(3)]
        while not all(task.done() for task in looking):
            socket_in(fd, 2, 1).close()
            await asyncio.sleep(0)
        assert set().union(*(task.result() for task in looking)) == {own}
        os.close(fd)

    run(test)

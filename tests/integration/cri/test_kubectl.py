"""Genuine clients: kubectl, over each transport that it speaks.

It comes with the packages of the test environment; one of the system is tried too, as it may be of another age.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import shutil
import struct
import sys
import termios
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.kube_front import KubeFront
from tests.support.local_runtime import LocalRuntime
from tests.support.streaming import Serving, eventually, run, serving

_OWN = Path(sys.executable).parent / "kubectl"
_SYSTEM = shutil.which("kubectl", path="/usr/local/bin:/usr/bin:/bin")
_SPDY = {"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "false", "KUBECTL_PORT_FORWARD_WEBSOCKETS": "false"}
# What is spoken, as the requests say it.
_WORDS = {"spdy": "SPDY/3.1", "websocket": "websocket"}
CLIENTS = [(str(_OWN), "websocket"), (str(_OWN), "spdy"), *([(_SYSTEM, "spdy")] if _SYSTEM else [])]

pytestmark = [
    pytest.mark.requires("kubectl"),
    pytest.mark.parametrize(("program", "transport"), CLIENTS, ids=lambda value: value.replace("/", "-").strip("-")),
]


class Kubectl:
    """Runs kubectl against the front of a server."""

    def __init__(self, serve: Serving, front: KubeFront, program: str, transport: str, home: Path) -> None:
        self.serve, self.front = serve, front
        self._program, self._transport = program, transport
        self._environment = {"HOME": str(home), "PATH": os.environ["PATH"], **(_SPDY if transport == "spdy" else {})}

    async def start(
        self, *arguments: str, stdin: int = asyncio.subprocess.PIPE, output: int = asyncio.subprocess.PIPE
    ) -> asyncio.subprocess.Process:
        """Start it with pipes, or with other descriptors in their place."""
        command = (self._program, f"--server={self.front.url}", *arguments)
        return await asyncio.create_subprocess_exec(
            *command, env=self._environment, stdin=stdin, stdout=output, stderr=output
        )

    async def run(self, *arguments: str, data: bytes = b"") -> tuple[int | None, bytes, bytes]:
        """Exit code, output, errors."""
        process = await self.start(*arguments)
        output, errors = await process.communicate(data)
        assert _WORDS[self._transport] in self.front.seen[-1], errors
        return process.returncode, output, errors


@asynccontextmanager
async def kubectl(
    program: str, transport: str, home: Path, runtime: LocalRuntime | None = None
) -> AsyncIterator[Kubectl]:
    async with serving(runtime) as serve:
        front = KubeFront(serve.server)
        await front.start()
        yield Kubectl(serve, front, program, transport, home)
        await front.close()


def test_output_errors_and_exit_code(program: str, transport: str, tmp_path: Path) -> None:
    async def test() -> None:
        async with kubectl(program, transport, tmp_path) as client:
            script = "echo out; echo err >&2; exit 7"
            code, output, errors = await client.run("exec", "p", "-c", "c", "--", "sh", "-c", script)
            assert (code, output) == (7, b"out\n")
            assert errors == b"err\ncommand terminated with exit code 7\n"
            assert await client.run("exec", "p", "-c", "c", "--", "echo", "hi") == (0, b"hi\n", b"")

    run(test)


def test_why_a_command_is_not_run(program: str, transport: str, tmp_path: Path) -> None:
    async def test() -> None:
        async with kubectl(program, transport, tmp_path) as client:
            code, _, errors = await client.run("exec", "p", "-c", "missing", "--", "true")
            assert code == 1 and b"container missing: there is none" in errors

    run(test)


def test_more_than_16_mib_both_ways(program: str, transport: str, tmp_path: Path) -> None:
    async def test() -> None:
        async with kubectl(program, transport, tmp_path) as client:
            data = os.urandom(17 << 20)
            code, output, errors = await client.run("exec", "-i", "p", "-c", "c", "--", "cat", data=data)
            assert (code, errors) == (0, b"")
            assert output == data

    run(test)


def test_input_that_the_command_does_not_read(program: str, transport: str, tmp_path: Path) -> None:
    async def test() -> None:
        async with kubectl(program, transport, tmp_path) as client:
            script = "exec 0<&-; head -c 3000000 /dev/zero; exit 5"
            words = ("exec", "-i", "p", "-c", "c", "--", "sh", "-c", script)
            with open("/dev/zero", "rb") as endless:
                process = await client.start(*words, stdin=endless.fileno())
            assert process.stdout is not None
            assert len(await process.stdout.read()) == 3000000
            assert await process.wait() == 5

    run(test)


def test_attach(program: str, transport: str, tmp_path: Path) -> None:
    async def test() -> None:
        runtime = LocalRuntime()
        runtime.attached = ("sh", "-c", "read x; echo got $x; exit 3")
        async with kubectl(program, transport, tmp_path, runtime) as client:
            code, output, _ = await client.run("attach", "-i", "p", "-c", "c", data=b"hello\n")
            assert code == 0 and output.endswith(b"got hello\n")

    run(test)


def test_a_terminal_and_its_size(program: str, transport: str, tmp_path: Path) -> None:
    async def test() -> None:
        async with kubectl(program, transport, tmp_path) as client:
            master, slave = os.openpty()
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 132, 0, 0))
            until = "until stty size | grep -x '{}'; do read x; done; "
            script = until.format("50 132") + until.format("24 80") + "exit 4"
            words = ("exec", "-it", "p", "-c", "c", "--", "sh", "-c", script)
            process = await client.start(*words, stdin=slave, output=slave)
            os.close(slave)
            screen = await _screen(master, b"50 132")
            fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
            process.send_signal(28)
            screen += await _screen(master, b"24 80")
            assert await process.wait() == 4, screen
            os.close(master)

    run(test)


async def _screen(master: int, wanted: bytes) -> bytes:
    """What the terminal shows until `wanted` is there, with Enter pressed now and then."""
    os.set_blocking(master, False)
    shown = b""
    while wanted not in shown:
        os.write(master, b"\r")
        await asyncio.sleep(0.1)
        try:
            shown += os.read(master, 1 << 16)
        except BlockingIOError:
            continue
    return shown


def test_a_client_that_is_killed(program: str, transport: str, tmp_path: Path) -> None:
    async def test() -> None:
        async with kubectl(program, transport, tmp_path) as client:
            process = await client.start("exec", "-i", "p", "-c", "c", "--", "cat")
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(b"hello\n")
            assert await process.stdout.readline() == b"hello\n"
            assert client.serve.runtime.running == 1
            process.kill()
            await process.wait()
            await eventually(lambda: client.serve.runtime.running == 0)

    run(test)


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    writer.write(b" end")
    writer.close()


async def _ask(port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


def test_many_connections_to_a_port(program: str, transport: str, tmp_path: Path) -> None:
    async def test() -> None:
        echoing = await asyncio.start_server(_echo, "127.0.0.1", 0)
        remote: int = echoing.sockets[0].getsockname()[1]
        async with kubectl(program, transport, tmp_path) as client:
            process = await client.start("port-forward", "pod/p", f":{remote}", "--address=127.0.0.1")
            assert process.stdout is not None
            found = re.search(rb"127\.0\.0\.1:(\d+) -> ", await process.stdout.readline())
            assert found is not None
            assert _WORDS[transport] in client.front.seen[-1]
            questions = [b"%d" % number * 1000 for number in range(40)] + [os.urandom(4 << 20)]
            answers = await asyncio.gather(*(_ask(int(found[1]), question) for question in questions))
            assert answers == [question + b" end" for question in questions]
            await eventually(lambda: client.serve.runtime.connected == 0)
            process.terminate()
            await process.wait()
        echoing.close()

    run(test)


def test_a_port_where_nobody_listens(program: str, transport: str, tmp_path: Path) -> None:
    async def test() -> None:
        async with kubectl(program, transport, tmp_path) as client:
            with open("/proc/sys/net/ipv4/ip_local_port_range") as text:
                unused = int(text.read().split()[0]) - 1
            process = await client.start("port-forward", "pod/p", f":{unused}", "--address=127.0.0.1")
            assert process.stdout is not None and process.stderr is not None
            found = re.search(rb"127\.0\.0\.1:(\d+) -> ", await process.stdout.readline())
            assert found is not None
            assert await _ask(int(found[1]), b"x") == b""
            errors = b""
            while b"Connection refused" not in errors:
                line = await process.stderr.readline()
                assert line, errors
                errors += line
            if process.returncode is None:
                process.kill()
            await process.wait()

    run(test)

"""`firkin logs`, `exec`, `port-forward` and `top` for pods, beside what kubectl says to the same agent."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from firkin.kubelet.api.meta import ObjectMeta
from firkin.kubelet.api.node import Node as MachineNode
from firkin.kubelet.api.node import NodeStatus
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.apiserver.api import Api
from firkin.kubelet.http.message import Answer, Request
from firkin.kubelet.http.server import Server
from tests.support.agent import Node, node
from tests.support.bundle import FIRKIN
from tests.support.cri_server import IMAGE, CriServer
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge")

_KLOG = re.compile(r"[IWE][0-9]{4} ")
KUBECTL = FIRKIN.parent / "kubectl"
WEB = f"""
apiVersion: v1
kind: Pod
metadata: {{name: web, namespace: default, labels: {{app: web}}}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: web
    image: {IMAGE}
    command: [sh, -c, "echo one; echo two; mkdir /www; echo served > /www/it; exec busybox httpd -f -p 8080 -h /www"]
    ports: [{{containerPort: 8080, name: http}}]
    readinessProbe: {{httpGet: {{path: /it, port: http}}, periodSeconds: 1, timeoutSeconds: 60}}
  - name: side
    image: {IMAGE}
    command: [sh, -c, "echo side; sleep 1000"]
"""


class Ended(NamedTuple):
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str


class Shell:
    """Runs commands of firkin and of kubectl against one agent."""

    def __init__(self, socket: Path, port: int) -> None:
        self._socket = socket
        self._server = f"http://127.0.0.1:{port}"

    def argv(self, line: str) -> list[str]:
        words = shlex.split(line)
        return [str(FIRKIN), words[0], "--socket", str(self._socket), *words[1:]]

    async def firkin(self, line: str, given: bytes = b"") -> Ended:
        return await _run(self.argv(line), given)

    async def both(self, line: str, given: bytes = b"", *, in_any_order: bool = False) -> Ended:
        """What firkin says, which must be what kubectl says, who takes several containers in the order of a Go map."""
        words = shlex.split(line)
        kubectl = await _run([str(KUBECTL), f"--server={self._server}", *words], given)
        firkin = await self.firkin(line, given)
        if in_any_order:
            assert sorted(firkin.out.splitlines()) == sorted(kubectl.out.splitlines())
            kubectl = kubectl._replace(out=firkin.out)
        assert firkin == kubectl
        return firkin

    @asynccontextmanager
    async def running(self, line: str) -> AsyncIterator[asyncio.subprocess.Process]:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*self.argv(line), stdout=pipe, stderr=pipe)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def _run(argv: list[str], given: bytes) -> Ended:
    pipe = asyncio.subprocess.PIPE
    home = {**os.environ, "HOME": "/nonexistent"}
    process = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe, stderr=pipe, env=home)
    # A busy machine takes long for all of them, but not for one.
    async with asyncio.timeout(SECONDS):
        out, err = await process.communicate(given)
    # On a busy machine kubectl tells of its own slowness.
    said = "".join(line for line in err.decode().splitlines(keepends=True) if not _KLOG.match(line))
    return Ended(process.returncode or 0, out.decode(), said)


@asynccontextmanager
async def shell(server: CriServer, place: Path) -> AsyncIterator[tuple[Node, Shell]]:
    async with node(place, server) as here:
        outside = here.agent.outside
        api = Api(here.objects, "node", outside.subresources())

        async def answer(request: Request) -> Answer:
            return await outside.answer(request) or await api.handle(request)

        serving = Server(answer)
        await serving.listen_unix(str(place / "own.sock"))
        port = await serving.listen_tcp("127.0.0.1", 0)
        if here.objects.get(MachineNode, "", "node") is None:
            status = NodeStatus(allocatable={"cpu": "2", "memory": "8Gi"})
            here.objects.create(MachineNode(metadata=ObjectMeta(name="node"), status=status))
        try:
            yield here, Shell(place / "own.sock", port)
        finally:
            await serving.close()


def is_ready(pod: Pod) -> bool:
    return any(one.type == "Ready" and one.status == "True" for one in pod.status.conditions)


async def check_logs(shell: Shell) -> None:
    defaulted = 'Defaulted container "web" out of: web, side\n'
    assert await shell.both("logs web") == (0, "one\ntwo\n", defaulted)
    assert await shell.both("logs pod/web -c web --tail=1") == (0, "two\n", "")
    assert (await shell.both("logs web side --timestamps")).out.endswith("Z side\n")
    assert await shell.both("logs -l app=web --all-containers --prefix", in_any_order=True) == (
        0, "[pod/web/web] one\n[pod/web/web] two\n[pod/web/side] side\n", "",
    )  # fmt: skip
    assert (await shell.both("logs web -c web --limit-bytes=5")).out == "one\nt"
    for line, reason in (
        ("logs web -c other", "container other is not valid for pod web out of: web, side"),
        ("logs other", 'pods "other" not found'),
        ("logs web -p", 'previous terminated container "web" in pod "web" not found'),
        ("logs web --since=soon", "invalid duration 'soon'"),
    ):
        ended = await shell.firkin(line)
        assert ended.code != 0
        assert reason in ended.err


async def check_exec(shell: Shell) -> None:
    assert await shell.both("exec pod/web -c web -- echo hi") == (0, "hi\n", "")
    assert await shell.both("exec -i pod/web -c web -- cat", b"given") == (0, "given", "")
    assert await shell.both("exec pod/web -c web -- sh -c 'echo no >&2; exit 3'") == (
        3, "", "no\ncommand terminated with exit code 3\n",
    )  # fmt: skip
    missing = await shell.firkin("exec pod/web -c web -- missing")
    assert missing.code != 0
    assert "no such file or directory" in missing.err


async def check_top(shell: Shell) -> None:
    # Figures change from one to the other: what stays are the words and where they stand.
    for line in ("top pods", "top pods -A --sum", "top pods --containers", "top pod web --no-headers"):
        ended = await shell.firkin(line)
        assert ended.code == 0, ended.err
        assert "web " in ended.out
    assert (await shell.firkin("top pods")).out.startswith("NAME   CPU(cores)   MEMORY(bytes)   \nweb    ")
    assert (await shell.firkin("top node")).out.startswith(
        "NAME   CPU(cores)   CPU(%)   MEMORY(bytes)   MEMORY(%)   \nnode   "
    )
    assert await shell.both("top pods -l app=none") == (0, "", "No resources found in default namespace.\n")


async def check_forward(shell: Shell) -> None:
    async with shell.running("port-forward web :http") as process:
        assert process.stdout is not None
        said = (await process.stdout.readline()).decode()
        assert said.startswith("Forwarding from 127.0.0.1:")
        assert said.endswith(" -> 8080\n")
        port = int(said.split()[2].rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /it HTTP/1.0\r\n\r\n")
        assert (await reader.read()).endswith(b"\r\n\r\nserved\n")
        writer.close()
        lines = [await process.stdout.readline()]
        while not lines[-1].startswith(b"Handling"):
            lines.append(await process.stdout.readline())
        assert lines[-1] == f"Handling connection for {port}\n".encode()
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0


def test_pods_are_used_by_name(server: CriServer, tmp_path: Path) -> None:
    async def script() -> None:
        async with shell(server, tmp_path) as (here, commands):
            here.apply(WEB)
            await here.wait("web", is_ready)
            await check_logs(commands)
            await check_exec(commands)
            await check_top(commands)
            async with asyncio.timeout(SECONDS):
                await check_forward(commands)
            async with asyncio.timeout(SECONDS), commands.running("logs -f web -c web") as following:
                assert following.stdout is not None
                assert await following.stdout.readline() == b"one\n"
                here.delete("web")
                assert await following.stdout.read() == b"two\n"
                assert await following.wait() == 0
            await here.wait_gone("web")

    asyncio.run(script())

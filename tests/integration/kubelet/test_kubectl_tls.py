"""The genuine kubectl uses streams of pods through TLS: by certificate and token, SPDY and WebSocket, and proxies."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from firkin.kubelet.http.message import Answer, Request
from firkin.kubelet.server.proxy import hand_on
from firkin.kubelet.server.settings import ServerSettings
from tests.support.agent import Node, node
from tests.support.bundle import FIRKIN
from tests.support.certificates import Authority, Pair
from tests.support.connect_proxy import ConnectProxy, connect_proxy
from tests.support.cri_server import IMAGE, CriServer
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge", "kubectl", "openssl")

KUBECTL = FIRKIN.parent / "kubectl"
TOKEN = "a token of some length"
WEB = f"""
apiVersion: v1
kind: Pod
metadata: {{name: web, namespace: default}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: web
    image: {IMAGE}
    command: [sh, -c, "mkdir /www; echo served > /www/it; exec busybox httpd -f -p 8080 -h /www"]
    readinessProbe: {{httpGet: {{path: /it, port: 8080}}, periodSeconds: 1, timeoutSeconds: 60}}
  - name: echo
    image: {IMAGE}
    stdin: true
    command: [sh, -c, "while read line; do echo got $line; done"]
"""


@dataclass
class Access:
    """How one kubectl comes to the agent: its options and its environment. `name` is what it says of itself."""

    name: str
    options: list[str]
    environment: dict[str, str]

    @asynccontextmanager
    async def running(self, *words: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """A command that runs; it is ended with the context."""
        argv = [str(KUBECTL), *self.options, *words]
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=pipe, stdout=pipe, stderr=pipe, env={**os.environ, **self.environment}
        )
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def run(self, *words: str, given: bytes = b"") -> tuple[int, str]:
        """Exit code and output of a command."""
        async with self.running(*words) as process:
            out, err = await process.communicate(given)
            return process.returncode or 0, (out + err).decode()

    async def check(self) -> None:
        """exec with its input and its exit code, attach, and port-forward."""
        assert await self.run("exec", "-i", "web", "-c", "web", "--", "cat", given=b"given") == (0, "given"), self.name
        code, said = await self.run("exec", "web", "-c", "web", "--", "sh", "-c", "echo no >&2; exit 3")
        assert (code, said) == (3, "no\ncommand terminated with exit code 3\n"), self.name
        await self._check_attach()
        await self._check_forward()

    async def _check_attach(self) -> None:
        async with self.running("attach", "-i", "web", "-c", "echo") as process:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(f"{self.name}\n".encode())
            # What others have sent comes to everybody who is attached.
            while (line := await process.stdout.readline()) != f"got {self.name}\n".encode():
                assert line, self.name

    async def _check_forward(self) -> None:
        async with self.running("port-forward", "pod/web", ":8080") as process:
            assert process.stdout is not None
            said = (await process.stdout.readline()).decode()
            assert said.startswith("Forwarding from 127.0.0.1:"), (self.name, said)
            # Two at the same time go through one connection.
            port = int(said.split()[2].rpartition(":")[2])
            assert list(await asyncio.gather(_get(port), _get(port))) == [b"served\n"] * 2, self.name
            process.send_signal(signal.SIGINT)
            await process.wait()


async def _get(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /it HTTP/1.0\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer.rpartition(b"\r\n\r\n")[2]


class Site:
    """An agent with a server for TLS, the authority of which all are."""

    def __init__(self, here: Node, place: Path, authority: Authority, client: Pair) -> None:
        self._place = place
        self._authority = authority
        self._client = client
        self._server = f"https://127.0.0.1:{here.agent.https.port}"

    def access(self, who: str, transport: str, proxy: ConnectProxy | None = None) -> Access:
        """By kubeconfig: `who` is certificate or token, `transport` spdy or websocket."""
        name = f"{who}-{transport}" + (f"-{proxy.url.partition(':')[0]}" if proxy else "")
        path = self._place / f"{name}.kubeconfig"
        path.write_text(json.dumps(self._kubeconfig(who, proxy)))
        wanted = "true" if transport == "websocket" else "false"
        environment = {
            "HOME": str(self._place / name), "KUBECONFIG": str(path), "SSL_CERT_FILE": str(self._authority.certificate),
            "KUBECTL_REMOTE_COMMAND_WEBSOCKETS": wanted, "KUBECTL_PORT_FORWARD_WEBSOCKETS": wanted,
        }  # fmt: skip
        return Access(name, [], environment)

    def by_options(self) -> Access:
        """By options alone."""
        options = [
            f"--server={self._server}", f"--certificate-authority={self._authority.certificate}",
            f"--client-certificate={self._client.certificate}", f"--client-key={self._client.key}",
        ]  # fmt: skip
        return Access("options", options, {"HOME": str(self._place / "options"), "KUBECONFIG": os.devnull})

    def _kubeconfig(self, who: str, proxy: ConnectProxy | None) -> dict[str, Any]:
        cluster = {"server": self._server, "certificate-authority": str(self._authority.certificate)}
        if proxy is not None:
            cluster["proxy-url"] = proxy.url
        user = {"token": TOKEN}
        if who == "certificate":
            user = {"client-certificate": str(self._client.certificate), "client-key": str(self._client.key)}
        return {
            "apiVersion": "v1", "kind": "Config", "current-context": "here",
            "clusters": [{"name": "here", "cluster": cluster}], "users": [{"name": "me", "user": user}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        }  # fmt: skip


@asynccontextmanager
async def site(server: CriServer, place: Path) -> AsyncIterator[tuple[Node, Site, ssl.SSLContext]]:
    authority = Authority(place / "ca")
    own = authority.sign("node")
    (place / "token").write_text(f"{TOKEN}\n")
    settings = ServerSettings(
        address="127.0.0.1", port=0, client_ca=str(authority.certificate), token_file=str(place / "token"),
        certificate=str(own.certificate), key=str(own.key),
    )  # fmt: skip
    of_proxy = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    of_proxy.load_cert_chain(own.certificate, own.key)
    async with node(place, server, server=settings) as here:
        yield here, Site(here, place, authority, authority.sign("admin")), of_proxy


def test_kubectl_streams_through_tls_and_proxies(
    server: CriServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrades: set[tuple[str, str]] = set()

    def watched(request: Request, url: str) -> Answer:
        upgrades.add((request.path.rpartition("/")[2], request.headers["upgrade"].lower()))
        return hand_on(request, url)

    monkeypatch.setattr("firkin.kubelet.server.streams.hand_on", watched)

    async def script() -> None:
        async with site(server, tmp_path) as (here, there, tls), AsyncExitStack() as stack, asyncio.timeout(SECONDS):
            await here.ready(WEB)
            plain = await stack.enter_async_context(connect_proxy())
            secret = await stack.enter_async_context(connect_proxy(tls))
            for many in (
                [there.access(who, how) for who in ("certificate", "token") for how in ("spdy", "websocket")],
                [there.access("certificate", "spdy", plain), there.access("token", "websocket", plain)],
                [there.access("token", "spdy", secret), there.access("certificate", "websocket", secret)],
                [there.by_options()],
            ):
                await asyncio.gather(*(one.check() for one in many))
            for proxy in (plain, secret):
                assert set(proxy.passed) == {f"127.0.0.1:{here.agent.https.port}"} and len(proxy.passed) >= 8
            here.delete("web", 0)

    asyncio.run(script())
    kinds = ("exec", "attach", "portforward")
    assert upgrades == {(kind, how) for kind in kinds for how in ("spdy/3.1", "websocket")}

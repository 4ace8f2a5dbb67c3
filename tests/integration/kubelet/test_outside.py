"""The kubelet's endpoints over HTTPS, of an agent with a pod that runs."""

from __future__ import annotations

import asyncio
import json
import ssl
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from firkin.kubelet.api.pod import Pod
from firkin.kubelet.logs.pods import running_logs
from firkin.kubelet.logs.rotation import Rotator
from firkin.kubelet.server.settings import ServerSettings
from tests.support.agent import Node, node
from tests.support.certificates import Authority, Pair
from tests.support.cri_server import IMAGE, CriServer
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge")

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
    command: [sh, -c, "echo one; echo two; echo three; mkdir /www; echo served > /www/it;
              exec busybox httpd -f -p 8080 -h /www"]
    readinessProbe: {{httpGet: {{path: /it, port: 8080}}, periodSeconds: 1, timeoutSeconds: 60}}
"""


class Client:
    """Asks the server with the token, a certificate, or nothing."""

    def __init__(self, session: aiohttp.ClientSession, port: int, pair: Pair) -> None:
        self._session = session
        self._pair = pair
        self.place = f"127.0.0.1:{port}"

    def tls(self, *, with_certificate: bool = False) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if with_certificate:
            context.load_cert_chain(self._pair.certificate, self._pair.key)
        return context

    async def get(self, path: str, token: str = TOKEN, *, with_certificate: bool = False) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        tls = self.tls(with_certificate=with_certificate)
        async with self._session.get(f"https://{self.place}{path}", headers=headers, ssl=tls) as answer:
            return answer.status, await answer.text()

    async def post(self, path: str) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with self._session.post(f"https://{self.place}{path}", headers=headers, ssl=self.tls()) as answer:
            return answer.status, await answer.text()

    async def text(self, path: str) -> str:
        status, text = await self.get(path)
        assert status == 200, text
        return text

    async def document(self, path: str) -> Any:
        return json.loads(await self.text(path))

    def stream(self, path: str, protocol: str) -> connect:
        return connect(
            f"wss://{self.place}{path}",
            ssl=self.tls(),
            subprotocols=[Subprotocol(protocol)],
            additional_headers={"Authorization": f"Bearer {TOKEN}"},
            proxy=None,
        )


@asynccontextmanager
async def asked(server: CriServer, place: Path) -> AsyncIterator[tuple[Node, Client]]:
    authority = Authority(place / "ca")
    (place / "token").write_text(f"{TOKEN}\n")
    settings = ServerSettings(
        address="127.0.0.1", port=0, client_ca=str(authority.certificate), token_file=str(place / "token")
    )
    async with node(place, server, server=settings) as here, aiohttp.ClientSession() as session:
        yield here, Client(session, here.agent.https.port, authority.sign("admin"))


def is_ready(pod: Pod) -> bool:
    return any(one.type == "Ready" and one.status == "True" for one in pod.status.conditions)


async def check_door(client: Client) -> None:
    for token in ("", "a token of some other length"):
        status, text = await client.get("/pods", token)
        assert (status, json.loads(text)["message"]) == (401, "Unauthorized")
    assert await client.get("/healthz", "", with_certificate=True) == (200, "ok")
    assert (await client.get("/none"))[0] == 404


async def check_statistics(client: Client) -> None:
    assert [one["metadata"]["name"] for one in (await client.document("/pods"))["items"]] == ["web"]
    assert (await client.document("/configz"))["kubeletconfig"]["node_name"] == "node"
    summary = await client.document("/stats/summary")
    [pod] = summary["pods"]
    assert pod["podRef"]["name"] == "web"
    assert pod["containers"][0]["cpu"]["usageCoreNanoSeconds"] > 0
    assert pod["network"]["interfaces"][0]["name"] == "eth0"
    assert summary["node"]["memory"]["workingSetBytes"] > 0
    assert summary["node"]["fs"]["capacityBytes"] > summary["node"]["runtime"]["imageFs"]["usedBytes"] > 0
    resource = await client.text("/metrics/resource")
    assert 'container_cpu_usage_seconds_total{container="web",namespace="default",pod="web"} ' in resource
    assert "\nresource_scrape_error 0\n" in resource
    cadvisor = await client.text("/metrics/cadvisor")
    assert "# TYPE container_network_receive_bytes_total counter\n" in cadvisor
    assert cadvisor.count("# TYPE container_cpu_usage_seconds_total counter\n") == 1
    probes = await client.text("/metrics/probes")
    assert 'prober_probe_total{container="web",namespace="default",pod="web",pod_uid="' in probes
    assert 'kubelet_running_containers{container_state="running"} 1\n' in await client.text("/metrics")
    usage = await client.document("/apis/metrics.k8s.io/v1beta1/namespaces/default/pods")
    assert usage["items"][0]["containers"][0]["name"] == "web"
    assert (await client.document("/apis/metrics.k8s.io/v1beta1/nodes/node"))["usage"]["memory"].endswith("Ki")


async def check_logs(client: Client) -> None:
    logs = "/containerLogs/default/web/web"
    assert await client.text(logs) == "one\ntwo\nthree\n"
    assert await client.text(f"{logs}?tailLines=1") == "three\n"
    for path, status, reason in (
        (f"{logs}?previous=true", 400, 'previous terminated container "web" in pod "web" not found'),
        (f"{logs}?tailLines=x", 400, "no whole number"),
        ("/containerLogs/default/web/other", 400, "container other is not valid for pod web"),
        ("/containerLogs/default/other/web", 404, 'pod "other" not found'),
    ):
        found, text = await client.get(path)
        assert found == status
        assert reason in json.loads(text)["message"]


async def check_rotation(here: Node, client: Client, logs: Path) -> None:
    # What is followed goes on in the log that the runtime opened.
    runtime, objects = here.agent.services.runtime, here.objects
    rotator = Rotator(
        runtime, lambda: running_logs(objects, str(logs)), most_bytes=1, most_files=2, clock=lambda: datetime.now(UTC)
    )
    await rotator.look()
    [directory] = logs.glob("default_web_*/web")
    rotated, now = sorted(directory.iterdir(), key=lambda path: -len(path.name))
    assert (now.name, rotated.name.startswith("0.log.20")) == ("0.log", True)
    assert rotated.read_text().count("\n") == 3
    [container] = (await here.wait("web", is_ready)).status.container_statuses
    container_id = container.container_id.rpartition("//")[2]
    await runtime.exec_sync(container_id, ["sh", "-c", "echo again > /proc/1/fd/1"])
    while (text := await client.text("/containerLogs/default/web/web")) == "":
        await asyncio.sleep(0.01)
    assert text == "again\n"


async def check_streams(client: Client) -> None:
    command = "/exec/default/web/web?command=cat&input=1&output=1&error=1"
    async with client.stream(command, "v5.channel.k8s.io") as cat:
        await cat.send(b"\0hello")
        said = b""
        while b"hello" not in said:
            message = await cat.recv()
            assert isinstance(message, bytes)
            said += message[1:]
        await cat.send(b"\xff\0")
        messages = [message async for message in cat]
        assert b'"Success"' in b"".join(one for one in messages if isinstance(one, bytes))
    async with client.stream("/portForward/default/web?port=8080", "v4.channel.k8s.io") as forward:
        await forward.send(b"\0GET /it HTTP/1.0\r\n\r\n")
        data = b""
        while b"served\n" not in data:
            message = await forward.recv()
            assert isinstance(message, bytes)
            data += message[1:] if message[0] == 0 else b""
    status, text = await client.get("/exec/default/web/web?command=ls&output=1")
    assert (status, json.loads(text)["message"]) == (400, "Upgrade request required")


def test_a_pod_is_seen_from_outside(server: CriServer, tmp_path: Path) -> None:
    async def script() -> None:
        async with asked(server, tmp_path) as (here, client), asyncio.timeout(SECONDS):
            here.apply(WEB)
            await here.wait("web", is_ready)
            await check_door(client)
            await check_statistics(client)
            await check_logs(client)
            await check_streams(client)
            [link] = (tmp_path / "links").iterdir()
            assert link.name.startswith("web_default_web-")
            assert link.read_text().count("\n") == 3
            await check_rotation(here, client, tmp_path / "pods")
            # A log that is followed ends with its container.
            following = asyncio.create_task(client.text("/containerLogs/default/web/web?follow=true&tailLines=1"))
            here.delete("web")
            assert await following == "again\n"
            await here.wait_gone("web")

    asyncio.run(script())


@pytest.mark.requires("criu", "overlay")
def test_a_container_is_written_to_an_archive_and_serves_on(server: CriServer, tmp_path: Path) -> None:
    async def script() -> None:
        async with asked(server, tmp_path) as (here, client), asyncio.timeout(SECONDS):
            here.apply(WEB)
            await here.wait("web", is_ready)
            assert (await client.get("/checkpoint/default/web/web"))[0] == 405
            status, text = await client.post("/checkpoint/default/web/web?timeout=120")
            assert status == 200, text
            [path] = json.loads(text)["items"]
            with tarfile.open(path) as archive:
                assert {"checkpoint/inventory.img", "config.dump", "spec.dump"} <= set(archive.getnames())
            [container] = (await here.wait("web", is_ready)).status.container_statuses
            assert container.restart_count == 0
            here.delete("web")
            await here.wait_gone("web")

    asyncio.run(script())

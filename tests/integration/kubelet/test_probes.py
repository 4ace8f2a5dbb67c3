"""Probes of containers that run in firkin's CRI server, and what they lead to."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from google.protobuf.json_format import ParseDict

from firkin.cri.api import container_pb2, sandbox_pb2
from firkin.kubelet.api.container import Container
from firkin.kubelet.api.meta import ObjectMeta
from firkin.kubelet.api.pod import Pod, PodSpec
from firkin.kubelet.api.probe import ExecAction, Probe
from firkin.kubelet.events.recorder import Named
from firkin.kubelet.probes.check import Checks
from firkin.kubelet.probes.manager import Probes
from firkin.kubelet.probes.verdict import Running
from firkin.kubelet.runtime.client import Runtime
from tests.support.agent import Node, run
from tests.support.cri_server import IMAGE, CriServer
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge")


class Told:
    """What a pod's worker is woken by and people are told."""

    def __init__(self) -> None:
        self.woken = asyncio.Event()
        self.messages: list[str] = []

    def record(self, _: Named, __: str, ___: str, message: str, *, field_path: str = "") -> None:
        self.messages.append(message)

    def wake(self, _: str) -> None:
        self.woken.set()


async def start(runtime: Runtime, server: CriServer, script: str) -> str:
    config = server.pod_config()
    pod = await runtime.run_pod_sandbox(ParseDict({"config": config}, sandbox_pb2.RunPodSandboxRequest()))
    wanted = {"pod_sandbox_id": pod, "sandbox_config": config, "config": server.container_config(script)}
    container = await runtime.create_container(ParseDict(wanted, container_pb2.CreateContainerRequest()))
    await runtime.start_container(container)
    return container


def test_a_container_is_ready_when_its_program_says_so(server: CriServer) -> None:
    async def script() -> None:
        runtime = Runtime(f"unix://{server.socket}")
        told = Told()
        container_id = await start(runtime, server, "while :; do sleep 1; done")
        program = ExecAction(command=["sh", "-c", "test -e /tmp/ready || { echo not yet; exit 1; }"])
        web = Container(name="web", readiness_probe=Probe(exec=program, period_seconds=1, timeout_seconds=100))
        pod = Pod(metadata=ObjectMeta(name="web", uid="u"), spec=PodSpec(containers=[web]))
        probes = Probes(Checks(runtime).ask, told, told.wake)
        probes.watch(pod, {"web": Running(container_id, time.time())}, "")
        async with asyncio.timeout(SECONDS):
            while not told.messages:
                await asyncio.sleep(0.01)
            assert told.messages[0] == "Readiness probe failed: not yet\n"
            assert not probes.verdicts("u")["web"].ready
            await runtime.exec_sync(container_id, ["sh", "-c", "mkdir -p /tmp && touch /tmp/ready"])
            await told.woken.wait()
        assert probes.verdicts("u")["web"].ready
        await probes.close()
        await runtime.close()

    asyncio.run(script())


# Nobody listens at port 9.
FAILING = {
    "program": ("livenessProbe: {exec: {command: [sh, -c, echo dead; exit 1]}", "Liveness probe failed: dead\n"),
    "http": ("livenessProbe: {httpGet: {port: 9}", 'Liveness probe failed: Get "http://'),
    "tcp": ("livenessProbe: {tcpSocket: {port: closed}", "Liveness probe failed: dial tcp "),
    "grpc": ("livenessProbe: {grpc: {port: 9}", "Liveness probe failed: error: failed to connect service"),
    "startup": ("startupProbe: {httpGet: {port: 9}", 'Startup probe failed: Get "http://'),
}
LIVES = "trap exit TERM; while :; do sleep 0.1; done"
SERVES = "mkdir /www && echo ok > /www/index.html && exec busybox httpd -f -p 8080 -h /www"
OFTEN = "periodSeconds: 1, failureThreshold: 1, timeoutSeconds: 60"


def failing_pod() -> str:
    lines = [
        "apiVersion: v1",
        "kind: Pod",
        "metadata: {name: probed, namespace: default}",
        "spec:",
        "  terminationGracePeriodSeconds: 1",
        "  containers:",
        f"  - {{name: web, image: {IMAGE}, command: [sh, -c, {SERVES!r}],",
        f"     readinessProbe: {{httpGet: {{path: /, port: 8080}}, {OFTEN}}}}}",
    ]
    for name, (probe, _) in FAILING.items():
        lines += [
            f"  - name: {name}",
            f"    image: {IMAGE}",
            f"    command: [sh, -c, {LIVES!r}]",
            "    ports: [{name: closed, containerPort: 9}]",
            f"    {probe}, {OFTEN}}}",
        ]
    return "\n".join(lines)


def test_containers_whose_probes_fail_are_restarted_and_others_are_not(server: CriServer, tmp_path: Path) -> None:
    async def script(here: Node) -> None:
        here.apply(failing_pod())

        def is_told(pod: Pod) -> bool:
            status = {one.name: one for one in pod.status.container_statuses}
            return (
                len(status) == 1 + len(FAILING)
                and status["web"].ready
                and all(status[name].restart_count >= 1 for name in FAILING)
            )

        pod = await here.wait("probed", is_told)
        status = {one.name: one for one in pod.status.container_statuses}
        assert status["web"].restart_count == 0
        assert all(status[name].last_state.terminated is not None for name in FAILING)
        assert not status["startup"].ready
        events = here.events("probed")
        for name, (probe, message) in FAILING.items():
            assert any(reason == "Unhealthy" and text.startswith(message) for reason, text in events), events
            kind = probe.partition("Probe")[0]
            assert ("Killing", f"Container {name} failed {kind} probe, will be restarted") in events
        here.delete("probed", 0)
        await here.wait_gone("probed")

    run(server, tmp_path, script)

"""A probe by a program, in a container of firkin's CRI server."""

from __future__ import annotations

import asyncio
import time

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
from tests.support.cri_server import CriServer
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

"""The agent against firkin's CRI server: pods come up, are kept so, and go."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from firkin.kubelet.api.pod import Pod
from tests.support.agent import Node, node
from tests.support.cri_server import IMAGE, CriServer

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge")

WEB = f"""
apiVersion: v1
kind: Pod
metadata: {{name: web, namespace: default}}
spec:
  terminationGracePeriodSeconds: 3
  containers:
  - name: web
    image: {IMAGE}
    command: [sh, -c, "trap 'exit 0' TERM; echo up > /data/up; while :; do sleep 0.1; done"]
    volumeMounts: [{{name: data, mountPath: /data}}]
  - name: side
    image: {IMAGE}
    command: [sh, -c, "while ! test -e /data/up; do sleep 0.1; done; echo seen; sleep 1000"]
    volumeMounts: [{{name: data, mountPath: /data}}]
  volumes:
  - name: data
    emptyDir: {{}}
"""


def is_ready(pod: Pod) -> bool:
    return any(one.type == "Ready" and one.status == "True" for one in pod.status.conditions)


def test_a_pod_comes_up_is_reported_and_goes(server: CriServer, tmp_path: Path) -> None:
    async def script(here: Node) -> None:
        here.apply(WEB)
        pod = await here.wait("web", is_ready)
        status = pod.status
        assert (status.phase, status.qos_class, status.host_ip) == ("Running", "BestEffort", "192.0.2.1")
        assert status.pod_ip.startswith("10.")
        assert [(one.name, one.ready, one.restart_count) for one in status.container_statuses] == [
            ("web", True, 0),
            ("side", True, 0),
        ]
        reasons = [reason for reason, _ in here.events("web")]
        assert sorted(set(reasons)) == ["Created", "Pulled", "Started"]
        here.delete("web")
        await here.wait_gone("web")

    run(server, tmp_path, script)
    assert server("ListPodSandbox").items == []
    assert list((tmp_path / "pods").iterdir()) == []
    assert list((tmp_path / "kubelet" / "pods").iterdir()) == []


def run(server: CriServer, place: Path, script: object) -> None:
    async def within() -> None:
        async with node(place, server) as here:
            await script(here)  # type: ignore[operator]

    asyncio.run(within())

"""Pods that have to go: they write too much, or the node runs out of memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from firkin.kubelet.api.node import Node as NodeObject
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.resources.eviction.observe import Places, observe
from firkin.kubelet.resources.eviction.settings import EvictionSettings
from firkin.kubelet.resources.settings import ResourceSettings
from tests.support.agent import Node, is_ready, main, manifest, run
from tests.support.cri_server import IMAGE, CriServer
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge")

MIB = 1 << 20
# Nothing but what the test is about.
CALM = {"hard": (), "soft": (), "soft_grace": (), "triggers": ()}

SIZED = """\
terminationGracePeriodSeconds: 0
volumes:
- name: data
  emptyDir: {sizeLimit: 1Mi}
"""
MOUNTED = "volumeMounts: [{name: data, mountPath: /data}]"


def _is_failed(pod: Pod) -> bool:
    return pod.status.phase == "Failed"


def _pressures(here: Node) -> set[str]:
    node = here.objects.get(NodeObject, "", "node")
    assert node
    return {one.type for one in node.status.conditions if one.type != "Ready" and one.status == "True"}


def test_a_pod_that_fills_its_volume_beyond_the_limit_is_evicted(shared: CriServer, tmp_path: Path) -> None:
    async def script(here: Node) -> None:
        fill = "dd if=/dev/zero of=/data/x bs=1M count={}; sleep 1000"
        here.apply(manifest("greedy", SIZED, fill.format(3), MOUNTED))
        here.apply(manifest("modest", SIZED, fill.format(0), MOUNTED))
        pod = await here.wait("greedy", _is_failed)
        assert (pod.status.reason, pod.status.message) == (
            "Evicted", 'Usage of EmptyDir volume "data" exceeds the limit "1Mi". ',
        )  # fmt: skip
        assert ("Evicted", pod.status.message) in here.events("greedy")
        target = [one for one in pod.status.conditions if one.type == "DisruptionTarget"]
        assert [(one.status, one.reason) for one in target] == [("True", "TerminationByKubelet")]
        assert is_ready(await here.wait("modest", is_ready))
        assert not _pressures(here)

    settings = EvictionSettings(**CALM, interval_seconds=1, disk_seconds=1)  # type: ignore[arg-type]
    run(shared, tmp_path, script, eviction=settings)


GREEDY = f"""
apiVersion: v1
kind: Pod
metadata: {{name: greedy, namespace: default}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: {IMAGE}
    command: [sh, -c, "dd if=/dev/zero bs=300M count=1 | sleep 1000"]
  - name: restless
    image: {IMAGE}
    command: [sh, -c, "head -c 60m /dev/zero | tail -c 60m | sleep 1000"]
    resources: {{requests: {{memory: 4Mi}}, limits: {{memory: 24Mi}}}}
"""


@pytest.mark.requires("unified", "memory", "psi")
def test_under_memory_pressure_who_uses_more_than_was_requested_goes(server: CriServer, tmp_path: Path) -> None:
    # So rarely looked at that only pressure can be what wakes: that of a container which comes near to its limit, where
    # the kernel makes it wait (memory.high).
    left = observe(Places("/", "/"))["memory.available"].available - 150 * MIB
    settings = EvictionSettings(
        hard=(f"memory.available<{left}",), soft=(), soft_grace=(), triggers=("memory some 20ms 2s",),
        interval_seconds=10 * int(SECONDS),
    )  # fmt: skip

    async def script(here: Node) -> None:
        here.apply(manifest("modest", "terminationGracePeriodSeconds: 0"))
        await here.wait("modest", is_ready)
        here.apply(GREEDY)
        pod = await here.wait("greedy", _is_failed)
        assert pod.status.reason == "Evicted"
        assert pod.status.message.startswith("The node was low on resource: memory. Threshold quantity: ")
        assert "Container main was using " in pod.status.message
        assert _pressures(here) == {"MemoryPressure"}
        here.apply(manifest("late", "terminationGracePeriodSeconds: 0"))
        late = await here.wait("late", _is_failed)
        assert (late.status.reason, late.status.message) == ("Evicted", "The node had condition: [MemoryPressure]. ")
        modest = here.pod("modest")
        assert modest and modest.status.phase == "Running" and main(modest).restart_count == 0

    run(server, tmp_path, script, eviction=settings, resources=ResourceSettings(memory_qos=True))

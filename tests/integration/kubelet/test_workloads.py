"""Workloads and manifests become pods that run, and go with what made them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from firkin.kubelet.api.meta import Resource
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.workload import Deployment, Job
from firkin.kubelet.apiserver.tables import table
from firkin.kubelet.http.message import Request, Response
from firkin.kubelet.workloads.job import is_finished
from tests.support.agent import Node, is_ready, manifest, run
from tests.support.cri_server import IMAGE, CriServer
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge")

CONTAINER = "{name: main, image: IMAGE, command: [sh, -c, 'SCRIPT']}"
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {terminationGracePeriodSeconds: 1, containers: [CONTAINER]}
"""
JOB = """
apiVersion: batch/v1
kind: Job
metadata: {name: sums}
spec:
  completions: 2
  parallelism: 2
  completionMode: Indexed
  template: {spec: {restartPolicy: Never, containers: [CONTAINER]}}
"""


def filled(text: str, script: str) -> bytes:
    return text.replace("CONTAINER", CONTAINER).replace("IMAGE", IMAGE).replace("SCRIPT", script).encode()


async def apply(node: Node, plural: str, name: str, body: bytes) -> None:
    path = f"/apis/{plural.replace('/', '/v1/namespaces/default/')}/{name}"
    answer = await node.agent.api.handle(Request("PATCH", path, {"content-type": "application/apply-patch+yaml"}, body))
    assert isinstance(answer, Response)
    assert answer.status < 300, answer.body


async def until(node: Node, condition: Callable[[], object], *kinds: type[Resource]) -> None:
    async with asyncio.timeout(SECONDS):
        with node.objects.subscribe(*kinds) as changes:
            while not condition():
                await anext(changes)


def pods(node: Node, kind: str) -> list[Pod]:
    return [pod for pod in node.objects.list(Pod) if any(one.kind == kind for one in pod.metadata.owner_references)]


def test_a_deployment_runs_is_updated_and_goes(shared: CriServer, tmp_path: Path) -> None:
    async def script(node: Node) -> None:
        def settled(count: int) -> bool:
            (item,) = node.objects.list(Deployment)
            status = item.status
            told = (status.replicas, status.updated_replicas, status.available_replicas) == (count, count, count)
            return told and status.observed_generation == item.metadata.generation

        await apply(node, "apps/deployments", "web", filled(DEPLOYMENT, "sleep 1000"))
        await until(node, lambda: settled(2), Deployment)
        first = {pod.metadata.uid for pod in pods(node, "ReplicaSet")}
        await apply(node, "apps/deployments", "web", filled(DEPLOYMENT, "sleep 2000"))
        await until(node, lambda: settled(2) and len(node.objects.list(Pod)) == 2, Deployment, Pod)
        second = pods(node, "ReplicaSet")
        assert not first & {pod.metadata.uid for pod in second} and all(map(is_ready, second))
        node.objects.delete(Deployment, "default", "web")
        await until(node, lambda: not node.objects.list(Pod), Pod)

    run(shared, tmp_path, script)


def test_a_job_completes_and_a_static_pod_lives_as_long_as_its_file(shared: CriServer, tmp_path: Path) -> None:
    async def script(node: Node) -> None:
        await apply(node, "batch/jobs", "sums", filled(JOB, "exit $((JOB_COMPLETION_INDEX / 2))"))
        file = tmp_path / "manifests" / "static.yaml"
        file.parent.mkdir()
        file.write_text(manifest("static", "terminationGracePeriodSeconds: 1"))
        await until(node, lambda: is_finished(node.objects.list(Job)[0]), Job)
        (job,) = node.objects.list(Job)
        assert (is_finished(job), job.status.succeeded, job.status.completed_indexes) == ("Complete", 2, "0,1")
        await until(node, lambda: (pod := node.pod("static-node")) and is_ready(pod), Pod)
        found = node.pod("static-node")
        assert found is not None
        cells = table(Pod, [found], datetime.now(UTC), "None", head=True)["rows"][0]["cells"]
        assert cells[:4] == ["static-node", "1/1", "Running", "0"]
        file.unlink()
        await node.wait_gone("static-node")

    run(shared, tmp_path, script)

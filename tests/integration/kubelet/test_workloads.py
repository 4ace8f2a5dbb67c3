"""Workloads and manifests become pods that run, and go with what made them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from firkin.kubelet.api.meta import Resource
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.workload import CronJob, CronJobStatus, Deployment, Job
from firkin.kubelet.apiserver.tables import table
from firkin.kubelet.http.message import Request, Response
from firkin.kubelet.objects.decode import decode_document
from firkin.kubelet.objects.defaults import complete
from firkin.kubelet.objects.documents import read_documents
from firkin.kubelet.objects.store import Objects
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


def test_an_exit_code_ends_a_job_and_one_that_is_ignored_does_not(shared: CriServer, tmp_path: Path) -> None:
    rules = """
  podFailurePolicy:
    rules:
    - {action: Ignore, onExitCodes: {operator: In, values: [7]}}
    - {action: FailJob, onExitCodes: {containerName: c, operator: In, values: [42]}}"""
    script_ = f"if mkdir {tmp_path}/once; then exit 7; fi; exit 42"
    volume = f"volumes: [{{name: v, hostPath: {{path: {tmp_path}}}}}]"
    mount = f"volumeMounts: [{{name: v, mountPath: {tmp_path}}}]"
    text = f"""
apiVersion: batch/v1
kind: Job
metadata: {{name: strict}}
spec:
  backoffLimit: 0{rules}
  template:
    spec:
      restartPolicy: Never
      {volume}
      containers: [{{name: c, image: "{IMAGE}", command: [sh, -c, "{script_}"], {mount}}}]
"""

    async def script(node: Node) -> None:
        await apply(node, "batch/jobs", "strict", text.encode())
        await until(node, lambda: is_finished(node.objects.list(Job)[0]), Job)
        (job,) = node.objects.list(Job)
        (failed,) = [one for one in job.status.conditions if one.type == "Failed"]
        assert (failed.reason, job.status.failed) == ("PodFailurePolicy", 1)
        assert failed.message.endswith("failed with exit code 42 matching FailJob rule at index 1")

    run(shared, tmp_path, script)


def cron_job(name: str, schedule: str, more: str) -> str:
    template = f'{{restartPolicy: Never, containers: [{{name: c, image: "{IMAGE}", command: ["true"]}}]}}'
    job = f"jobTemplate: {{spec: {{template: {{spec: {template}}}}}}}"
    head = f"apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: {name}}}"
    return f"{head}\nspec:\n  schedule: '{schedule}'\n  {more}\n  {job}\n"


def test_what_a_cron_job_missed_without_an_agent_is_made_up_for_once(shared: CriServer, tmp_path: Path) -> None:
    zone = ZoneInfo("Asia/Kathmandu")
    now = datetime.now(UTC).replace(microsecond=0)
    # Twelve hours from the next one, and from the last.
    hour = (now.astimezone(zone).hour + 12) % 24
    text = cron_job("daily", f"0 {hour} * * *", "timeZone: Asia/Kathmandu")
    (document,) = read_documents(text.encode(), "test")
    objects = Objects(f"{tmp_path}/kubelet/objects.db")
    made = objects.create(complete(decode_document(document).object))
    status = CronJobStatus(last_schedule_time=now - timedelta(days=3))
    objects.set_status(CronJob, "default", made.metadata.name, status)
    objects.close()

    async def script(node: Node) -> None:
        await until(node, lambda: node.objects.list(CronJob)[0].status.last_successful_time, CronJob)
        (job,) = node.objects.list(Job)
        (item,) = node.objects.list(CronJob)
        last = item.status.last_schedule_time
        assert last is not None and now - last < timedelta(days=1)
        local = last.astimezone(zone)
        assert (local.hour, local.minute) == (hour, 0)
        assert job.metadata.name == f"daily-{int(last.timestamp()) // 60}"
        forgetful = cron_job("daily", f"0 {hour} * * *", "timeZone: Asia/Kathmandu\n  successfulJobsHistoryLimit: 0")
        await apply(node, "batch/cronjobs", "daily", forgetful.encode())
        await until(node, lambda: not node.objects.list(Job) and not node.objects.list(Pod), Job, Pod)

    run(shared, tmp_path, script)

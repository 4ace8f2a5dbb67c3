"""Jobs and workloads with sidecars such as the documentation of Kubernetes has them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from firkin.kubelet.api.meta import Resource
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.workload import DaemonSet, Deployment, Job
from firkin.kubelet.http.message import Request, Response
from firkin.kubelet.workloads.job import is_finished
from tests.support.agent import Node, run_together, status_of
from tests.support.cri_server import IMAGE, CriServer
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge")


async def apply(here: Node, place: str, text: str) -> None:
    group, plural, name = place.split("/")
    path = f"/apis/{group}/v1/namespaces/default/{plural}/{name}"
    body = text.replace("IMAGE", IMAGE).encode()
    answer = await here.agent.api.handle(Request("PATCH", path, {"content-type": "application/apply-patch+yaml"}, body))
    assert isinstance(answer, Response) and answer.status < 300, answer


def pods_of(here: Node, owner: str) -> list[Pod]:
    return [pod for pod in here.objects.list(Pod) if any(one.name == owner for one in pod.metadata.owner_references)]


async def finished(here: Node, name: str) -> Job:
    async with asyncio.timeout(SECONDS):
        with here.objects.subscribe(Job) as changes:
            async for change in changes:
                if change.object.metadata.name == name and is_finished(change.object):
                    return change.object
    raise AssertionError


INDEXED = """
apiVersion: batch/v1
kind: Job
metadata: {name: indexed}
spec:
  completions: 3
  parallelism: 2
  completionMode: Indexed
  template:
    spec:
      restartPolicy: Never
      initContainers:
      - name: input
        image: IMAGE
        command: [sh, -c, 'set -- foo bar baz; shift $JOB_COMPLETION_INDEX; echo $1 > /input/word']
        volumeMounts: [{name: input, mountPath: /input}]
      containers:
      - name: main
        image: IMAGE
        command: [sh, -c, 'busybox rev /input/word; cat /self/index']
        volumeMounts: [{name: input, mountPath: /input}, {name: self, mountPath: /self}]
      volumes:
      - {name: input, emptyDir: {}}
      - name: self
        downwardAPI:
          items:
          - path: index
            fieldRef: {fieldPath: "metadata.annotations['batch.kubernetes.io/job-completion-index']"}
"""


async def each_pod_has_its_part_of_the_work(here: Node) -> None:
    await apply(here, "batch/jobs/indexed", INDEXED)
    job = await finished(here, "indexed")
    assert (is_finished(job), job.status.succeeded, job.status.completed_indexes) == ("Complete", 3, "0-2")
    said = sorted(here.said(pod) for pod in pods_of(here, "indexed"))
    assert said == [["oof", "0"], ["rab", "1"], ["zab", "2"]]
    assert {pod.metadata.name.rsplit("-", 1)[0] for pod in pods_of(here, "indexed")} == {
        "indexed-0", "indexed-1", "indexed-2",
    }  # fmt: skip


SIDECAR = """
apiVersion: batch/v1
kind: Job
metadata: {name: shipped}
spec:
  template:
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 5
      initContainers:
      - name: shipper
        image: IMAGE
        restartPolicy: Always
        command: [sh, -c, 'trap "cat /opt/log; exit 0" TERM; touch /opt/log; while :; do sleep 0.1; done']
        startupProbe: {exec: {command: [test, -e, /opt/log]}, periodSeconds: 1}
        volumeMounts: [{name: data, mountPath: /opt}]
      containers:
      - name: main
        image: IMAGE
        command: [sh, -c, 'echo logging > /opt/log']
        volumeMounts: [{name: data, mountPath: /opt}]
      volumes: [{name: data, emptyDir: {}}]
"""


async def a_sidecar_does_not_keep_its_job_from_ending(here: Node) -> None:
    await apply(here, "batch/jobs/shipped", SIDECAR)
    job = await finished(here, "shipped")
    assert (is_finished(job), job.status.succeeded) == ("Complete", 1)
    (pod,) = pods_of(here, "shipped")
    pod = await here.wait(pod.metadata.name, lambda pod: status_of(pod, "shipper").state.terminated)
    assert pod.status.phase == "Succeeded" and here.said(pod, "shipper") == ["logging"]


FAILING = """
apiVersion: batch/v1
kind: Job
metadata: {name: failing}
spec:
  backoffLimit: 0
  template: {spec: {restartPolicy: Never, containers: [{name: main, image: IMAGE, command: [sh, -c, exit 42]}]}}
"""


async def a_job_that_has_no_try_left_has_failed(here: Node) -> None:
    await apply(here, "batch/jobs/failing", FAILING)
    job = await finished(here, "failing")
    (failed,) = [one for one in job.status.conditions if one.type == "Failed"]
    assert (failed.reason, job.status.failed) == ("BackoffLimitExceeded", 1)


WITH_SIDECAR = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: app, labels: {app: app}}
spec:
  replicas: 2
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec:
      terminationGracePeriodSeconds: 1
      initContainers:
      - {name: shipper, image: IMAGE, restartPolicy: Always, command: [sh, -c, 'sleep 1000']}
      containers:
      - {name: main, image: IMAGE, command: [sh, -c, 'sleep 1000']}
"""
ON_EACH_NODE = """
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {name: agent}}
  template:
    metadata: {labels: {name: agent}}
    spec:
      terminationGracePeriodSeconds: 1
      tolerations: [{key: node-role.kubernetes.io/control-plane, operator: Exists, effect: NoSchedule}]
      containers: [{name: main, image: IMAGE, command: [sh, -c, 'sleep 1000']}]
"""


async def until(here: Node, kind: type[Resource], name: str, ready: int) -> None:
    async with asyncio.timeout(SECONDS):
        with here.objects.subscribe(kind) as changes:
            async for change in changes:
                found = change.object
                count = found.status.number_ready if isinstance(found, DaemonSet) else 0
                if isinstance(found, Deployment):
                    count = found.status.available_replicas
                if found.metadata.name == name and count == ready:
                    return


async def a_deployment_of_pods_with_a_sidecar(here: Node) -> None:
    await apply(here, "apps/deployments/app", WITH_SIDECAR)
    await until(here, Deployment, "app", 2)
    pods = [pod for pod in here.objects.list(Pod) if pod.metadata.labels.get("app") == "app"]
    assert len(pods) == 2 and all(status_of(pod, "shipper").state.running for pod in pods)


async def one_pod_on_each_node(here: Node) -> None:
    await apply(here, "apps/daemonsets/agent", ON_EACH_NODE)
    await until(here, DaemonSet, "agent", 1)
    assert len(pods_of(here, "agent")) == 1


def test_workloads_do_what_the_documentation_says(shared: CriServer, tmp_path: Path) -> None:
    run_together(
        shared, tmp_path, each_pod_has_its_part_of_the_work, a_sidecar_does_not_keep_its_job_from_ending,
        a_job_that_has_no_try_left_has_failed, a_deployment_of_pods_with_a_sidecar, one_pod_on_each_node,
    )  # fmt: skip

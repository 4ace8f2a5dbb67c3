"""What pods ask for of a node, such as the documentation of Kubernetes has them: resources, classes, labels."""

from __future__ import annotations

from pathlib import Path

import pytest

from firkin.kubelet.api.pod import Pod
from tests.support.agent import Node, has_ended, is_ready, manifest, pod_of, run_together
from tests.support.cri_server import IMAGE, CriServer

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge")

QUICK = "terminationGracePeriodSeconds: 1\n"


def resources(requests: str = "", limits: str = "") -> str:
    parts = [f"requests: {{{requests}}}" if requests else "", f"limits: {{{limits}}}" if limits else ""]
    return f"resources: {{{', '.join(part for part in parts if part)}}}"


CLASSES = {
    "guaranteed": ("Guaranteed", resources("memory: 20Mi, cpu: 70m", "memory: 20Mi, cpu: 70m")),
    "limits-alone": ("Guaranteed", resources("", "memory: 20Mi, cpu: 70m")),
    "burstable": ("Burstable", resources("memory: 10Mi", "memory: 20Mi")),
    "besteffort": ("BestEffort", ""),
}


async def classes_of_quality(here: Node) -> None:
    two = f"initContainers:\n- {{name: other, image: {IMAGE}, restartPolicy: Always, command: [sleep, '1000']}}"
    here.apply(manifest("mixed", f"{QUICK}{two}", more=resources("memory: 20Mi")))
    for name, (_, more) in CLASSES.items():
        here.apply(manifest(name, QUICK, more=more))
    for name, (quality, _) in {**CLASSES, "mixed": ("Burstable", "")}.items():
        pod = await here.wait(name, is_ready)
        assert pod.status.qos_class == quality, name


async def resources_of_the_pod(here: Node) -> None:
    # What the pod says is for all of its containers together.
    text = manifest("whole", f"{QUICK}resources: {{requests: {{cpu: 50m, memory: 20Mi}}, limits: {{memory: 40Mi}}}}",
                    more=resources("memory: 5Mi"))  # fmt: skip
    assert (await here.ready(text)).status.qos_class == "Burstable"


async def refused(here: Node, text: str) -> Pod:
    pod = await here.wait(here.apply(text).metadata.name, has_ended)
    assert pod.status.phase == "Failed"
    assert (pod.status.reason, pod.status.message) in here.events(pod.metadata.name)
    return pod


async def more_than_the_node_has(here: Node) -> None:
    for name, request, reason in (
        ("processors", "cpu: 10000", "OutOfcpu"),
        ("memory", "memory: 1000000Gi", "OutOfmemory"),
        ("pages", "hugepages-4Mi: 8Mi, memory: 1Mi, cpu: 1m", "OutOfhugepages-4Mi"),
    ):
        pod = await refused(here, manifest(name, QUICK, more=resources(request, request)))
        assert pod.status.reason == reason
        assert pod.status.message.startswith(f"Node didn't have enough resource: {reason.removeprefix('OutOf')}, ")


def required(key: str, operator: str, value: str) -> str:
    term = f"{{matchExpressions: [{{key: {key}, operator: {operator}, values: [{value}]}}]}}"
    of_node = f"requiredDuringSchedulingIgnoredDuringExecution: {{nodeSelectorTerms: [{term}]}}"
    rather = "preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, preference: {matchExpressions: [%s]}}]"
    other = rather % "{key: zone, operator: In, values: [elsewhere]}"
    return f"affinity: {{nodeAffinity: {{{of_node}, {other}}}}}\n"


async def nodes_of_a_kind(here: Node) -> None:
    for name, spec in (
        ("selector", "nodeSelector: {disk: ssd}\n"),
        ("named", "nodeName: node\n"),
        ("drawn", required("disk", "In", "ssd")),
        ("tolerant", "tolerations: [{key: example, operator: Exists, effect: NoSchedule}]\n"),
    ):
        await here.ready(manifest(name, QUICK + spec))
    for name, spec, reason in (
        ("not-selector", "nodeSelector: {disk: hdd}\n", "NodeAffinity"),
        ("not-named", "nodeName: other\n", "NodeName"),
        ("not-drawn", required("disk", "NotIn", "ssd"), "NodeAffinity"),
    ):
        pod = await refused(here, manifest(name, QUICK + spec))
        assert pod.status.reason == reason
        assert pod.status.message.startswith(f"Predicate {reason} failed: node(s) didn't match ")


async def ports_of_the_node(here: Node) -> None:
    port = "ports: [{containerPort: 8080, hostPort: 18080, hostIP: 127.0.0.1}]"
    await here.ready(manifest("port", QUICK, more=port))
    assert (await refused(here, manifest("port-again", QUICK, more=port))).status.reason == "NodePorts"


def test_pods_get_of_the_node_what_the_documentation_says(shared: CriServer, tmp_path: Path) -> None:
    run_together(
        shared, tmp_path, classes_of_quality, resources_of_the_pod, more_than_the_node_has, nodes_of_a_kind,
        ports_of_the_node, node_labels=("disk=ssd",),
    )  # fmt: skip


def test_manifests_may_be_written_as_the_documentation_writes_them() -> None:
    # KYAML: YAML in the clothes of JSON, with comments and commas at the end.
    pod = pod_of("""---
{
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name: "flow",  # a comment
    namespace: "default",
  },
  spec: {
    containers: [{
      name: "main",
      image: "image:1",
      args: [
        "-c",
        "echo \\"x\\"; \\
         true\\n",
      ],
    }],
  },
}
""")
    assert pod.spec.containers[0].args == ["-c", 'echo "x"; true\n']

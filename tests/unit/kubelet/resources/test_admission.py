"""Which pods a node takes, and in which words it refuses the others."""

from __future__ import annotations

from typing import Any

import pytest

from firkin.kubelet.api.pod import Pod
from firkin.kubelet.resources.admission import NodeFacts, Refusal, admit, resize_refusal
from firkin.kubelet.resources.node import NodeResources
from tests.support.pods import pod_of

NODE = NodeFacts(
    "node-1",
    NodeResources(cpu=2000, memory=1 << 30, storage=1 << 30, pods=3, hugepages={"2Mi": 4 << 20}),
    {"kubernetes.io/hostname": "node-1", "disk": "ssd"},
)
SHORT = "Node didn't have enough resource: "


def _pod(requests: dict[str, str] | None = None, ports: list[dict[str, Any]] | None = None, **spec: Any) -> Pod:
    container = {"name": "main", "resources": {"requests": requests or {}}, "ports": ports or []}
    return pod_of({"containers": [container], **spec})


@pytest.mark.parametrize(
    ("pod", "active", "expected"),
    [
        (_pod(), [], None),
        (_pod({"cpu": "2", "memory": "1Gi"}), [], None),
        (_pod({"cpu": "1"}), [_pod({"cpu": "1"})], None),
        (_pod({"cpu": "2001m"}), [],
         Refusal("OutOfcpu", f"{SHORT}cpu, requested: 2001, used: 0, capacity: 2000", "cpu", 1)),
        (_pod({"cpu": "1"}), [_pod({"cpu": "600m"}), _pod({"cpu": "700m"})],
         Refusal("OutOfcpu", f"{SHORT}cpu, requested: 1000, used: 1300, capacity: 2000", "cpu", 300)),
        (_pod({"memory": "1Gi"}), [_pod({"memory": "1Mi"})],
         Refusal("OutOfmemory", f"{SHORT}memory, requested: 1073741824, used: 1048576, capacity: 1073741824", "memory",
                 1 << 20)),
        (_pod({"ephemeral-storage": "2Gi"}), [],
         Refusal("OutOfephemeral-storage",
                 f"{SHORT}ephemeral-storage, requested: 2147483648, used: 0, capacity: 1073741824",
                 "ephemeral-storage", 1 << 30)),
        (_pod({"hugepages-2Mi": "4Mi"}), [], None),
        (_pod({"hugepages-2Mi": "4Mi"}), [_pod({"hugepages-2Mi": "2Mi"})],
         Refusal("OutOfhugepages-2Mi", f"{SHORT}hugepages-2Mi, requested: 4194304, used: 2097152, capacity: 4194304",
                 "hugepages-2Mi", 2 << 20)),
        (_pod({"hugepages-1Gi": "1Gi"}), [],
         Refusal("OutOfhugepages-1Gi", f"{SHORT}hugepages-1Gi, requested: 1073741824, used: 0, capacity: 0",
                 "hugepages-1Gi", 1 << 30)),
        # Resources that nobody on this node knows are nobody's to give.
        (_pod({"example.com/gpu": "1"}), [], None),
        (_pod({"cpu": "9"}), [_pod(), _pod(), _pod()],
         Refusal("OutOfpods", f"{SHORT}pods, requested: 1, used: 3, capacity: 3", "pods", 1)),
        # What is too much already is nothing to who asks for nothing.
        (_pod(), [_pod({"cpu": "5"})], None),
        (_pod(nodeSelector={"disk": "ssd"}), [], None),
        (_pod(nodeSelector={"disk": "hdd"}), [],
         Refusal("NodeAffinity",
                 "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector")),
        (_pod(nodeName="node-1"), [], None),
        (_pod(nodeName="node-2"), [],
         Refusal("NodeName", "Predicate NodeName failed: node(s) didn't match the requested node name")),
        (_pod(os={"name": "linux"}), [], None),
        (_pod(os={"name": "windows"}), [],
         Refusal("PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS")),
    ],
)  # fmt: skip
def test_admission(pod: Pod, active: list[Pod], expected: Refusal | None) -> None:
    assert admit(pod, active, NODE) == expected


def _port(number: int = 80, host: int = 0, ip: str = "", protocol: str = "TCP") -> list[dict[str, Any]]:
    return [{"containerPort": number, "hostPort": host, "hostIP": ip, "protocol": protocol}]


@pytest.mark.parametrize(
    ("pod", "other", "clash"),
    [
        (_pod(ports=_port(host=8080)), _pod(ports=_port(host=8080)), True),
        (_pod(ports=_port(host=8080)), _pod(ports=_port(host=8081)), False),
        (_pod(ports=_port(host=8080)), _pod(ports=_port(host=8080, protocol="UDP")), False),
        (_pod(ports=_port(host=8080, ip="127.0.0.1")), _pod(ports=_port(host=8080, ip="10.0.0.1")), False),
        (_pod(ports=_port(host=8080, ip="127.0.0.1")), _pod(ports=_port(host=8080)), True),
        (_pod(ports=_port(80)), _pod(ports=_port(80)), False),
        (_pod(ports=_port(80), hostNetwork=True), _pod(ports=_port(80), hostNetwork=True), True),
        (_pod(ports=_port(80), hostNetwork=True), _pod(ports=_port(host=80)), True),
    ],
)
def test_ports_of_the_node_belong_to_one_pod(pod: Pod, other: Pod, clash: bool) -> None:
    found = admit(pod, [other], NODE)
    assert (found.reason if found else None) == ("NodePorts" if clash else None)


@pytest.mark.parametrize(
    ("pod", "active", "reason", "message"),
    [
        (_pod({"cpu": "3", "memory": "2Gi"}), [], "Infeasible",
         "Node didn't have enough capacity: memory, requested: 2147483648, capacity: 1073741824"),
        (_pod({"cpu": "3"}), [], "Infeasible",
         "Node didn't have enough capacity: cpu, requested: 3000, capacity: 2000"),
        (_pod({"cpu": "2"}), [_pod({"cpu": "1"})], "Deferred",
         f"{SHORT}cpu, requested: 2000, used: 1000, capacity: 2000"),
    ],
)  # fmt: skip
def test_a_resize_is_impossible_or_put_off(pod: Pod, active: list[Pod], reason: str, message: str) -> None:
    refusal = resize_refusal(pod, active, NODE)
    assert refusal is not None and (refusal.reason, refusal.message) == (reason, message)


def test_a_resize_that_fits() -> None:
    assert resize_refusal(_pod({"cpu": "1"}), [_pod({"cpu": "1"})], NODE) is None


def _required(*terms: dict[str, Any]) -> Pod:
    selector = {"nodeSelectorTerms": list(terms)}
    return _pod(affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": selector}})


def _term(key: str, operator: str, *values: str, kind: str = "matchExpressions") -> dict[str, Any]:
    return {kind: [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("terms", "fits"),
    [
        ([_term("disk", "In", "ssd", "nvme")], True),
        ([_term("disk", "In", "hdd")], False),
        ([_term("disk", "In", "hdd"), _term("disk", "Exists")], True),
        ([_term("disk", "NotIn", "ssd")], False),
        ([_term("zone", "NotIn", "a")], True),
        ([_term("zone", "Exists")], False),
        ([_term("zone", "DoesNotExist")], True),
        ([_term("generation", "Gt", "3")], True),
        ([_term("generation", "Gt", "4")], False),
        ([_term("generation", "Lt", "5")], True),
        ([_term("zone", "Lt", "5")], False),
        ([_term("metadata.name", "In", "node-1", kind="matchFields")], True),
        ([_term("metadata.name", "NotIn", "node-1", kind="matchFields")], False),
        ([{**_term("disk", "Exists"), **_term("metadata.name", "In", "other", kind="matchFields")}], False),
        ([{}], False),
    ],
)  # fmt: skip
def test_the_node_has_what_affinity_requires(terms: list[dict[str, Any]], fits: bool) -> None:
    node = NodeFacts("node-1", NODE.allocatable, {**NODE.labels, "generation": "4"})
    refusal = admit(_required(*terms), [], node)
    assert (refusal is None) is fits
    if refusal:
        told = "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"
        assert (refusal.reason, refusal.message) == ("NodeAffinity", told)

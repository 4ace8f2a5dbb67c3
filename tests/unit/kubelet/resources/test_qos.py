"""Classes of service, sums of what pods ask for, and whom the kernel kills first."""

from __future__ import annotations

from typing import Any

import pytest

from firkin.kubelet.resources.cpu import quota_of, shares_of
from firkin.kubelet.resources.oom import oom_score_adj
from firkin.kubelet.resources.priority import is_critical, is_node_critical, priority_of
from firkin.kubelet.resources.qos import qos_class
from firkin.kubelet.resources.totals import pod_limits, pod_requests
from tests.support.pods import pod_of

FULL = {"cpu": "1", "memory": "1Gi"}
GI = 1 << 30


def _container(name: str = "main", policy: str | None = None, **resources: dict[str, str]) -> dict[str, Any]:
    return {"name": name, "resources": resources, "restartPolicy": policy}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, "BestEffort"),
        ({"containers": [_container(requests={"cpu": "0"})]}, "BestEffort"),
        ({"containers": [_container(requests={"ephemeral-storage": "1Gi"}, limits={"ephemeral-storage": "1Gi"})]},
         "BestEffort"),
        ({"containers": [_container(limits=FULL, requests=FULL)]}, "Guaranteed"),
        ({"containers": [_container(limits=FULL)]}, "Guaranteed"),
        ({"containers": [_container(limits=FULL, requests={"cpu": "1000m", "memory": "1024Mi"})]}, "Guaranteed"),
        ({"containers": [_container(limits=FULL, requests={"cpu": "1"})]}, "Guaranteed"),
        ({"containers": [_container(limits=FULL, requests={"cpu": "500m", "memory": "1Gi"})]}, "Burstable"),
        ({"containers": [_container(limits={"cpu": "1"}, requests={"cpu": "1"})]}, "Burstable"),
        ({"containers": [_container(requests={"memory": "1"})]}, "Burstable"),
        ({"containers": [_container(requests=FULL)]}, "Burstable"),
        ({"containers": [_container(limits=FULL), _container("other")]}, "Burstable"),
        ({"containers": [_container(limits=FULL), _container("other", limits=FULL)]}, "Guaranteed"),
        ({"containers": [_container(limits=FULL)], "initContainers": [_container("init")]}, "Burstable"),
        ({"containers": [_container(limits=FULL)], "initContainers": [_container("init", limits=FULL)]}, "Guaranteed"),
        ({"containers": [_container()], "initContainers": [_container("init", requests={"cpu": "1"})]}, "Burstable"),
        ({"resources": {"limits": FULL, "requests": FULL}}, "Guaranteed"),
        ({"resources": {"requests": {"cpu": "1"}}}, "Burstable"),
        ({"resources": {"limits": FULL}, "containers": [_container(requests={"cpu": "100m"})]}, "Guaranteed"),
    ],
)  # fmt: skip
def test_classes_of_service(spec: dict[str, Any], expected: str) -> None:
    assert qos_class(pod_of(spec)) == expected


def test_the_class_of_a_pod_does_not_change() -> None:
    assert qos_class(pod_of({"containers": [_container(limits=FULL)]}, {"qosClass": "Burstable"})) == "Burstable"


@pytest.mark.parametrize(
    ("spec", "requests", "limits"),
    [
        ({}, {}, {}),
        ({"containers": [_container(requests={"cpu": "100m"}), _container("b", limits={"cpu": "1",
                                                                                       "memory": "1Gi"})]},
         {"cpu": 1.1, "memory": GI}, {"cpu": 1, "memory": GI}),
        ({"containers": [_container(requests={"cpu": "1"})],
          "initContainers": [_container("i", requests={"cpu": "3"})]},
         {"cpu": 3}, {}),
        ({"containers": [_container(requests={"cpu": "1"})],
          "initContainers": [_container("s", "Always", requests={"cpu": "2"}), _container("i", requests={"cpu": "2"})]},
         {"cpu": 4}, {}),
        ({"containers": [_container(requests={"cpu": "3"})],
          "initContainers": [_container("i", requests={"cpu": "4"}), _container("s", "Always", requests={"cpu": "2"})]},
         {"cpu": 5}, {}),
        ({"containers": [_container(requests={"cpu": "1"}, limits={"cpu": "2"})],
          "overhead": {"cpu": "250m", "memory": "1Gi"}},
         {"cpu": 1.25, "memory": GI}, {"cpu": 2.25}),
        ({"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "4", "memory": "1Gi"}},
          "containers": [_container(requests={"cpu": "1", "memory": "2Gi", "ephemeral-storage": "1Gi"})]},
         {"cpu": 2, "memory": GI, "ephemeral-storage": GI}, {"cpu": 4, "memory": GI}),
    ],
)  # fmt: skip
def test_sums(spec: dict[str, Any], requests: dict[str, float], limits: dict[str, float]) -> None:
    pod = pod_of(spec)
    assert {name: float(value) for name, value in pod_requests(pod).items()} == requests
    assert {name: float(value) for name, value in pod_limits(pod).items()} == limits


@pytest.mark.parametrize(
    ("milli", "shares", "quota"),
    [(0, 2, 0), (1, 2, 1000), (2, 2, 1000), (10, 10, 1000), (100, 102, 10_000), (1000, 1024, 100_000),
     (2500, 2560, 250_000), (10_000_000, 262_144, 1_000_000_000)],
)  # fmt: skip
def test_thousandths_of_a_processor(milli: int, shares: int, quota: int) -> None:
    assert (shares_of(milli), quota_of(milli)) == (shares, quota)


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        (_container(), 1000),
        (_container(limits=FULL), -997),
        (_container(requests={"cpu": "1"}), 999),
        (_container(requests={"memory": "1Gi"}), 900),
        (_container(requests={"memory": "9Gi"}), 100),
        (_container(requests={"memory": "10Gi"}), 3),
        (_container(requests={"memory": "20Gi"}), 3),
        (_container(requests={"memory": "1"}), 999),
        (_container(limits={"memory": "1Gi"}), 900),
    ],
)
def test_whom_the_kernel_kills_first(container: dict[str, Any], expected: int) -> None:
    pod = pod_of({"containers": [container]})
    assert oom_score_adj(pod, pod.spec.containers[0], 10 * GI) == expected


def test_a_sidecar_is_not_killed_before_whom_it_serves() -> None:
    pod = pod_of({
        "containers": [_container(requests={"memory": "2Gi"}), _container("b", requests={"memory": "1Gi"})],
        "initContainers": [_container("s", "Always", requests={"memory": "100Mi"}), _container("i")],
    })  # fmt: skip
    scores = [oom_score_adj(pod, one, 10 * GI) for one in (*pod.spec.init_containers, *pod.spec.containers)]
    assert scores == [800, 999, 800, 900]


@pytest.mark.parametrize(
    ("spec", "annotations", "priority", "critical", "node_critical"),
    [
        ({}, {}, 0, False, False),
        ({"priority": 5}, {}, 5, False, False),
        ({"priority": 2_000_000_000}, {}, 2_000_000_000, True, False),
        ({"priorityClassName": "system-cluster-critical"}, {}, 2_000_000_000, True, False),
        ({"priorityClassName": "system-node-critical"}, {}, 2_000_001_000, True, True),
        ({}, {"kubernetes.io/config.source": "file"}, 0, True, False),
        ({}, {"kubernetes.io/config.source": "api"}, 0, False, False),
    ],
)
def test_pods_that_the_node_can_not_do_without(
    spec: dict[str, Any], annotations: dict[str, str], priority: int, critical: bool, node_critical: bool
) -> None:
    pod = pod_of(spec, annotations=annotations)
    assert (priority_of(pod), is_critical(pod), is_node_critical(pod)) == (priority, critical, node_critical)


def test_node_critical_pods_are_as_important_as_the_agent() -> None:
    pod = pod_of({"priorityClassName": "system-node-critical"})
    assert oom_score_adj(pod, pod.spec.containers[0], GI) == -997

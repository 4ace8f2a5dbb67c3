"""What fieldRef and resourceFieldRef say of a pod."""

from __future__ import annotations

import pytest

from firkin.kubelet.api.volume import ResourceFieldSelector
from firkin.kubelet.environment.errors import VariableError
from firkin.kubelet.environment.facts import Facts
from firkin.kubelet.environment.fields import field_value, resource_value
from tests.support.pods import pod_of

POD = pod_of(
    {
        "nodeName": "node-1",
        "serviceAccountName": "robot",
        "containers": [
            {
                "name": "main",
                "resources": {
                    "requests": {"cpu": "250m", "memory": "64Mi", "ephemeral-storage": "1Gi"},
                    "limits": {"cpu": "1500m", "memory": "128Mi", "hugepages-2Mi": "4Mi"},
                },
            },
            {"name": "free"},
        ],
        "initContainers": [{"name": "first", "resources": {"limits": {"cpu": "2"}}}],
    },
    labels={"app": "web", "tier": 'say "hi"\n'},
    annotations={"b": "2", "a": "\x01é\\"},
)
FACTS = Facts(("10.0.0.1", "fd00::1"), ("10.1.0.5", "fd01::5"), {"cpu": "1900m", "memory": 1000, "pods": "110"})


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("metadata.name", "web"),
        ("metadata.namespace", "default"),
        ("metadata.uid", POD.metadata.uid),
        ("metadata.labels['app']", "web"),
        ("metadata.labels['absent']", ""),
        ("metadata.annotations['b']", "2"),
        ("metadata.labels", 'app="web"\ntier="say \\"hi\\"\\n"'),
        ("metadata.annotations", 'a="\\x01é\\\\"\nb="2"'),
        ("spec.nodeName", "node-1"),
        ("spec.serviceAccountName", "robot"),
        ("status.hostIP", "10.0.0.1"),
        ("status.hostIPs", "10.0.0.1,fd00::1"),
        ("status.podIP", "10.1.0.5"),
        ("status.podIPs", "10.1.0.5,fd01::5"),
    ],
)
def test_fields(path: str, expected: str) -> None:
    assert field_value(POD, path, FACTS) == expected


@pytest.mark.parametrize("path", ["status.phase", "metadata.labels['a'", "spec.containers", "", "metadata.name['x']"])
def test_other_fields_are_refused(path: str) -> None:
    with pytest.raises(VariableError, match="unsupported fieldPath: "):
        field_value(POD, path, FACTS)


def test_a_pod_without_an_address_has_an_empty_one() -> None:
    assert field_value(POD, "status.podIP", Facts()) == ""


@pytest.mark.parametrize(
    ("container", "resource", "divisor", "expected"),
    [
        ("", "limits.cpu", "0", "2"),
        ("", "limits.cpu", "1m", "1500"),
        ("", "requests.cpu", "1", "1"),
        ("", "requests.cpu", "100m", "3"),
        ("", "limits.memory", "0", str(128 << 20)),
        ("", "limits.memory", "1Mi", "128"),
        ("", "limits.memory", "100Mi", "2"),
        ("", "requests.ephemeral-storage", "1Mi", "1024"),
        ("", "limits.hugepages-2Mi", "1Mi", "4"),
        ("free", "limits.cpu", "0", "2"),
        ("free", "limits.cpu", "1m", "1900"),
        ("free", "limits.memory", "0", "1000"),
        ("free", "requests.cpu", "0", "0"),
        ("free", "limits.hugepages-2Mi", "0", "0"),
        ("first", "limits.cpu", "0", "2"),
    ],
)
def test_resources_are_rounded_up_in_units_of_the_divisor(
    container: str, resource: str, divisor: str, expected: str
) -> None:
    selector = ResourceFieldSelector(resource=resource, container_name=container, divisor=divisor)
    assert resource_value(POD, POD.spec.containers[0], selector, FACTS) == expected


def test_a_limit_of_the_pod_goes_before_what_the_node_has() -> None:
    pod = pod_of({"resources": {"limits": {"memory": "32Mi"}}})
    selector = ResourceFieldSelector(resource="limits.memory", divisor="1Mi")
    assert resource_value(pod, pod.spec.containers[0], selector, FACTS) == "32"


@pytest.mark.parametrize(("container", "resource"), [("", "limits.gpu"), ("", "cpu"), ("nobody", "limits.cpu")])
def test_other_resources_and_containers_are_refused(container: str, resource: str) -> None:
    with pytest.raises(VariableError):
        resource_value(POD, POD.spec.containers[0], ResourceFieldSelector(resource=resource, container_name=container),
                       FACTS)  # fmt: skip

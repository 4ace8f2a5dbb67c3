"""Objects read and write the names that Kubernetes has."""

from __future__ import annotations

import msgspec
import pytest

from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.struct import wire_name

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "labels": {"app": "web"}, "creationTimestamp": "2026-01-02T03:04:05Z"},
    "spec": {
        "hostPID": True,
        "setHostnameAsFQDN": True,
        "containers": [
            {
                "name": "web",
                "image": "web:1",
                "ports": [{"containerPort": 80, "hostIP": "127.0.0.1"}],
                "securityContext": {"seLinuxOptions": {"type": "t"}, "runAsUser": 0},
            }
        ],
        "volumes": [
            {"name": "self", "downwardAPI": {"items": [{"path": "x", "fieldRef": {"fieldPath": "metadata.name"}}]}}
        ],
    },
    "status": {"podIPs": [{"ip": "10.0.0.1"}], "containerStatuses": [{"name": "web", "containerID": "firkin://1"}]},
}


def test_a_pod_is_read_and_what_was_not_given_is_not_written() -> None:
    pod = msgspec.convert(POD, Pod)
    assert pod.spec.host_pid and pod.status.pod_ips[0].ip == "10.0.0.1"
    assert pod.status.container_statuses[0].container_id == "firkin://1"
    written = msgspec.json.decode(msgspec.json.encode(pod))
    assert list(written) == ["apiVersion", "kind", "metadata", "spec", "status"]
    assert written["spec"] == POD["spec"] and written["metadata"] == POD["metadata"]
    assert written["status"]["containerStatuses"][0]["restartCount"] == 0


@pytest.mark.parametrize(
    ("field", "name"),
    [("host_ip", "hostIP"), ("fs_group", "fsGroup"), ("run_as_user", "runAsUser"), ("uid", "uid"), ("from_", "from"),
     ("pod_cidrs", "podCIDRs"), ("downward_api", "downwardAPI"), ("http_get", "httpGet"), ("ip", "ip")],
)  # fmt: skip
def test_names(field: str, name: str) -> None:
    assert wire_name(field) == name

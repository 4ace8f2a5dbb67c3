"""The /etc/hosts that containers get."""

from __future__ import annotations

from typing import Any

import pytest

from firkin.kubelet.environment.hosts import hosts_text, wants_hosts
from tests.support.pods import pod_of

LOCAL = """# Kubernetes-managed hosts file.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
"""
ALIASES = {"hostAliases": [{"ip": "1.2.3.4", "hostnames": ["foo", "bar"]}, {"ip": "::5", "hostnames": ["x"]}]}
ALIAS_TEXT = "\n# Entries added by HostAliases.\n1.2.3.4\tfoo\tbar\n::5\tx\n"


@pytest.mark.parametrize(
    ("spec", "ips", "domain", "expected"),
    [
        ({}, ("10.1.0.5",), "", LOCAL + "10.1.0.5\tweb\n"),
        ({}, ("10.1.0.5", "fd00::5"), "", LOCAL + "10.1.0.5\tweb\nfd00::5\tweb\n"),
        ({}, ("10.1.0.5",), "sub.default.svc.cluster.local",
         LOCAL + "10.1.0.5\tweb.sub.default.svc.cluster.local\tweb\n"),
        (ALIASES, ("10.1.0.5",), "", LOCAL + "10.1.0.5\tweb\n" + ALIAS_TEXT),
        ({"hostNetwork": True}, ("192.0.2.9",), "",
         "# Kubernetes-managed hosts file (host network).\n127.0.0.1 me\n"),
        ({"hostNetwork": True, **ALIASES}, (), "",
         "# Kubernetes-managed hosts file (host network).\n127.0.0.1 me\n" + ALIAS_TEXT),
    ],
)  # fmt: skip
def test_the_text(spec: dict[str, Any], ips: tuple[str, ...], domain: str, expected: str) -> None:
    assert hosts_text(pod_of(spec), ips, "web", domain=domain, of_node="127.0.0.1 me\n") == expected


@pytest.mark.parametrize(
    ("spec", "mounts", "ips", "expected"),
    [
        ({}, [], ("10.1.0.5",), True),
        ({}, [], (), False),
        ({"hostNetwork": True}, [], (), True),
        ({}, [{"name": "v", "mountPath": "/etc/hosts"}], ("10.1.0.5",), False),
        ({}, [{"name": "v", "mountPath": "/etc"}], ("10.1.0.5",), True),
    ],
)
def test_when_it_is_mounted(
    spec: dict[str, Any], mounts: list[dict[str, str]], ips: tuple[str, ...], expected: bool
) -> None:
    pod = pod_of({"containers": [{"name": "main", "volumeMounts": mounts}], **spec})
    assert wants_hosts(pod, pod.spec.containers[0], ips) is expected

"""Resolvers of pods: policies, what is merged, and what resolvers can not take."""

from __future__ import annotations

from typing import Any

import pytest

from firkin.kubelet.environment.dns import NodeDns, dns_config, parse_resolv_conf
from tests.support.pods import pod_of

HOST = NodeDns(("192.0.2.1",), ("example.org",), ("rotate",))
CLUSTER = NodeDns(("192.0.2.1",), ("example.org",), ("rotate",), ("10.96.0.10",), "cluster.local")
CLUSTER_SEARCHES = ["default.svc.cluster.local", "svc.cluster.local", "cluster.local", "example.org"]


@pytest.mark.parametrize(
    ("spec", "node", "expected"),
    [
        ({"dnsPolicy": "Default"}, CLUSTER, (["192.0.2.1"], ["example.org"], ["rotate"])),
        ({"dnsPolicy": "ClusterFirst"}, CLUSTER, (["10.96.0.10"], CLUSTER_SEARCHES, ["ndots:5"])),
        ({"dnsPolicy": "ClusterFirst", "hostNetwork": True}, CLUSTER, (["192.0.2.1"], ["example.org"], ["rotate"])),
        ({"dnsPolicy": "ClusterFirstWithHostNet", "hostNetwork": True}, CLUSTER,
         (["10.96.0.10"], CLUSTER_SEARCHES, ["ndots:5"])),
        ({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["1.2.3.4"], "searches": ["a.b"],
                                             "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}]}},
         CLUSTER, (["1.2.3.4"], ["a.b"], ["ndots:2", "edns0"])),
        ({"dnsPolicy": "ClusterFirst", "dnsConfig": {"nameservers": ["1.2.3.4", "10.96.0.10"],
                                                     "searches": ["a.b", "cluster.local"],
                                                     "options": [{"name": "ndots", "value": "2"}]}},
         CLUSTER, (["10.96.0.10", "1.2.3.4"], [*CLUSTER_SEARCHES, "a.b"], ["ndots:2"])),
        ({"dnsPolicy": "Default", "dnsConfig": {"options": [{"name": "rotate"}, {"name": "timeout", "value": "1"}]}},
         HOST, (["192.0.2.1"], ["example.org"], ["rotate", "timeout:1"])),
    ],
)  # fmt: skip
def test_policies(spec: dict[str, Any], node: NodeDns, expected: tuple[list[str], list[str], list[str]]) -> None:
    found = dns_config(pod_of(spec), node)
    assert (list(found.config.servers), list(found.config.searches), list(found.config.options)) == expected
    assert not found.warnings


def test_without_a_dns_for_pods_they_have_that_of_the_node_and_it_is_said() -> None:
    found = dns_config(pod_of(), HOST)
    assert list(found.config.servers) == ["192.0.2.1"]
    assert found.warnings == (
        ("MissingClusterDNS",
         'pod: "web_default(11111111-2222-3333-4444-555555555555)". kubelet does not have ClusterDNS IP configured and '
         'cannot create Pod using "ClusterFirst" policy. Falling back to "Default" policy.'),
    )  # fmt: skip


def test_more_than_three_servers_are_cut() -> None:
    pod = pod_of({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["1.1.1.1", "2.2.2.2", "3.3.3.3", "4.4.4.4"]}})
    found = dns_config(pod, HOST)
    assert list(found.config.servers) == ["1.1.1.1", "2.2.2.2", "3.3.3.3"]
    assert found.warnings == (
        ("DNSConfigForming",
         "Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: "
         "1.1.1.1 2.2.2.2 3.3.3.3"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("searches", "kept"),
    [
        ([f"s{n}" for n in range(32)], 32),
        ([f"s{n}" for n in range(40)], 32),
        (["a" * 254, "b"], 1),
        (["a" * 253] * 1, 1),
        ([f"{n:02}" + "x" * 198 for n in range(11)], 10),
    ],
)
def test_searches_are_cut_to_what_resolvers_take(searches: list[str], kept: int) -> None:
    pod = pod_of({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["1.1.1.1"], "searches": searches}})
    found = dns_config(pod, HOST)
    assert len(found.config.searches) == kept
    assert len(" ".join(found.config.searches)) <= 2048
    assert [reason for reason, _ in found.warnings] == ["DNSConfigForming"] * (kept < len(searches))


def test_a_resolv_conf_is_read_as_resolvers_do() -> None:
    text = """\
# a comment
; another
nameserver 192.0.2.1
nameserver\t2001:db8::1 trailing
nameserver
domain ignored.example
search old.example
search example.org. example.net
options ndots:1
options rotate timeout:2
"""
    assert parse_resolv_conf(text) == (
        ("192.0.2.1", "2001:db8::1"), ("example.org", "example.net"), ("rotate", "timeout:2"),
    )  # fmt: skip

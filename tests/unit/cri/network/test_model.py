"""What a pod may ask for, and what is refused."""

from __future__ import annotations

import pytest

from firkin.cri.network.bandwidth import bandwidth_of
from firkin.cri.network.model import Bandwidth, Dns, PortMapping, Sandbox
from firkin.cri.network.options import parse_networks, parse_ranges
from firkin.cri.network.pod_files import hostname, hosts, resolv_conf
from firkin.errors import ConfigError

INGRESS, EGRESS = "kubernetes.io/ingress-bandwidth", "kubernetes.io/egress-bandwidth"


@pytest.mark.parametrize(
    ("port", "reason"),
    [
        (("icmp", 80, 80), "'icmp' is none of tcp, udp, sctp"),
        (("tcp", 0, 80), "0 is not a port"),
        (("tcp", 80, 65536), "65536 is not a port"),
        (("tcp", 80, 80, "localhost"), "'localhost' is not an IP address"),
    ],
)
def test_a_wrong_port_is_refused(port: tuple[str, int, int, str], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        PortMapping(*port)


@pytest.mark.parametrize(
    ("port", "text"),
    [
        (PortMapping("tcp", 80, 8080), "8080/tcp"),
        (PortMapping("udp", 53, 53, "192.0.2.1"), "192.0.2.1:53/udp"),
        (PortMapping("tcp", 80, 80, "::1"), "[::1]:80/tcp"),
    ],
)
def test_a_port_is_named_as_users_write_it(port: PortMapping, text: str) -> None:
    assert str(port) == text


@pytest.mark.parametrize("identifier", ["", "a/b", "../x", "a\nb", "-a", "a" * 254])
def test_an_id_that_can_not_name_a_file_is_refused(identifier: str) -> None:
    with pytest.raises(ConfigError, match="is not an identifier"):
        Sandbox(identifier, "/run/netns/x")


@pytest.mark.parametrize(
    ("text", "rate"),
    [("1k", 1000), ("10M", 10**7), ("1Gi", 1 << 30), ("1.5M", 1_500_000), ("2e6", 2_000_000), ("1P", 10**15)],
)
def test_a_rate_is_a_quantity_of_kubernetes(text: str, rate: int) -> None:
    assert bandwidth_of({INGRESS: text}) == Bandwidth(ingress=rate)
    assert bandwidth_of({EGRESS: text, "other": "x"}) == Bandwidth(egress=rate)


@pytest.mark.parametrize("text", ["", "fast", "10 M", "1K", "999", "2P", "-1M", "1e", "1ki"])
def test_what_is_no_rate_is_refused_with_its_annotation(text: str) -> None:
    with pytest.raises(ConfigError, match=r'annotations\["kubernetes.io/egress-bandwidth"\]'):
        bandwidth_of({EGRESS: text})


def test_ranges_are_one_of_each_kind() -> None:
    assert [str(network) for network in parse_ranges(("10.0.0.0/24", " fd00::/64"), "ranges")] == [
        "10.0.0.0/24",
        "fd00::/64",
    ]
    for texts, reason in (
        ((), "has no range"),
        (("10.0.0.1/24",), "has host bits set"),
        (("10.0.0.0/31",), "is too small"),
        (("10.0.0.0/24", "10.0.1.0/24"), "has two ranges of IPv4"),
        (("ten",), "does not appear to be"),
    ):
        with pytest.raises(ConfigError, match=f"network: pod_cidr: .*{reason}"):
            parse_ranges(texts, "pod_cidr")
    assert len(parse_networks(("10.0.0.0/24", "10.0.1.0/24"), "direct")) == 2


def test_a_pod_finds_itself_and_its_aliases_in_hosts() -> None:
    text = hosts("db", ("10.0.0.2", "fd00::2"), [("10.0.0.9", ("cache", "cache.shop"))])
    assert text.startswith("127.0.0.1\tlocalhost\n")
    assert text.endswith("10.0.0.2\tdb\nfd00::2\tdb\n10.0.0.9\tcache cache.shop\n")
    assert "10.0.0.2" not in hosts("", ("10.0.0.2",))


def test_names_are_resolved_as_the_pod_wants_or_as_the_host_does() -> None:
    wishes = Dns(("10.0.0.10",), ("shop.svc", "svc"), ("ndots:5",))
    assert (
        resolv_conf(wishes, "nameserver 192.0.2.1\n") == "search shop.svc svc\nnameserver 10.0.0.10\noptions ndots:5\n"
    )
    assert resolv_conf(Dns(options=("edns0",)), "nameserver 192.0.2.1\n") == "options edns0\n"
    assert resolv_conf(Dns(), "nameserver 192.0.2.1\n") == "nameserver 192.0.2.1\n"
    assert hostname("db") == "db\n"

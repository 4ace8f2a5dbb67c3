"""Traffic of pods in the built-in network: who reaches whom, and with which address."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from tests.support.bridge import Pod, Pods
from tests.support.netns import HOST, OUTSIDE, World, exchange, listener, run
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.requires("root", "netns", "bridge", "nft")
VERSIONS = pytest.mark.parametrize("version", [4, 6])
ANY = {4: "0.0.0.0", 6: "::"}
REPORT, ECHO = 143, 128
GATEWAY = {4: "10.77.0.1", 6: "fd77::1"}
KINDS = pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])


@VERSIONS
def test_pods_reach_each_other_and_themselves_directly(pods: Pods, version: int) -> None:
    a, b = pods.add("a"), pods.add("b")
    assert exchange(a.namespace, (b.ip(version), 80), b.namespace, (ANY[version], 80)) == a.ip(version)
    assert exchange(b.namespace, (a.ip(version), 80), a.namespace, (ANY[version], 80)) == b.ip(version)
    loopback = {4: "127.0.0.1", 6: "::1"}[version]
    assert exchange(a.namespace, (loopback, 80), a.namespace, (loopback, 80)) == loopback


@VERSIONS
def test_pods_and_the_host_reach_each_other_directly(pods: Pods, version: int) -> None:
    a = pods.add("a")
    for address in (GATEWAY[version], HOST[version]):
        assert exchange(a.namespace, (address, 80), None, (ANY[version], 80)) == a.ip(version)
    assert exchange(None, (a.ip(version), 80), a.namespace, (ANY[version], 80)) == GATEWAY[version]


@VERSIONS
@KINDS
def test_the_outside_sees_the_host(pods: Pods, version: int, kind: socket.SocketKind) -> None:
    a = pods.add("a")
    seen = exchange(a.namespace, (OUTSIDE[version], 80), pods.here.outside, (ANY[version], 80), kind)
    assert seen == HOST[version]


@VERSIONS
def test_a_network_that_knows_the_way_sees_the_pod(here: World, version: int, tmp_path: Path) -> None:
    pods = Pods(here, tmp_path / "state", direct=("192.0.2.0/24", "2001:db8::/64"))
    try:
        a = pods.add("a")
        here.outside.run(f"ip route add 10.77.0.0/24 via {HOST[4]}; ip route add fd77::/64 via {HOST[6]}")
        assert exchange(a.namespace, (OUTSIDE[version], 80), here.outside, (ANY[version], 80)) == a.ip(version)
        assert exchange(here.outside, (a.ip(version), 80), a.namespace, (ANY[version], 80)) == OUTSIDE[version]
    finally:
        pods.close()


def test_the_first_packet_arrives(pods: Pods) -> None:
    # One that is lost is sent again a second later, after another question for the neighbour's address.
    for number in range(20):
        pod = pods.add(f"p{number}")
        assert exchange(pod.namespace, (GATEWAY[6], 80), None, ("::", 80)) == pod.ip(6)
        counters = dict(line.split() for line in pod.namespace.run("cat /proc/net/snmp6").splitlines())
        assert counters["Icmp6OutNeighborSolicits"] == "1", number


def test_pods_do_not_reach_the_hosts_loopback(pods: Pods) -> None:
    a = pods.add("a")
    # The pod sends what is for 127.0.0.1 to the host, which would take it: route_localnet is set there.
    a.namespace.run("ip addr flush dev lo; ip route add 127.0.0.1 via 10.77.0.1 src 10.77.0.2")
    a.namespace.run("echo 1 > /proc/sys/net/ipv4/conf/eth0/route_localnet")
    a.namespace.run("ip rule add pref 5 lookup main; ip rule del pref 0; ip rule add pref 6 lookup local")
    assert run("cat /proc/sys/net/ipv4/conf/firkin0/route_localnet") == "1\n"

    def arrives() -> list[bytes]:
        with (
            listener(None, "127.0.0.1", 9, socket.SOCK_DGRAM) as secret,
            listener(None, GATEWAY[4], 9, socket.SOCK_DGRAM) as public,
            a.namespace.entered(),
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
        ):
            sender.sendto(b"secret", ("127.0.0.1", 9))
            sender.sendto(b"public", (GATEWAY[4], 9))
            public.settimeout(SECONDS)
            # What was sent first has come, or will not.
            got = [public.recv(9)]
            secret.setblocking(False)
            try:
                return [*got, secret.recv(9)]
            except BlockingIOError:
                return got

    assert arrives() == [b"public"]
    # The test means something: without the guard it arrives.
    run("nft flush chain inet firkin guard")
    assert arrives() == [b"public", b"secret"]


def test_reports_of_listeners_are_kept_from_other_pods(pods: Pods) -> None:
    a, b = pods.add("a"), pods.add("b")
    assert _heard(a, b) == [ECHO]
    # The test means something: without the table they arrive.
    run("nft delete table bridge firkin")
    assert REPORT in _heard(a, b)


def _heard(a: Pod, b: Pod) -> list[int]:
    # The types of ICMPv6 that `a` hears of `b`, up to an echo request that comes after a report. What groups itself and
    # the host listen to it hears, too, a random part of a second after they begin to.
    addresses = b.namespace.run("ip -6 -o addr show dev eth0")
    with a.namespace.entered():
        listening = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        index = socket.if_nametoindex("eth0")
    with b.namespace.entered():
        sending = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        there = socket.if_nametoindex("eth0")
    with listening, sending:
        group = socket.inet_pton(socket.AF_INET6, "ff02::16") + index.to_bytes(4, sys.byteorder)
        listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
        listening.settimeout(SECONDS)
        # A router alert in the hop-by-hop options.
        sending.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_HOPOPTS, bytes([0, 0, 5, 2, 0, 0, 1, 0]))
        sending.sendto(bytes([REPORT, 0, 0, 0, 0, 0, 0, 0]), ("ff02::16", 0, 0, there))
        sending.sendto(bytes([ECHO, 0, 0, 0, 0, 0, 0, 0]), (a.ip(6), 0))
        types: list[int] = []
        while ECHO not in types:
            message, (source, *_) = listening.recvfrom(64)
            if f" {source.partition('%')[0]}/" in addresses:
                types.append(message[0])
        return [kind for kind in types if kind in (ECHO, REPORT)]


def test_a_pod_has_what_its_record_says_and_no_more(pods: Pods) -> None:
    a = pods.add("a")
    assert a.network.ips == ("10.77.0.2", "fd77::2")
    shown = a.namespace.run("ip -o addr show dev eth0 scope global; ip route; ip -6 route show default; ip -o link")
    assert "10.77.0.2/24" in shown
    assert "fd77::2/64" in shown
    assert "default via 10.77.0.1 dev eth0" in shown
    assert "default via fd77::1 dev eth0" in shown
    assert f"link/ether {a.network.mac}" in shown
    assert len([line for line in shown.splitlines() if line[0].isdigit() and "link/" in line]) == 2
    # No address waits for others to object.
    assert "tentative" not in a.namespace.run("ip addr")
    pods.network.check("a")


def test_what_the_host_lets_through_is_changed_once_and_told(
    here: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run("echo 0 > /proc/sys/net/ipv4/ip_forward; echo 0 > /proc/sys/net/ipv6/conf/all/forwarding")
    run("echo 1 > /proc/sys/net/ipv6/conf/uplink/accept_ra")
    pods = Pods(here, tmp_path / "state")
    said = " ".join(record.getMessage() for record in caplog.records)
    for name in ("net.ipv4.ip_forward = 1", "net.ipv6.conf.all.forwarding = 1", "net.ipv6.conf.uplink.accept_ra = 2"):
        assert name in said
    assert run("cat /proc/sys/net/ipv6/conf/uplink/accept_ra") == "2\n"
    caplog.clear()
    pods.restart()
    assert caplog.records == []
    pods.close()

"""Ports of the host that lead to pods: from everywhere, and nowhere once the pod is gone."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

import pytest

from firkin.cri.network.model import PROTOCOLS, PortMapping, Sandbox
from firkin.cri.network.netlink import conntrack
from firkin.cri.network.netlink.connection import Connection
from firkin.errors import ConfigError, NetworkError
from tests.support.bridge import Pods, leftovers
from tests.support.netns import HOST, OUTSIDE, exchange, listener, run
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.requires("root", "netns", "bridge", "nft")
VERSIONS = pytest.mark.parametrize("version", [4, 6])
KINDS = pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
UDP = socket.SOCK_DGRAM
PROTOCOL = {socket.SOCK_STREAM: "tcp", socket.SOCK_DGRAM: "udp"}
ANY = {4: "0.0.0.0", 6: "::"}
GATEWAY = {4: "10.77.0.1", 6: "fd77::1"}
FILTERED = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")


@pytest.fixture(params=["", "1"])
def filtered(request: pytest.FixtureRequest, pods: Pods) -> str:
    """Whether bridged frames pass netfilter, as Kubernetes wants it, or what the kernel does by itself."""
    if request.param and FILTERED.exists():
        run(f"for name in {FILTERED.parent}/bridge-nf-call-ip*tables; do echo 1 > $name; done")
    return str(request.param)


@VERSIONS
@KINDS
def test_the_outside_reaches_a_pod_and_is_seen(pods: Pods, version: int, kind: socket.SocketKind) -> None:
    a = pods.add("a", PortMapping(PROTOCOL[kind], 80, 8080))
    seen = exchange(pods.here.outside, (HOST[version], 8080), a.namespace, (ANY[version], 80), kind)
    assert seen == OUTSIDE[version]


@pytest.mark.usefixtures("filtered")
@VERSIONS
@KINDS
def test_the_host_reaches_a_pod_by_its_own_addresses(pods: Pods, version: int, kind: socket.SocketKind) -> None:
    a = pods.add("a", PortMapping(PROTOCOL[kind], 80, 8080))
    place = (ANY[version], 80)
    for target, seen in ((HOST[version], HOST[version]), (GATEWAY[version], GATEWAY[version])):
        assert exchange(None, (target, 8080), a.namespace, place, kind) == seen
    if version == 4:
        assert exchange(None, ("127.0.0.1", 8080), a.namespace, place, kind) == GATEWAY[4]


@pytest.mark.usefixtures("filtered")
@VERSIONS
@KINDS
def test_pods_reach_each_other_and_themselves_by_the_host(pods: Pods, version: int, kind: socket.SocketKind) -> None:
    a, b = pods.add("a", PortMapping(PROTOCOL[kind], 80, 8080)), pods.add("b")
    for client in (a, b):
        for target in (HOST[version], GATEWAY[version]):
            seen = exchange(client.namespace, (target, 8080), a.namespace, (ANY[version], 80), kind)
            assert seen == GATEWAY[version]


@VERSIONS
def test_a_port_on_one_address_is_not_on_others(pods: Pods, version: int) -> None:
    a = pods.add("a", PortMapping("tcp", 80, 8080, HOST[version]))
    outside = pods.here.outside
    assert exchange(outside, (HOST[version], 8080), a.namespace, (ANY[version], 80)) == OUTSIDE[version]
    with pytest.raises(ConnectionRefusedError):
        exchange(None, (GATEWAY[version], 8080), a.namespace, (ANY[version], 80))
    # Its own listener has it there.
    assert exchange(None, (GATEWAY[version], 8080), None, (GATEWAY[version], 8080)) == GATEWAY[version]


def test_a_port_on_one_address_goes_before_that_on_all(pods: Pods) -> None:
    a = pods.add("a", PortMapping("tcp", 80, 8080, "127.0.0.1"))
    b = pods.add("b", PortMapping("tcp", 80, 8080))
    assert exchange(None, ("127.0.0.1", 8080), a.namespace, ("0.0.0.0", 80))
    assert exchange(pods.here.outside, (HOST[4], 8080), b.namespace, ("0.0.0.0", 80))


def test_connections_through_the_host_are_not_touched(pods: Pods) -> None:
    a = pods.add("a", PortMapping("tcp", 80, 8080))
    assert exchange(a.namespace, (OUTSIDE[4], 8080), pods.here.outside, ("0.0.0.0", 8080)) == HOST[4]


def test_a_port_is_one_pods_at_a_time(pods: Pods) -> None:
    a = pods.add("a", PortMapping("tcp", 80, 8080), PortMapping("udp", 80, 8080))
    before = leftovers(pods.options)
    namespace = pods.here.namespace("b")
    ports = (PortMapping("tcp", 1, 9000), PortMapping("udp", 1, 8080))
    with pytest.raises(NetworkError, match="lead host port 8080/udp to sandbox b: sandbox a has it"):
        pods.network.attach(Sandbox("b", namespace.path, ports=ports))
    with pytest.raises(ConfigError, match="port_mappings 9000/tcp: is asked for twice"):
        pods.network.attach(Sandbox("b", namespace.path, ports=ports[:1] * 2))
    assert leftovers(pods.options) == before
    pods.remove(a)
    b = pods.add("c", *ports)
    assert b.network.ips[0] == "10.77.0.5"


def test_a_port_leads_nowhere_when_its_pod_is_gone(pods: Pods) -> None:
    a = pods.add("a", PortMapping("tcp", 80, 8080))
    pods.network.detach("a")
    with pytest.raises(ConnectionRefusedError):
        exchange(pods.here.outside, (HOST[4], 8080), a.namespace, ("0.0.0.0", 80))
    pods.network.flush()
    assert leftovers(pods.options) == []


@VERSIONS
def test_who_goes_on_sending_is_led_to_the_next_pod(pods: Pods, version: int) -> None:
    port = PortMapping("udp", 53, 5353)
    with pods.here.outside.entered():
        sender = socket.socket(socket.AF_INET if version == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
    with sender:
        sender.connect((HOST[version], 5353))
        for name in ("a", "b"):
            # Before there is a pod the kernel tracks this as a connection to the host.
            sender.send(b"nobody")
            with contextlib.suppress(ConnectionRefusedError):
                sender.settimeout(SECONDS)
                sender.recv(9)
            pod = pods.add(name, port)
            with listener(pod.namespace, ANY[version], 53, socket.SOCK_DGRAM) as listening:
                sender.send(name.encode())
                assert listening.recv(9) == name.encode()
            pods.remove(pod)


@VERSIONS
def test_connections_are_forgotten_one_by_one_where_it_must_be(pods: Pods, version: int) -> None:
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    any_port = pods.add("a", PortMapping("udp", 53, 5353))
    for target, port in ((HOST[version], 5353), (any_port.ip(version), 53)):
        exchange(pods.here.outside if port == 5353 else None, (target, port), any_port.namespace, ("::", 53), UDP)

    def tracked() -> list[int]:
        listing = connection.ask(conntrack._about(conntrack._GET, conntrack._DUMP, family, PROTOCOLS["udp"], 5353))
        others = connection.ask(conntrack._about(conntrack._GET, conntrack._DUMP, family, PROTOCOLS["udp"], 53))
        return [len(listing), len(others)]

    with Connection(12) as connection:
        assert tracked() == [1, 1]
        conntrack.forget_listed(connection, family, PROTOCOLS["udp"], 5353)
        assert tracked() == [0, 1]
        conntrack.forget_port(connection, version, PROTOCOLS["udp"], 53)
        assert tracked() == [0, 0]


def test_a_pods_ports_are_there_again_after_a_restart(pods: Pods) -> None:
    a = pods.add("a", PortMapping("tcp", 80, 8080))
    run("nft delete table inet firkin")
    pods.restart()
    assert exchange(pods.here.outside, (HOST[4], 8080), a.namespace, ("0.0.0.0", 80)) == OUTSIDE[4]
    pods.network.check("a")
    run("nft delete element inet firkin ports4 '{ tcp . 8080 }'")
    with pytest.raises(NetworkError, match="check host ports of sandbox a"):
        pods.network.check("a")


def test_a_port_that_nobody_has_on_record_is_taken_over(pods: Pods) -> None:
    run("nft add element inet firkin ports4 '{ tcp . 8080 : 10.77.0.99 . 1 }'")
    a = pods.add("a", PortMapping("tcp", 80, 8080))
    assert exchange(pods.here.outside, (HOST[4], 8080), a.namespace, ("0.0.0.0", 80)) == OUTSIDE[4]


def test_a_restart_does_not_break_connections(pods: Pods) -> None:
    a = pods.add("a", PortMapping("tcp", 80, 8080))
    with listener(a.namespace, "0.0.0.0", 80, socket.SOCK_STREAM) as server:
        with pods.here.outside.entered():
            client = socket.create_connection((HOST[4], 8080), timeout=SECONDS)
        with client, server.accept()[0] as connection:
            pods.restart()
            client.sendall(b"still here")
            assert connection.recv(64) == b"still here"

"""The built-in network over its life: addresses, ranges, restarts, what others delete, and what can not be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from firkin.cri.network.model import Bandwidth, PortMapping, Sandbox
from firkin.errors import AlreadyExistsError, ConfigError, KernelError, NetworkError, NotFoundError
from tests.support.bridge import Pods, leftovers
from tests.support.netns import World, exchange, run

pytestmark = pytest.mark.requires("root", "netns", "bridge", "nft")


def test_nothing_is_left_of_a_pod(pods: Pods) -> None:
    a = pods.add("a", PortMapping("tcp", 80, 8080))
    assert len(leftovers(pods.options)) == 4
    pods.network.detach("a")
    # Its link is silent already, and its addresses are not given before that is deleted.
    assert "state disabled" in run("bridge link")
    pods.network.detach("a")
    pods.network.flush()
    assert leftovers(pods.options) == []
    pods.network.detach("a")
    pods.network.detach("unknown")
    assert "eth0" not in a.namespace.run("ip link")
    with pytest.raises(NotFoundError, match="check sandbox a: it is not attached"):
        pods.network.check("a")


def test_a_namespace_that_is_gone_is_no_obstacle(pods: Pods) -> None:
    a = pods.add("a")
    a.namespace.unpin()
    with pytest.raises(NetworkError, match=r"open .*/a: is no network namespace"):
        pods.network.check("a")
    pods.remove(a)
    os.unlink(a.namespace.path)
    assert leftovers(pods.options) == []


def test_a_later_process_goes_on(pods: Pods) -> None:
    a = pods.add("a", PortMapping("tcp", 80, 8080))
    pods.restart()
    assert pods.network.sandboxes == {"a"}
    pods.network.check("a")
    with pytest.raises(AlreadyExistsError, match="attach sandbox a: it is attached already"):
        pods.network.attach(a.sandbox)
    assert pods.add("b").network.ips == ("10.77.0.3", "fd77::3")
    pods.remove(a)
    pods.restart()
    assert pods.network.sandboxes == {"b"}


def test_what_others_delete_is_made_again(pods: Pods) -> None:
    a = pods.add("a")
    assert not pods.network.repair()
    run("nft flush ruleset")
    assert pods.network.repair()
    run("ip link del firkin0")
    assert pods.network.repair()
    pods.network.check("a")
    # Whoever asks for something notices too.
    run("ip link del firkin0; nft flush ruleset")
    b = pods.add("b", PortMapping("tcp", 80, 8080))
    for version in (4, 6):
        assert exchange(a.namespace, (b.ip(version), 80), b.namespace, ("::", 80)).endswith(a.ip(version))


def test_a_firewall_that_drops_what_is_forwarded_is_told(pods: Pods, caplog: pytest.LogCaptureFixture) -> None:
    run("nft 'add table ip other; add chain ip other gate { type filter hook forward priority 0; policy drop; }'")
    run("nft 'add chain ip other open { type filter hook forward priority 1; }'")
    run("nft 'add chain ip other input { type filter hook input priority 0; policy drop; }'")
    caplog.clear()
    pods.restart()
    assert [record.getMessage() for record in caplog.records] == [
        "chain other gate of nftables drops what is forwarded, of pods too, unless a rule accepts it"
    ]


def test_other_ranges_are_for_new_pods(pods: Pods) -> None:
    a = pods.add("a")
    pods.network.set_ranges(("10.78.0.0/24", "fd78::/64"))
    b = pods.add("b")
    assert b.network.ips == ("10.78.0.2", "fd78::2")
    for version in (4, 6):
        assert exchange(a.namespace, (b.ip(version), 80), b.namespace, ("::", 80)).endswith(a.ip(version))
    assert "10.77.0.1/24" in run("ip -o addr show dev firkin0")
    pods.restart()
    assert pods.add("c").network.ips == ("10.78.0.3", "fd78::3")
    pods.remove(a)
    pods.network.set_ranges(("10.79.0.0/24",))
    shown = run("ip -o addr show dev firkin0; nft list set inet firkin pods4")
    # Of 10.78 there are pods still.
    assert "10.78.0.1/24" in shown
    assert "10.79.0.1/24" in shown
    assert pods.add("d").network.ips == ("10.79.0.2",)


@pytest.mark.parametrize(
    ("ranges", "error", "reason"),
    [
        (("192.0.2.0/24",), NetworkError, r"uplink has the address 192\.0\.2\.1/24"),
        (("198.51.100.0/24",), NetworkError, r"uplink leads to 198\.51\.100\.128/25"),
        (("10.0.0.0/33",), ConfigError, "pod_cidr: '10.0.0.0/33' does not appear"),
    ],
)
def test_ranges_that_can_not_be_are_refused(
    pods: Pods, ranges: tuple[str, ...], error: type[Exception], reason: str
) -> None:
    run("ip route add 198.51.100.128/25 via 192.0.2.2; ip route add 10.0.0.0/8 via 192.0.2.2")
    with pytest.raises(error, match=reason):
        pods.network.set_ranges(ranges)
    assert pods.add("a").network.ips[0] == "10.77.0.2"


def test_a_wider_route_is_no_obstacle(pods: Pods) -> None:
    run("ip route add 10.0.0.0/8 via 192.0.2.2")
    pods.restart()
    assert pods.add("a").network.ips[0] == "10.77.0.2"


def test_all_addresses_can_be_used_and_used_again(pods: Pods) -> None:
    pods.network.set_ranges(("10.78.0.0/29",))
    made = [pods.add(f"p{number}") for number in range(5)]
    assert [pod.network.ips[0] for pod in made] == [f"10.78.0.{number}" for number in range(2, 7)]
    with pytest.raises(NetworkError, match="all are in use"):
        pods.add("more")
    # One that is to be deleted is deleted before its address is given again.
    pods.network.detach("p2")
    assert pods.add("next").network.ips == ("10.78.0.4",)


def test_what_can_not_be_attached_leaves_nothing(pods: Pods, tmp_path: Path) -> None:
    for path, reason in (
        (f"{tmp_path}/none", "No such file or directory"),
        (str(tmp_path), "is no network namespace"),
        ("/proc/self/ns/mnt", "is no network namespace"),
        ("/proc/self/ns/net", "it is the network namespace of the host"),
    ):
        with pytest.raises(NetworkError, match=reason):
            pods.network.attach(Sandbox("a", path))
    namespace = pods.here.namespace("taken")
    namespace.run("ip link add eth0 type bridge")
    with pytest.raises(KernelError, match="is there eth0 in the network namespace already"):
        pods.network.attach(Sandbox("a", namespace.path))
    assert leftovers(pods.options) == []
    assert pods.add("a").network.ips[0] == "10.77.0.3"


def test_a_link_of_that_name_that_is_no_bridge_is_told(pods: Pods) -> None:
    pods.network.close()
    run("ip link del firkin0; ip link add firkin0 type veth peer name other")
    with pytest.raises(NetworkError, match="use link firkin0 as bridge: it is none"):
        pods.network = type(pods.network)(pods.options)
    run("ip link del firkin0")
    pods.network = type(pods.network)(pods.options)


def test_what_nobody_has_on_record_is_collected(pods: Pods) -> None:
    a, b = pods.add("a", PortMapping("tcp", 80, 8080)), pods.add("b")
    run("ip link add fk0123456789ab type veth peer name x; ip link set fk0123456789ab master firkin0")
    run("ip link add other type veth peer name y; ip link set other master firkin0")
    run("nft add element inet firkin bound4 '{ 192.0.2.1 . udp . 5 : 10.77.0.99 . 1 }'")
    assert pods.network.collect(["b", "unknown"]) == ["sandbox b", "link fk0123456789ab", "1 ports of the host"]
    assert "other" in run("ip link")
    assert sorted(leftovers(pods.options))[0] == "a.json"
    assert len(leftovers(pods.options)) == 4
    pods.network.check("a")
    assert pods.network.collect([]) == []
    assert a.network.ips[0] != pods.add("c").network.ips[0] != b.network.ips[0]


def test_the_links_of_the_host_are_its_own_size(here: World, tmp_path: Path) -> None:
    run("ip link set uplink mtu 1400")
    pods = Pods(here, tmp_path / "state")
    a = pods.add("a")
    assert "mtu 1400" in a.namespace.run("ip link show eth0")
    assert run("cat /sys/class/net/firkin0/mtu 2>/dev/null || ip link show firkin0").find("1400") >= 0
    pods.close()


@pytest.mark.parametrize(
    ("bandwidth", "received", "sent"),
    [
        (Bandwidth(ingress=8_000_000), "rate 8Mbit burst 32Kb lat 25ms", ""),
        (Bandwidth(egress=1_000_000_000), "", "rate 1Gbit burst 1250000b lat 25ms"),
        (Bandwidth(ingress=1000, egress=10**15), "rate 1Kbit burst 32Kb", "rate 1000Tbit"),
    ],
)
def test_bandwidth_is_limited(pods: Pods, bandwidth: Bandwidth, received: str, sent: str) -> None:
    a = pods.add("a", bandwidth=bandwidth)
    for shown, limit in ((run("tc qdisc show"), received), (a.namespace.run("tc qdisc show"), sent)):
        assert ("tbf" in shown) == bool(limit)
        assert limit in shown
    assert exchange(a.namespace, ("10.77.0.1", 80), None, ("0.0.0.0", 80)) == "10.77.0.2"


def test_many_ports_of_one_pod(pods: Pods) -> None:
    a = pods.add("a", *(PortMapping("tcp", number, number) for number in range(10000, 11500)))
    pods.restart()
    pods.network.check("a")
    assert exchange(pods.here.outside, ("192.0.2.1", 11499), a.namespace, ("0.0.0.0", 11499)) == "192.0.2.2"
    pods.remove(a)
    assert leftovers(pods.options) == []


def test_many_pods(pods: Pods) -> None:
    made = [pods.add(f"p{number}", PortMapping("tcp", 80, 9000 + number)) for number in range(200)]
    assert len({ip for pod in made for ip in pod.network.ips}) == 400
    first, last = made[0], made[-1]
    for version in (4, 6):
        assert exchange(first.namespace, (last.ip(version), 80), last.namespace, ("::", 80)).endswith(first.ip(version))
    pods.restart()
    seen = exchange(pods.here.outside, ("192.0.2.1", 9199), last.namespace, ("0.0.0.0", 80))
    assert seen == "192.0.2.2"
    for pod in made:
        pods.network.detach(pod.sandbox.id)
    pods.network.flush()
    assert leftovers(pods.options) == []

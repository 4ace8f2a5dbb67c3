"""The plug-ins that distributions ship: bridge, host-local, portmap, firewall, bandwidth, tuning."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from firkin.cri.network.cni.configuration import Configuration, decode_configuration
from firkin.cri.network.cni.network import CniNetwork
from firkin.cri.network.cni.plugin import PluginError
from firkin.cri.network.model import Bandwidth, PortMapping, Sandbox
from firkin.cri.network.options import Options
from firkin.errors import NetworkError
from tests.support.cni_plugins import write_program
from tests.support.kill_points import killed, killed_everywhere
from tests.support.netns import HOST, OUTSIDE, World, exchange, run
from tests.support.waiting import eventually

pytestmark = pytest.mark.requires("root", "netns", "bridge", "iptables", "cni-plugins")


@pytest.fixture
def options(tmp_path: Path) -> Options:
    # A program of a test's own goes before one of the same name.
    directories = (f"{tmp_path}/plugins", "/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni")
    (tmp_path / "plugins").mkdir()
    return Options(cni_plugins=directories, cni_cache=f"{tmp_path}/cache", state=f"{tmp_path}/state")


def network(place: Path, version: str = "1.0.0", *more: dict[str, object]) -> Configuration:
    ranges = [[{"subnet": "10.88.0.0/24"}], [{"subnet": "fd88::/64"}]]
    routes = [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]
    ipam = {"type": "host-local", "ranges": ranges, "routes": routes, "dataDir": f"{place}/leases"}
    bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": True, "hairpinMode": True, "ipam": ipam}
    portmap = {"type": "portmap", "capabilities": {"portMappings": True}, "snat": True}
    document = {"cniVersion": version, "name": "pods", "plugins": [bridge, portmap, *more]}
    return decode_configuration(json.dumps(document), "10.conflist")


def leftovers(place: Path) -> list[str]:
    leases = [path.name for path in (place / "leases" / "pods").glob("*") if path.name[0].isdigit() or ":" in path.name]
    cached = [path.name for path in (place / "cache").glob("*/*")]
    calls = [path.name for path in (place / "state" / "calls").glob("*")]
    links = [
        line.split(":")[1].strip() for line in run("ip -o link show type veth").splitlines() if "uplink" not in line
    ]
    rules = [line for line in run("iptables-save -t nat; ip6tables-save -t nat").splitlines() if "CNI-DN-" in line]
    return leases + cached + calls + links + rules


@pytest.mark.parametrize("version", ["0.4.0", "1.0.0"])
def test_a_pod_lives(here: World, options: Options, tmp_path: Path, version: str) -> None:
    cni, configured = CniNetwork(options), network(tmp_path, version, {"type": "firewall"}, {"type": "tuning"})
    cni.status(configured)
    pods = [here.namespace(name) for name in ("a", "b")]
    a, b = (Sandbox(Path(pod.path).name, pod.path, ports=ports) for pod, ports in zip(pods, (
        (PortMapping("tcp", 80, 8080),), ()), strict=True))  # fmt: skip
    attached = [cni.attach(sandbox, configured) for sandbox in (a, b)]
    assert [found.ips for found in attached] == [("10.88.0.2", "fd88::2"), ("10.88.0.3", "fd88::3")]
    assert attached[0].mac in pods[0].run("ip link show eth0")
    # portmap 1.1 looks for the rules of IPv4 among those of IPv6, where a pod has both and a port.
    cni.check("b")
    assert exchange(pods[1], ("10.88.0.2", 80), pods[0], ("0.0.0.0", 80)) == "10.88.0.3"
    assert exchange(pods[0], (OUTSIDE[4], 80), here.outside, ("0.0.0.0", 80)) == HOST[4]
    assert exchange(here.outside, (HOST[4], 8080), pods[0], ("0.0.0.0", 80)) == OUTSIDE[4]
    # The next process knows them.
    cni = CniNetwork(options)
    pods[1].run("ip link del eth0")
    with pytest.raises(PluginError, match="CNI plug-in bridge, CHECK of sandbox b"):
        cni.check("b")
    assert cni.collect(cni.sandboxes - {"a"}, configured) == ["sandbox b"]
    cni.detach("a")
    assert leftovers(tmp_path) == []


def test_bandwidth_is_limited(here: World, options: Options, tmp_path: Path) -> None:
    cni = CniNetwork(options)
    limited = network(tmp_path, "1.0.0", {"type": "bandwidth", "capabilities": {"bandwidth": True}})
    box = Sandbox("box", here.namespace("box").path, bandwidth=Bandwidth(ingress=8_000_000, egress=4_000_000))
    cni.attach(box, limited)
    shown = run("tc qdisc show")
    assert "rate 8Mbit" in shown
    assert "rate 4Mbit" in shown
    cni.detach("box")
    assert leftovers(tmp_path) == []


def test_a_namespace_that_is_gone_is_no_obstacle(here: World, options: Options, tmp_path: Path) -> None:
    cni, configured = CniNetwork(options), network(tmp_path)
    for name in ("unpinned", "removed"):
        pod = here.namespace(name)
        cni.attach(Sandbox(name, pod.path, ports=(PortMapping("tcp", 80, 8080),)), configured)
        pod.unpin()
        if name == "removed":
            Path(pod.path).unlink()
        cni.detach(name)
    assert leftovers(tmp_path) == []


def test_a_plugin_that_fails_undoes_the_others(here: World, options: Options, tmp_path: Path) -> None:
    cni, configured = CniNetwork(options), network(tmp_path, "1.0.0", {"type": "last"})
    box = Sandbox("box", here.namespace("box").path, ports=(PortMapping("tcp", 80, 8080),))
    failures = {
        "exit 3": "ends with status 3",
        "kill -9 $$": "is killed by SIGKILL",
        "echo nonsense": "prints no result",
        "yes": "prints more than 1048576 bytes",
        "echo '{\"ips\": []}'": "gives eth0 of the pod no address",
    }
    for script, reason in failures.items():
        write_program(tmp_path / "plugins" / "last", f'#!/bin/sh\n[ "$CNI_COMMAND" = DEL ] || {script}\n')
        with pytest.raises(NetworkError, match=reason):
            cni.attach(box, configured)
        assert leftovers(tmp_path) == [], script
    # By itself: a busy machine may need more time than that for the others.
    document = {"cniVersion": "1.0.0", "name": "pods", "plugins": [{"type": "last"}]}
    alone = decode_configuration(json.dumps(document), "10.conflist")
    hanging = CniNetwork(replace(options, plugin_timeout=3))
    write_program(tmp_path / "plugins" / "last", '#!/bin/sh\n[ "$CNI_COMMAND" = DEL ] || sleep 1000\n')
    with pytest.raises(PluginError, match="last, ADD of sandbox box: does not end within 3 s"):
        hanging.attach(box, alone)
    assert leftovers(tmp_path) == []


def test_killed_while_it_attaches_or_detaches(here: World, options: Options, tmp_path: Path) -> None:
    configured = network(tmp_path)
    box = Sandbox("box", here.namespace("box").path, ports=(PortMapping("tcp", 80, 8080),))
    places = []
    for place in killed_everywhere(lambda: CniNetwork(options), lambda cni: cni.attach(box, configured)):
        places.append(place)
        cni = CniNetwork(options)
        cni.collect(cni.sandboxes, configured)
        assert leftovers(tmp_path) == [], place
    # Two plug-ins, and the file of the attachment before and after them.
    assert len(places) >= 8
    assert len(leftovers(tmp_path)) > 4
    for place in killed_everywhere(lambda: CniNetwork(options), lambda cni: cni.detach("box")):
        cni = CniNetwork(options)
        cni.collect(cni.sandboxes, configured)
        assert leftovers(tmp_path) == [], place
        cni.attach(box, configured)


def test_killed_while_a_plugin_runs(here: World, options: Options, tmp_path: Path) -> None:
    configured = network(tmp_path)
    box = Sandbox("box", here.namespace("box").path)
    # Its caller dies while it runs, and it would do its work all the same.
    script = f"[ $CNI_COMMAND = DEL ] || {{ kill -9 $PPID; sleep 1000; touch {tmp_path}/late; }}"
    write_program(tmp_path / "plugins" / "portmap", f"#!/bin/sh\n{script}\n")
    killed(lambda: CniNetwork(options).attach(box, configured))
    cni = CniNetwork(options)
    assert cni.collect(cni.sandboxes, configured) == ["sandbox box"]
    assert leftovers(tmp_path) == []


def test_a_link_that_its_plugin_only_deletes_goes_with_its_namespace(
    here: World, options: Options, tmp_path: Path
) -> None:
    plain = network(tmp_path)
    bridge = {key: value for key, value in plain.plugins[0].document.items() if key != "ipMasq"}
    document = {"cniVersion": "1.0.0", "name": "pods", "plugins": [bridge]}
    plain = decode_configuration(json.dumps(document), "10.conflist")
    cni = CniNetwork(options)
    leaving, staying, coming = (here.namespace(name) for name in ("leaving", "staying", "coming"))
    for pod in (leaving, staying):
        cni.attach(Sandbox(Path(pod.path).name, pod.path), plain)
    cni.detach("leaving")
    # Who has the address now is found, though the link of the one before is still there.
    assert "eth0" not in leaving.run("ip -o link")
    Path(f"{tmp_path}/leases/pods/last_reserved_ip.0").unlink()
    assert cni.attach(Sandbox("coming", coming.path), plain).ips[0] == "10.88.0.2"
    assert exchange(staying, ("10.88.0.2", 80), coming, ("0.0.0.0", 80)) == "10.88.0.3"
    # As often as somebody likes, and with what a hostile pod has called its own like that.
    cni.detach("leaving")
    staying.run("ip link add firkin-gone type bridge")
    for name in ("staying", "coming"):
        cni.detach(name)
    for pod in (leaving, staying, coming):
        pod.unpin()
    eventually(lambda: leftovers(tmp_path), lambda left: left == [])

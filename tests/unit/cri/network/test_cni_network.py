"""Chains of plug-ins: what each is given, in which order, and that a failure anywhere leaves nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from firkin.cri.network.cni.configuration import Configuration, decode_configuration
from firkin.cri.network.cni.interface import is_put_aside
from firkin.cri.network.cni.network import CniNetwork
from firkin.cri.network.cni.plugin import PluginError
from firkin.cri.network.cni.request import arguments_of, environment
from firkin.cri.network.cni.result import parse_result, pod_network
from firkin.cri.network.model import Bandwidth, Dns, PortMapping, Sandbox
from firkin.cri.network.options import Options
from firkin.errors import AlreadyExistsError, ConfigError, NetworkError, NotFoundError
from tests.support.cni_plugins import FileNetwork

NETNS = "/proc/self/ns/net"
BOX = Sandbox(
    "box",
    NETNS,
    namespace="shop",
    name="db",
    uid="1-2",
    ports=(PortMapping("tcp", 80, 8080, "192.0.2.1"),),
    bandwidth=Bandwidth(egress=1000),
    mac="02:00:00:00:00:01",
)


@pytest.fixture
def plugins(tmp_path: Path) -> FileNetwork:
    return FileNetwork(tmp_path / "plugins")


@pytest.fixture
def options(plugins: FileNetwork, tmp_path: Path) -> Options:
    return Options(cni_plugins=(str(plugins.binaries),), cni_cache=f"{tmp_path}/cache", state=f"{tmp_path}/state")


@pytest.fixture
def network(plugins: FileNetwork) -> Configuration:
    return configured(plugins)


def configured(plugins: FileNetwork, version: str = "1.1.0", **more: object) -> Configuration:
    return decode_configuration(json.dumps(plugins.configuration(version, **more)), "10.conflist")


def cache_file(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "results" / "filenet-box-eth0"


def test_each_plugin_is_given_the_result_of_the_one_before(
    plugins: FileNetwork, options: Options, network: Configuration
) -> None:
    attached = CniNetwork(options).attach(BOX, network)
    assert (attached.ips, attached.interface, attached.mac, attached.name) == (
        ("10.9.0.2",), "eth0", "02:00:00:00:00:09", "filenet",
    )  # fmt: skip
    assert attached.dns == Dns(searches=("second",))
    (first, add, given, variables), (second, _, later, _) = plugins.calls()
    assert (first, second, add) == ("first", "second", "ADD")
    assert given == {"type": "first", "name": "filenet", "cniVersion": "1.1.0"}
    assert later["prevResult"]["ips"][0]["address"] == "10.9.0.2/24"
    assert later["own"] == [1.5]
    assert "capabilities" not in later
    assert later["runtimeConfig"] == {
        "portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp", "hostIP": "192.0.2.1"}],
        "bandwidth": {"egressRate": 1000, "egressBurst": 2147483647},
    }
    assert variables == {
        "CNI_CONTAINERID": "box",
        "CNI_NETNS": NETNS,
        "CNI_IFNAME": "eth0",
        "CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=db;"
        "K8S_POD_INFRA_CONTAINER_ID=box;K8S_POD_UID=1-2",
        "CNI_PATH": str(plugins.binaries),
    }


def test_the_cache_is_that_of_libcni(
    tmp_path: Path, plugins: FileNetwork, options: Options, network: Configuration
) -> None:
    CniNetwork(options).attach(BOX, network)
    document = json.loads(cache_file(tmp_path).read_text())
    assert document["kind"] == "cniCacheV1"
    assert (document["containerId"], document["ifName"], document["networkName"]) == ("box", "eth0", "filenet")
    assert document["netns"] == NETNS
    assert document["cniArgs"][0] == ["IgnoreUnknown", "1"]
    assert document["capabilityArgs"]["mac"] == "02:00:00:00:00:01"
    assert document["result"]["dns"] == {"search": ["second"]}
    config = json.loads(base64.b64decode(document["config"]))
    assert config == plugins.configuration() | {"loadOnlyInlinedPlugins": True}
    assert cache_file(tmp_path).stat().st_mode & 0o777 == 0o600


def test_a_later_process_deletes_with_the_configuration_of_then(
    tmp_path: Path, plugins: FileNetwork, options: Options, network: Configuration
) -> None:
    CniNetwork(options).attach(BOX, network)
    plugins.calls()
    later = CniNetwork(options)
    assert later.sandboxes == {"box"}
    later.check("box")
    assert plugins.commands() == ["first CHECK", "second CHECK"]
    later.detach("box")
    calls = plugins.calls()
    assert [f"{plugin} {command}" for plugin, command, *_ in calls] == ["second DEL", "first DEL"]
    assert all(given["prevResult"]["dns"] == {"search": ["second"]} for _, _, given, _ in calls)
    assert calls[0][2]["runtimeConfig"]["portMappings"]
    assert (plugins.leases, cache_file(tmp_path).exists(), later.sandboxes) == ([], False, frozenset())
    later.detach("box")
    assert plugins.calls() == []


@pytest.mark.parametrize("version", ["0.3.1", "0.4.0", "1.0.0"])
def test_older_versions_know_less(plugins: FileNetwork, options: Options, version: str) -> None:
    cni = CniNetwork(options)
    network = configured(plugins, version)
    cni.attach(BOX, network)
    cni.status(network)
    cni.check("box")
    cni.collect([], network)
    cni.detach("box")
    calls = plugins.calls()
    commands = [f"{plugin} {command}" for plugin, command, *_ in calls]
    checks = [] if version == "0.3.1" else ["first CHECK", "second CHECK"]
    assert commands == ["first ADD", "second ADD", *checks, "second DEL", "first DEL"]
    assert {given["cniVersion"] for _, _, given, _ in calls} == {version}
    assert ("prevResult" in calls[-1][2]) == (version != "0.3.1")


@pytest.mark.parametrize("failing", ["first", "second"])
def test_a_failure_undoes_what_was_added(
    tmp_path: Path, plugins: FileNetwork, options: Options, network: Configuration, failing: str
) -> None:
    cni = CniNetwork(options)
    plugins.fail(failing, "ADD", 7, "no subnet")
    with pytest.raises(
        PluginError, match=rf"CNI plug-in {failing}, ADD of sandbox box: no subnet: asked to \(code 7\)"
    ):
        cni.attach(BOX, network)
    added = ["first ADD", "second ADD"] if failing == "second" else ["first ADD"]
    deleted = [call.replace("ADD", "DEL") for call in reversed(added)]
    assert plugins.commands() == added + deleted
    assert (plugins.leases, cni.sandboxes, cache_file(tmp_path).exists()) == ([], frozenset(), False)
    plugins.mend(failing, "ADD")
    assert cni.attach(BOX, network).ips == ("10.9.0.2",)


def test_what_can_not_be_undone_stays_on_record_until_it_can(
    tmp_path: Path, plugins: FileNetwork, options: Options, network: Configuration
) -> None:
    plugins.fail("second", "ADD")
    plugins.fail("first", "DEL")
    with pytest.raises(PluginError, match="second, ADD") as caught:
        CniNetwork(options).attach(BOX, network)
    assert "first, DEL" in caught.value.__notes__[0]
    assert "result" not in json.loads(cache_file(tmp_path).read_text())
    cni = CniNetwork(options)
    with pytest.raises(AlreadyExistsError, match="is attached already"):
        cni.attach(BOX, network)
    with pytest.raises(NetworkError, match="first, DEL of sandbox box"):
        cni.collect(["box"], None)
    plugins.mend("first", "DEL")
    assert cni.collect(["box", "unknown"], None) == ["sandbox box"]
    assert (plugins.leases, cni.sandboxes, cache_file(tmp_path).exists()) == ([], frozenset(), False)


def test_a_plugin_that_knows_nothing_of_it_has_undone_it(
    plugins: FileNetwork, options: Options, network: Configuration
) -> None:
    cni = CniNetwork(options)
    cni.attach(BOX, network)
    plugins.fail("second", "DEL", 3, "unknown container")
    cni.detach("box")
    assert cni.sandboxes == frozenset()


def test_of_a_namespace_that_is_gone_plugins_are_told_none(
    tmp_path: Path, plugins: FileNetwork, options: Options, network: Configuration
) -> None:
    pin = tmp_path / "netns"
    cni = CniNetwork(options)
    cni.attach(Sandbox("box", str(pin)), network)
    # What a bind mount leaves that is undone.
    pin.write_text("")
    plugins.calls()
    cni.detach("box")
    assert [variables["CNI_NETNS"] for *_, variables in plugins.calls()] == ["", ""]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"type": "bridge"}, True),
        ({"type": "bridge", "ipMasq": False}, True),
        ({"type": "bridge", "ipMasq": True}, False),
        ({"type": "ptp"}, False),
        ({"type": "macvlan"}, False),
    ],
)
def test_the_link_is_taken_from_who_only_deletes_it(document: dict[str, object], expected: bool) -> None:
    text = json.dumps({"cniVersion": "1.0.0", "name": "pods", "plugins": [document]})
    (plugin,) = decode_configuration(text, "10.conflist").plugins
    assert is_put_aside(plugin) is expected


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("garbage", "prints no result: line 1 column 1"),
        ("", "prints no result"),
        ("[]", "prints no result: it is no object"),
        ("{}", "gives eth0 of the pod no address"),
        ('{"ips": [{"address": "ten"}]}', "the result is malformed: 'ten' does not appear"),
        ('{"ips": [{"address": "10.0.0.1/8", "interface": 3}]}', "the result is malformed: there is no interface 3"),
        ('{"ips": [{"address": "10.0.0.1/8", "interface": -1}]}', "the result is malformed: there is no interface -1"),
        ('{"ips": [{"address": "10.0.0.1/8", "interface": "x"}]}', "the result is malformed"),
        ('{"ips": 5}', "the result is malformed"),
        ('{"ips": [{"address": "10.0.0.1/8"}], "dns": [1]}', "the result is malformed"),
    ],
)
def test_a_result_that_is_none_undoes_everything(
    plugins: FileNetwork, options: Options, network: Configuration, output: str, reason: str
) -> None:
    program = plugins.binaries / "second"
    text = program.read_text()
    program.write_text(f"#!/bin/sh\n[ \"$CNI_COMMAND\" != ADD ] || printf %s '{output}'\n")
    cni = CniNetwork(options)
    with pytest.raises(NetworkError, match=reason):
        cni.attach(BOX, network)
    assert (plugins.leases, cni.sandboxes) == ([], frozenset())
    program.write_text(text)
    cni.attach(BOX, network)


def test_results_of_the_first_versions_have_one_address_of_a_kind() -> None:
    result = parse_result(b'{"ip4": {"ip": "10.0.0.2/24"}, "ip6": {"ip": "fd00::2/64"}, "dns": {"domain": "x"}}', "x")
    attached = pod_network(result, "0.2.0", "eth0", "net")
    assert attached.ips == ("10.0.0.2", "fd00::2")
    assert attached.dns == Dns(searches=("x",))


def test_garbage_is_collected_of_what_nobody_has(
    tmp_path: Path, plugins: FileNetwork, options: Options, network: Configuration
) -> None:
    cni = CniNetwork(options)
    for name in ("a", "b", "c"):
        cni.attach(Sandbox(name, NETNS), network)
    (plugins.place / "leases" / "leaked").write_text("10.9.0.99")
    (plugins.place / "leases" / "foreign").write_text("10.9.0.98")
    foreign = {"kind": "cniCacheV1", "containerId": "foreign", "ifName": "eth0", "networkName": "filenet", "config": ""}
    (tmp_path / "cache" / "results" / "filenet-foreign-eth0").write_text(json.dumps(foreign))
    (tmp_path / "cache" / "results" / "filenet-broken-eth0").write_text("{")
    plugins.calls()
    assert cni.collect(["b"], network) == ["sandbox b"]
    assert plugins.leases == ["a", "c", "foreign"]
    calls = plugins.calls()
    assert [f"{plugin} {command}" for plugin, command, *_ in calls] == [
        "second DEL",
        "first DEL",
        "first GC",
        "second GC",
    ]
    valid = calls[-1][2]["cni.dev/valid-attachments"]
    assert valid == [{"containerID": name, "ifname": "eth0"} for name in ("a", "c", "foreign")]
    assert (calls[-1][3]["CNI_CONTAINERID"], calls[-1][3]["CNI_NETNS"]) == ("", "")


def test_all_plugins_collect_though_one_fails(plugins: FileNetwork, options: Options, network: Configuration) -> None:
    cni = CniNetwork(options)
    plugins.fail("first", "GC")
    plugins.fail("second", "GC")
    with pytest.raises(
        NetworkError, match=r"first, GC of network filenet: .*; CNI plug-in second, GC of network filenet"
    ):
        cni.collect([], network)


def test_no_garbage_is_collected_where_that_is_forbidden(plugins: FileNetwork, options: Options) -> None:
    cni = CniNetwork(options)
    forbidden = configured(plugins, disableGC=True, disableCheck=True)
    cni.attach(BOX, forbidden)
    plugins.calls()
    cni.check("box")
    cni.collect([], forbidden)
    assert plugins.calls() == []


def test_the_status_is_that_of_all_plugins(plugins: FileNetwork, options: Options, network: Configuration) -> None:
    cni = CniNetwork(options)
    cni.status(network)
    assert plugins.commands() == ["first STATUS", "second STATUS"]
    plugins.fail("second", "STATUS", 50, "the controller is away")
    with pytest.raises(PluginError, match="second, STATUS of network filenet: the controller is away") as caught:
        cni.status(network)
    assert caught.value.code == 50
    (plugins.binaries / "second").unlink()
    with pytest.raises(PluginError, match="CNI plug-in second: is not in"):
        cni.status(network)


def test_a_check_says_what_a_plugin_misses(plugins: FileNetwork, options: Options, network: Configuration) -> None:
    cni = CniNetwork(options)
    with pytest.raises(NotFoundError, match="is not attached"):
        cni.check("box")
    cni.attach(BOX, network)
    (plugins.place / "leases" / "box").unlink()
    with pytest.raises(PluginError, match=r"first, CHECK of sandbox box: no lease \(code 100\)"):
        cni.check("box")


def test_broken_files_of_the_cache_are_told_and_left(
    tmp_path: Path, options: Options, caplog: pytest.LogCaptureFixture
) -> None:
    results = tmp_path / "cache" / "results"
    results.mkdir(parents=True)
    broken = {"kind": "cniCacheV1", "runtime": "firkin", "containerId": "x", "config": "%"}
    (results / "filenet-x-eth0").write_text(json.dumps(broken))
    (results / "filenet-y-eth0").write_text("{")
    drafts = tmp_path / "cache" / "firkin"
    drafts.mkdir()
    (drafts / "z").write_text("{")
    assert CniNetwork(options).sandboxes == frozenset()
    assert [record.getMessage().partition(": ")[0] for record in caplog.records] == [
        f"{results}/filenet-x-eth0", f"{results}/filenet-y-eth0",
    ]  # fmt: skip
    assert len(list(results.iterdir())) == 2
    assert list(drafts.iterdir()) == []


@pytest.mark.parametrize("name", ["a;b=c", "a=b", "a b", "a\nb"])
def test_a_name_that_would_be_another_argument_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="can not be a pod's K8S_POD_NAME"):
        arguments_of(Sandbox("box", NETNS, name=name))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/notify")
    monkeypatch.setenv("LISTEN_FDS", "1")
    monkeypatch.setenv("CNI_NETNS", "/other")
    monkeypatch.setenv("HTTP_PROXY", "proxy")
    yield


@pytest.mark.usefixtures("told")
def test_what_systemd_tells_the_daemon_is_not_for_plugins() -> None:
    found = environment("VERSION", ("/a", "/b"))
    assert "NOTIFY_SOCKET" not in found
    assert "LISTEN_FDS" not in found
    assert (found["CNI_NETNS"], found["CNI_PATH"], found["HTTP_PROXY"]) == ("", "/a:/b", "proxy")

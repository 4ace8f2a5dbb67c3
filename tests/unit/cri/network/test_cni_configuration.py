"""Configurations of networks: which file is in force, and what is wrong with one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from firkin.cri.network.cni.configuration import decode_configuration, load_configuration
from firkin.cri.network.cni.directory import ConfigurationDirectory, choose
from firkin.errors import ConfigError

LIST = {"cniVersion": "1.0.0", "name": "pods", "plugins": [{"type": "bridge", "isGateway": True}, {"type": "portmap"}]}


def write(path: Path, document: object) -> str:
    path.write_text(json.dumps(document))
    return str(path)


def test_a_list_is_read_with_everything_for_its_plugins(tmp_path: Path) -> None:
    network = load_configuration(write(tmp_path / "10.conflist", LIST))
    assert (network.name, network.version) == ("pods", "1.0.0")
    assert [plugin.type for plugin in network.plugins] == ["bridge", "portmap"]
    assert network.plugins[0].document == {"type": "bridge", "isGateway": True}
    again = decode_configuration(network.text, network.path)
    assert again == network


@pytest.mark.parametrize("name", ["10.conf", "10.json"])
def test_a_single_plugin_is_a_list_of_one(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, {"cniVersion": "0.4.0", "name": "one", "type": "macvlan", "master": "eth0"})
    network = load_configuration(path)
    assert (network.name, network.version, len(network.plugins)) == ("one", "0.4.0", 1)
    assert network.plugins[0].document["master"] == "eth0"


def test_a_list_is_completed_by_the_folder_of_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "pods"
    folder.mkdir()
    write(folder / "b.conf", {"type": "tuning"})
    write(folder / "a.conf", {"type": "firewall"})
    write(folder / "c.txt", {"type": "no"})
    network = load_configuration(write(tmp_path / "10.conflist", LIST))
    assert [plugin.type for plugin in network.plugins] == ["bridge", "portmap", "firewall", "tuning"]
    assert decode_configuration(network.text, network.path).plugins == network.plugins
    alone = load_configuration(write(tmp_path / "11.conflist", LIST | {"loadOnlyInlinedPlugins": True}))
    assert [plugin.type for plugin in alone.plugins] == ["bridge", "portmap"]
    bare = load_configuration(write(tmp_path / "12.conflist", {"cniVersion": "1.1.0", "name": "pods"}))
    assert [plugin.type for plugin in bare.plugins] == ["firewall", "tuning"]


@pytest.mark.parametrize(
    ("versions", "chosen"),
    [
        ({}, "0.1.0"),
        ({"cniVersion": "0.4.0"}, "0.4.0"),
        ({"cniVersion": "0.4.0", "cniVersions": ["0.3.1", "1.1.0", "9.0.0"]}, "1.1.0"),
        ({"cniVersions": ["1.0.0", "0.4.0"]}, "1.0.0"),
    ],
)
def test_the_highest_known_version_is_spoken(tmp_path: Path, versions: dict[str, object], chosen: str) -> None:
    document = {"name": "pods", "plugins": [{"type": "bridge"}], **versions}
    assert load_configuration(write(tmp_path / "10.conflist", document)).version == chosen


@pytest.mark.parametrize(("value", "is_set"), [(True, True), ("TRUE", True), ("false", False), (None, False)])
def test_flags_may_be_words(tmp_path: Path, value: object, is_set: bool) -> None:
    network = load_configuration(write(tmp_path / "10.conflist", LIST | {"disableCheck": value, "disableGC": value}))
    assert (network.disable_check, network.disable_gc) == (is_set, is_set)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"name": None}, "name: ''"),
        ({"name": "../x"}, "name: '../x'"),
        ({"name": 5}, "name: is not a text"),
        ({"cniVersion": "2.0.0"}, "cniVersion: 2.0.0 is not supported"),
        ({"cniVersion": 1}, "cniVersion: is not a text"),
        ({"plugins": []}, "plugins: there is none"),
        ({"plugins": {}}, "plugins: is not a list"),
        ({"plugins": [5]}, r"plugins\[0\]: is not an object"),
        ({"plugins": [{"type": "bridge"}, {"type": "a/b"}]}, r"plugins\[1\].type: 'a/b'"),
        ({"plugins": [{"type": "bridge", "capabilities": []}]}, r"plugins\[0\].capabilities: is not an object"),
        ({"disableGC": "maybe"}, "disableGC: 'maybe' is neither"),
        ({"disableCheck": [1]}, "disableCheck: .* is neither"),
        ({"plugins": None, "loadOnlyInlinedPlugins": True}, "plugins: there is none"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_place(tmp_path: Path, change: dict[str, object], place: str) -> None:
    path = write(tmp_path / "10.conflist", LIST | change)
    with pytest.raises(ConfigError, match=f"{path}: {place}"):
        load_configuration(path)


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "\x00"])
def test_what_is_no_configuration_at_all_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "10.conflist").write_text(text)
    with pytest.raises(ConfigError, match=r"10\.conflist: "):
        load_configuration(f"{tmp_path}/10.conflist")


def test_a_list_in_a_file_for_one_plugin_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"name the file \.conflist"):
        load_configuration(write(tmp_path / "10.conf", LIST))


def test_the_first_that_can_be_used_is_in_force(tmp_path: Path) -> None:
    assert choose(f"{tmp_path}/none") == (None, ())
    write(tmp_path / "20.conflist", LIST)
    write(tmp_path / "30.json", {"cniVersion": "0.4.0", "name": "other", "type": "ptp"})
    write(tmp_path / "05.txt", LIST)
    (tmp_path / "06.conflist").mkdir()
    (tmp_path / "10.conf").write_text("{")
    (tmp_path / "15.conflist").symlink_to("missing")
    configuration, faults = choose(str(tmp_path))
    assert configuration
    assert configuration.path == f"{tmp_path}/20.conflist"
    assert len(faults) == 2
    assert "10.conf" in faults[0]
    assert faults[1] == f"read {tmp_path}/15.conflist: No such file or directory"


def test_a_change_is_noticed_wherever_it_happens(tmp_path: Path) -> None:
    path = tmp_path / "etc" / "cni" / "net.d"
    directory = ConfigurationDirectory(str(path))

    def name() -> str:
        found = directory.current().configuration
        return found.name if found else ""

    try:
        assert name() == ""
        path.mkdir(parents=True)
        write(path / "20.conflist", LIST)
        assert name() == "pods"
        assert not directory._watch.changed()
        draft = path.parent / "draft"
        write(draft, LIST | {"name": "renamed"})
        draft.rename(path / "10.conflist")
        assert name() == "renamed"
        (path / "10.conflist").unlink()
        assert name() == "pods"
        (path / "pods").mkdir()
        assert name() == "pods"
        write(path / "pods" / "more.conf", {"type": "tuning"})
        found = directory.current().configuration
        assert found
        assert len(found.plugins) == 3
        path.rename(path.parent / "away")
        assert name() == ""
        (path.parent / "away").rename(path)
        assert name() == "pods"
    finally:
        directory.close()


def test_what_happens_beside_the_way_is_no_change(tmp_path: Path) -> None:
    directory = ConfigurationDirectory(f"{tmp_path}/cni/net.d")
    try:
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "file").write_text("x")
        assert not directory._watch.changed()
        (tmp_path / "cni").mkdir()
        assert directory._watch.changed()
    finally:
        directory.close()

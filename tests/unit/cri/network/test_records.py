"""Records of pods: written as a whole, read as they were, and never lost to one that is broken."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest

from firkin.cri.network.embedded.ports import elements_of
from firkin.cri.network.embedded.store import Record, Store
from firkin.cri.network.files import write_atomically
from firkin.cri.network.model import PortMapping
from firkin.errors import ConfigError, NetworkError

ADDRESSES = (ipaddress.ip_interface("10.0.0.2/24"), ipaddress.ip_interface("fd00::2/64"))


def record(*ports: PortMapping, name: str = "box") -> Record:
    return Record(name, "/run/netns/box", "fk1", "02:fb:0a:00:00:02", ADDRESSES, ports)


def test_what_is_saved_is_loaded_by_the_next_process(tmp_path: Path) -> None:
    store = Store(f"{tmp_path}/state")
    saved = record(PortMapping("tcp", 80, 8080), PortMapping("udp", 53, 53, "192.0.2.1"))
    store.save(saved)
    store.save(record(name="other"))
    store.remove("other")
    store.remove("other")
    store.save_ranges(("10.1.0.0/24",))
    store.close()
    again = Store(f"{tmp_path}/state")
    assert again.load() == ({"box": saved}, [])
    assert again.load_ranges() == ("10.1.0.0/24",)
    again.close()


def test_a_directory_belongs_to_one_process(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    with pytest.raises(NetworkError, match="another process has it"):
        Store(str(tmp_path))
    store.close()
    Store(str(tmp_path)).close()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"id": 1}', '{"id":"x","netns":"","link":"","mac":"","addresses":["ten"],"ports":[]}']
)
def test_a_broken_record_is_told_and_left(tmp_path: Path, text: str) -> None:
    store = Store(str(tmp_path))
    store.save(record())
    broken = tmp_path / "pods" / "a.json"
    broken.write_text(text)
    records, faults = store.load()
    assert list(records) == ["box"]
    assert len(faults) == 1
    assert str(broken) in faults[0]
    assert broken.exists()
    store.close()


def test_what_a_cut_write_left_is_removed(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    (tmp_path / "pods" / "box.json.new").write_text('{"id": "b')
    assert store.load() == ({}, [])
    assert list((tmp_path / "pods").iterdir()) == []
    store.close()


def test_ranges_that_are_none_are_told_with_their_file(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    (tmp_path / "ranges.json").write_text('{"v4": "10.0.0.0/24"}')
    with pytest.raises(ConfigError, match=r"ranges\.json: is not a list"):
        store.load_ranges()
    store.close()


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(str(path), "first")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(str(path), "\udcff")
    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [("file", "first")]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_port_leads_to_each_address_of_the_pod() -> None:
    found = elements_of(record(PortMapping("tcp", 80, 8080)))
    key = b"\x06\0\0\0\x1f\x90\0\0"
    assert {name: (element.key, element.data) for (name, _), element in found.items()} == {
        "ports4": (key, ADDRESSES[0].packed + b"\0\x50\0\0"),
        "ports6": (key, ADDRESSES[1].packed + b"\0\x50\0\0"),
    }
    assert {element.comment for element in found.values()} == {"box"}


@pytest.mark.parametrize(
    ("host_ip", "names"),
    [("0.0.0.0", ["ports4"]), ("::", ["ports6"]), ("192.0.2.1", ["bound4"]), ("2001:db8::1", ["bound6"])],
)
def test_a_port_on_one_address_is_of_its_kind(host_ip: str, names: list[str]) -> None:
    found = elements_of(record(PortMapping("udp", 53, 53, host_ip)))
    assert [name for name, _ in found] == names


def test_a_port_that_can_not_lead_to_the_pod_is_refused() -> None:
    twice = record(PortMapping("tcp", 80, 8080), PortMapping("tcp", 81, 8080))
    with pytest.raises(ConfigError, match="8080/tcp: is asked for twice"):
        elements_of(twice)
    only_ipv6 = Record("box", "", "", "", ADDRESSES[1:], (PortMapping("tcp", 80, 8080, "192.0.2.1"),))
    with pytest.raises(ConfigError, match=r"192\.0\.2\.1:8080/tcp: the pod has no address of that kind"):
        elements_of(only_ipv6)

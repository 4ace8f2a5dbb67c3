"""Which files a volume shows, and what is said of those that it can not."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from firkin.errors import FirkinError
from firkin.kubelet.api.volume import DownwardAPIVolumeFile, KeyToPath
from firkin.kubelet.environment.facts import Facts
from firkin.kubelet.volumes.atomic import File
from firkin.kubelet.volumes.errors import VolumeError
from firkin.kubelet.volumes.files import Keys, check_path, config_map_files, downward_files, secret_files
from tests.support.pods import Shelf, pod_of


def _items(*items: dict[str, Any]) -> list[KeyToPath]:
    return msgspec.convert(items, list[KeyToPath])


def test_all_keys_of_an_object_are_files() -> None:
    shelf = Shelf()
    shelf.config_map("conf", a="1", b="é")
    shelf.secret("keys", k=b"\x00\xff")
    files = config_map_files(shelf, "default", Keys("conf", [], 0o644, optional=False))
    assert files == {"a": File(b"1", 0o644), "b": File("é".encode(), 0o644)}
    assert secret_files(shelf, "default", Keys("keys", [], 0o400, optional=False)) == {"k": File(b"\x00\xff", 0o400)}


def test_items_choose_keys_paths_and_modes() -> None:
    shelf = Shelf()
    shelf.config_map("conf", a="1", b="2")
    items = _items({"key": "a", "path": "deep/er/x"}, {"key": "b", "path": "y", "mode": 0o600})
    files = config_map_files(shelf, "default", Keys("conf", items, 0o644, optional=False))
    assert files == {"deep/er/x": File(b"1", 0o644), "y": File(b"2", 0o600)}


@pytest.mark.parametrize(
    ("kind", "name", "items", "message"),
    [
        ("configmap", "no", [], 'configmap "no" not found'),
        ("secret", "no", [], 'secret "no" not found'),
        ("configmap", "conf", [{"key": "z", "path": "z"}], "configmap references non-existent config key: z"),
        ("secret", "keys", [{"key": "z", "path": "z"}], "references non-existent secret key: z"),
    ],
)
def test_what_is_missing_is_an_error_unless_it_is_optional(
    kind: str, name: str, items: list[dict[str, Any]], message: str
) -> None:
    shelf = Shelf()
    shelf.config_map("conf", a="1")
    shelf.secret("keys", a=b"1")
    files = config_map_files if kind == "configmap" else secret_files
    with pytest.raises(VolumeError) as raised:
        files(shelf, "default", Keys(name, _items(*items), 0o644, optional=False))
    assert str(raised.value) == message
    assert files(shelf, "default", Keys(name, _items(*items), 0o644, optional=True)) == {}


def test_a_pod_is_told_of_itself() -> None:
    items = msgspec.convert(
        [
            {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
            {"path": "d/name", "fieldRef": {"fieldPath": "metadata.name"}, "mode": 0o400},
            {"path": "cpu", "resourceFieldRef": {"containerName": "main", "resource": "limits.cpu", "divisor": "1m"}},
        ],
        list[DownwardAPIVolumeFile],
    )
    pod = pod_of(labels={"app": "web"})
    files = downward_files(pod, items, 0o644, Facts(allocatable={"cpu": "2"}))
    assert files == {
        "labels": File(b'app="web"', 0o644),
        "d/name": File(b"web", 0o400),
        "cpu": File(b"2000", 0o644),
    }


@pytest.mark.parametrize(
    "item",
    [
        {"path": "x", "fieldRef": {"fieldPath": "status.podIP"}},
        {"path": "x", "fieldRef": {"fieldPath": "spec.nodeName"}},
        {"path": "x"},
        {"path": "x", "resourceFieldRef": {"resource": "limits.cpu"}},
    ],
)
def test_what_a_volume_can_not_tell_is_refused(item: dict[str, Any]) -> None:
    with pytest.raises(FirkinError):
        downward_files(pod_of(), msgspec.convert([item], list[DownwardAPIVolumeFile]), 0o644, Facts())


@pytest.mark.parametrize("path", ["a", "a/b", ".hidden", "a/..b", "a..", "a/...b"])
def test_paths_below_the_volume(path: str) -> None:
    assert check_path(path) == path


@pytest.mark.parametrize(
    "path", ["/a", "", "..", "../a", "a/../b", "a//b", "a/./b", "a/", ".", "..data", "...a", "a\0b"]
)
def test_other_paths_are_refused(path: str) -> None:
    with pytest.raises(VolumeError, match="invalid path"):
        check_path(path)

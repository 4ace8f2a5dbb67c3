"""The mounts of a container: from volumeMounts to CRI."""

from __future__ import annotations

from typing import Any

import pytest

from firkin.cri.api.container_pb2 import Mount, MountPropagation
from firkin.kubelet.volumes.container_mounts import MountRequest, Part, container_mounts
from firkin.kubelet.volumes.errors import VolumeError
from tests.support.pods import pod_of

VOLUMES = [
    {"name": "data", "emptyDir": {}},
    {"name": "conf", "configMap": {"name": "c"}},
    {"name": "art", "image": {"reference": "example.org/art:1"}},
]


def _mounts(*mounts: dict[str, Any], can_be_recursive: bool = False) -> tuple[list[Mount], list[Part]]:
    pod = pod_of({"volumes": VOLUMES, "containers": [{"name": "main", "volumeMounts": mounts}]})
    request = MountRequest(pod, pod.spec.containers[0], {"POD": "web-1", "UP": ".."}, {"art": "sha256:1"},
                           can_be_recursive)  # fmt: skip
    return container_mounts(request, lambda volume: f"/v/{volume.name}", lambda volume, index: f"/s/{volume}/{index}")


def test_a_volume_is_bound() -> None:
    mounts, parts = _mounts({"name": "data", "mountPath": "/data"})
    assert not parts and len(mounts) == 1
    assert mounts[0] == Mount(container_path="/data", host_path="/v/data")


def test_a_relative_path_is_below_the_root() -> None:
    assert _mounts({"name": "data", "mountPath": "data"})[0][0].container_path == "/data"


def test_volumes_that_show_objects_are_read_only() -> None:
    assert _mounts({"name": "conf", "mountPath": "/c"})[0][0].readonly


def test_a_part_of_a_volume_is_bound_first() -> None:
    mounts, parts = _mounts({"name": "conf", "mountPath": "/c"}, {"name": "data", "mountPath": "/d", "subPath": "x/y"})
    assert mounts[1].host_path == "/s/data/1"
    assert parts == [Part("data", "/v/data", "x/y", "/s/data/1")]


def test_a_part_may_be_named_by_variables() -> None:
    _, parts = _mounts({"name": "data", "mountPath": "/d", "subPathExpr": "logs/$(POD)/$$(POD)"})
    assert parts[0].path == "logs/web-1/$(POD)"


def test_an_image_is_for_the_runtime() -> None:
    mounts, parts = _mounts({"name": "art", "mountPath": "/art", "subPath": "usr/share"})
    assert not parts and not mounts[0].host_path
    assert mounts[0].image.image == "sha256:1" and mounts[0].image.user_specified_image == "example.org/art:1"
    assert mounts[0].image_sub_path == "usr/share" and mounts[0].readonly


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        (None, MountPropagation.PROPAGATION_PRIVATE),
        ("None", MountPropagation.PROPAGATION_PRIVATE),
        ("HostToContainer", MountPropagation.PROPAGATION_HOST_TO_CONTAINER),
        ("Bidirectional", MountPropagation.PROPAGATION_BIDIRECTIONAL),
    ],
)
def test_propagation(word: str | None, expected: MountPropagation) -> None:
    mount = {"name": "data", "mountPath": "/d", "mountPropagation": word}
    assert _mounts(mount)[0][0].propagation == expected


@pytest.mark.parametrize(
    ("wish", "can", "expected"),
    [(None, True, False), ("Disabled", True, False), ("IfPossible", True, True), ("IfPossible", False, False),
     ("Enabled", True, True)],
)  # fmt: skip
def test_recursively_read_only(wish: str | None, can: bool, expected: bool) -> None:
    mount = {"name": "data", "mountPath": "/d", "readOnly": True, "recursiveReadOnly": wish}
    assert _mounts(mount, can_be_recursive=can)[0][0].recursive_read_only is expected


@pytest.mark.parametrize(
    ("mount", "message"),
    [
        ({"name": "no", "mountPath": "/d"}, 'cannot find volume "no" to mount into container "main"'),
        ({"name": "data", "mountPath": "/d", "subPath": "/etc"}, "error SubPath `/etc` must not be an absolute path"),
        ({"name": "data", "mountPath": "/d", "subPath": "a/../../b"},
         "unable to provision SubPath `a/../../b`: must not contain '..'"),
        ({"name": "data", "mountPath": "/d", "subPathExpr": "$(UP)/x"},
         "unable to provision SubPath `../x`: must not contain '..'"),
        ({"name": "data", "mountPath": "/d", "subPathExpr": "$(NO)/$(POD)/$(NO2)"},
         "missing value for 'NO', 'NO2' in subPathExpr"),
        ({"name": "data", "mountPath": "/d", "mountPropagation": "Sideways"},
         'invalid MountPropagation mode: "Sideways"'),
        ({"name": "data", "mountPath": "/d", "recursiveReadOnly": "Enabled"},
         "volume 'data' requested recursive read-only mode, but it is not read-only"),
        ({"name": "data", "mountPath": "/d", "readOnly": True, "recursiveReadOnly": "Enabled"},
         "volume 'data' requested recursive read-only mode, but it is not supported by the runtime"),
        ({"name": "data", "mountPath": "/d", "readOnly": True, "recursiveReadOnly": "IfPossible",
          "mountPropagation": "HostToContainer"},
         "volume 'data' requested recursive read-only mode, but it is not compatible with propagation "
         "'HostToContainer'"),
        ({"name": "data", "mountPath": "/d", "readOnly": True, "recursiveReadOnly": "Perhaps"},
         "unknown recursive read-only mode 'Perhaps'"),
    ],
)  # fmt: skip
def test_what_can_not_be_mounted_is_named(mount: dict[str, Any], message: str) -> None:
    with pytest.raises(VolumeError) as raised:
        _mounts(mount)
    assert str(raised.value) == message and raised.value.volume == mount["name"]

"""Which volumes are refused, how large a tmpfs is, and whose volumes a change concerns."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from firkin.kubelet.api.meta import ObjectMeta, Resource
from firkin.kubelet.environment.facts import Facts
from firkin.kubelet.volumes.config_like import ProjectedVolumes
from firkin.kubelet.volumes.elsewhere import Elsewhere
from firkin.kubelet.volumes.empty_dir import EmptyDirs, memory_size, page_size
from firkin.kubelet.volumes.errors import VolumeError
from firkin.kubelet.volumes.places import PodPlaces
from firkin.kubelet.volumes.plugin import Request
from firkin.kubelet.volumes.refresh import affected
from tests.support.pods import Shelf, pod_of

MI = 1 << 20


def _request(volume: dict[str, Any], spec: dict[str, Any] | None = None) -> Request:
    pod = pod_of({**(spec or {}), "volumes": [{"name": "v", **volume}]})
    return Request(pod, pod.spec.volumes[0], PodPlaces("/nowhere", "u"), Shelf(), Facts(allocatable={"memory": "1Gi"}))


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ({"persistentVolumeClaim": {"claimName": "c"}}, "persistentVolumeClaim"),
        ({"csi": {"driver": "d"}}, "csi"),
        ({"nfs": {"server": "s", "path": "/"}}, "nfs"),
        ({"awsElasticBlockStore": {"volumeID": "v"}}, "awsElasticBlockStore"),
        ({"scaleIO": {"gateway": "g"}}, "scaleIO"),
        ({"gitRepo": {"repository": "r"}}, "gitRepo"),
    ],
)
def test_volumes_of_clusters_are_refused_by_name(source: dict[str, Any], named: str) -> None:
    request = _request(source)
    assert Elsewhere().takes(request.volume)
    with pytest.raises(VolumeError, match=f"no volume plugin matched: {named} volumes can not be had on this node"):
        Elsewhere().prepare(request)


@pytest.mark.parametrize("source", ["serviceAccountToken", "clusterTrustBundle", "podCertificate"])
def test_projections_that_need_a_cluster_say_so(source: str) -> None:
    request = _request({"projected": {"sources": [{source: {"path": "x"}}]}})
    with pytest.raises(VolumeError, match=f"^{source} needs an API server, .*: this node has none$"):
        ProjectedVolumes().prepare(request)


def test_an_empty_projection_is_refused() -> None:
    with pytest.raises(VolumeError, match="no known kind"):
        ProjectedVolumes().prepare(_request({"projected": {"sources": [{}]}}))


@pytest.mark.parametrize(
    ("limit", "memory", "expected"),
    [(None, None, 1024), ("10Mi", None, 10), ("2Gi", None, 1024), (None, "64Mi", 64), ("10Mi", "64Mi", 10),
     ("100Mi", "64Mi", 64), ("0", "64Mi", 64)],
)  # fmt: skip
def test_a_tmpfs_is_no_larger_than_its_limit_the_pods_and_the_nodes(
    limit: str | None, memory: str | None, expected: int
) -> None:
    limits = {"memory": memory} if memory else {}
    request = _request(
        {"emptyDir": {"medium": "Memory", "sizeLimit": limit}},
        {"containers": [{"name": "main", "resources": {"limits": limits}}]},
    )
    assert request.volume.empty_dir
    assert memory_size(request, request.volume.empty_dir) == expected * MI


@pytest.mark.parametrize(
    ("medium", "limits", "expected"),
    [
        ("HugePages", {"hugepages-2Mi": "4Mi"}, 2 * MI),
        ("HugePages-2Mi", {"hugepages-2Mi": "4Mi", "hugepages-1Gi": "1Gi"}, 2 * MI),
        ("HugePages-1Gi", {"hugepages-1Gi": "1Gi"}, 1024 * MI),
        ("HugePages", {"hugepages-2Mi": "4Mi", "hugepages-1Gi": "1Gi"}, "huge pages of one size: it has 1Gi, 2Mi"),
        ("HugePages", {}, "huge pages of one size: it has none"),
        ("HugePages-2Mi", {}, "medium HugePages-2Mi: no container has a limit of hugepages-2Mi"),
        ("HugePages-", {}, 'unknown storage medium "HugePages-"'),
        ("Disk", {}, 'unknown storage medium "Disk"'),
    ],
)
def test_the_size_of_huge_pages_is_one_that_the_pod_has(
    medium: str, limits: dict[str, str], expected: int | str
) -> None:
    containers = [{"name": "main", "resources": {"limits": limits}}]
    request = _request({"emptyDir": {"medium": medium}}, {"containers": containers})
    if isinstance(expected, int):
        assert page_size(request.pod, medium) == expected
        return
    with pytest.raises(VolumeError, match=expected):
        EmptyDirs().prepare(request)


@pytest.mark.parametrize("uid", ["", ".", "..", "a/b", "a\0"])
def test_a_uid_that_is_no_file_name_is_refused(uid: str) -> None:
    with pytest.raises(VolumeError):
        PodPlaces("/nowhere", uid)


def test_a_change_concerns_the_pods_that_show_the_object() -> None:
    volumes = [
        {"name": "a", "configMap": {"name": "conf"}},
        {"name": "b", "projected": {"sources": [{"secret": {"name": "keys"}}, {"configMap": {"name": "more"}}]}},
    ]
    pod, other = pod_of({"volumes": volumes}), pod_of(uid="2", name="other")
    shelf = Shelf()
    for changed, expected in (
        (shelf.config_map("conf"), [pod]),
        (shelf.config_map("more"), [pod]),
        (shelf.secret("keys"), [pod]),
        (shelf.secret("conf"), []),
        (shelf.config_map("conf", namespace="elsewhere"), []),
        (pod, []),
        (Resource(metadata=ObjectMeta(name="conf", namespace="default")), []),
    ):
        mounted = {one.metadata.uid: one for one in (pod, other)}
        assert list(affected(changed, mounted)) == expected


def test_a_pod_with_other_labels_is_affected_as_it_is_now() -> None:
    pod = pod_of(labels={"a": "1"})
    changed = msgspec.structs.replace(pod, metadata=msgspec.structs.replace(pod.metadata, labels={"a": "2"}))
    assert list(affected(changed, {pod.metadata.uid: pod})) == [changed]

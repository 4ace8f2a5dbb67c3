"""Parts of volumes (subPath) whose pod puts links in the way, and pods that are removed with what they left there."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from firkin.errors import FirkinError
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.volumes.container_mounts import MountRequest
from firkin.kubelet.volumes.errors import VolumeError
from firkin.kubelet.volumes.leftovers import remove_pod
from firkin.kubelet.volumes.manager import Volumes
from firkin.kubelet.volumes.mounting import bind, mount_tmpfs, mounts_below
from firkin.kubelet.volumes.places import PodPlaces
from firkin.kubelet.volumes.subpath import bind_part
from tests.security.rename_exchange import Swapper
from tests.security.sentinel import Sentinel
from tests.support.pods import Shelf, pod_of

pytestmark = pytest.mark.requires("root")

_SECONDS = 0.6


@pytest.fixture
def volumes(tmp_path: Path) -> Iterator[Volumes]:
    """Volumes below a directory of the test's own; nothing is mounted there when it ends."""
    root = tmp_path / "kubelet"
    made = Volumes(str(root), Shelf())
    yield made
    for uid in made.on_disk():
        remove_pod(PodPlaces(str(root), uid))
    assert not mounts_below(str(root))


def _pod(part: str) -> Pod:
    mount = {"name": "data", "mountPath": "/data", "subPath": part}
    return pod_of({"volumes": [{"name": "data", "emptyDir": {}}],
                   "containers": [{"name": "main", "volumeMounts": [mount]}]})  # fmt: skip


def _volume_of(volumes: Volumes, pod: Pod) -> Path:
    asyncio.run(volumes.mount(pod))
    return Path(volumes.empty_dirs(pod)["data"][0])


def _bound(volumes: Volumes, pod: Pod) -> Path:
    mounts = asyncio.run(volumes.mounts(MountRequest(pod, pod.spec.containers[0])))
    return Path(mounts[0].host_path)


@pytest.mark.parametrize("part", ["out", "out/new/directory", "inside/out", "loop/x", "chain", "proc/etc"])
@pytest.mark.parametrize("lead", ["absolute", "relative"])
def test_a_link_never_leads_out_of_the_volume(volumes: Volumes, sentinel: Sentinel, part: str, lead: str) -> None:
    pod = _pod(part)
    volume = _volume_of(volumes, pod)
    outside = str(sentinel.path) if lead == "absolute" else f"{'../' * 30}{str(sentinel.path)[1:]}"
    (volume / "out").symlink_to(outside)
    (volume / "inside").mkdir()
    (volume / "inside/out").symlink_to(outside)
    (volume / "loop").symlink_to("loop")
    (volume / "chain").symlink_to("inside/out")
    (volume / "proc").symlink_to("/proc/self/root")
    with pytest.raises(VolumeError) as raised:
        _bound(volumes, pod)
    assert raised.value.message == 'failed to prepare subPath for volumeMount "data" of container "main"'
    assert str(sentinel.path) not in str(raised.value)
    assert not mounts_below(str(volume.parents[2]))


def test_a_link_within_the_volume_is_followed(volumes: Volumes) -> None:
    pod = _pod("current/log")
    volume = _volume_of(volumes, pod)
    (volume / "v2/log").mkdir(parents=True)
    (volume / "v2/log/x").write_text("2")
    (volume / "current").symlink_to("v1/../v2")
    (volume / "v1").mkdir()
    assert (_bound(volumes, pod) / "x").read_text() == "2"


@pytest.mark.parametrize("part", ["door", "door/made/here", "door/file"])
def test_race_for_a_part_never_binds_or_makes_anything_outside(tmp_path: Path, sentinel: Sentinel, part: str) -> None:
    volume, target = tmp_path / "volume", str(tmp_path / "places/0")
    (volume / "door").mkdir(parents=True)
    (volume / "door/file").touch()
    (volume / "trap").symlink_to(sentinel.path)
    bound = refused = 0
    try:
        with Swapper(volume / "door", volume / "trap") as swapper:
            deadline = time.monotonic() + _SECONDS
            while time.monotonic() < deadline or not bound:
                try:
                    bind_part(str(volume), part, target)
                except (OSError, FirkinError):
                    refused += 1
                    continue
                bound += 1
                _check_is_inside(target, volume)
    finally:
        remove_pod(_Places(tmp_path))
    assert bound and swapper.count


class _Places(PodPlaces):
    # The directory of the test in the place of a pod's.
    def __init__(self, directory: Path) -> None:
        super().__init__(str(directory), "places")

    @property
    def directory(self) -> str:
        return f"{self.root}/places"


def _check_is_inside(target: str, volume: Path) -> None:
    with open("/proc/self/mountinfo") as file:
        roots = [line.split()[3] for line in file if line.split()[4] == target]
    assert roots and f"{volume.name}/" in f"{roots[-1]}/", roots
    assert "sentinel" not in roots[-1]


@pytest.mark.parametrize("kind", ["fifo", "socket", "device"])
def test_what_is_no_file_is_not_opened(volumes: Volumes, kind: str) -> None:
    # A fifo would make who opens it wait.
    pod = _pod("odd")
    volume = _volume_of(volumes, pod)
    modes = {"fifo": 0o010600, "socket": 0o140600, "device": 0o020600}
    os.mknod(volume / "odd", modes[kind], os.makedev(1, 3))
    assert os.stat(_bound(volumes, pod)).st_ino == os.stat(volume / "odd").st_ino


def test_removing_a_pod_leaves_alone_what_was_bound_or_linked(volumes: Volumes, sentinel: Sentinel) -> None:
    pod = _pod("here")
    volume = _volume_of(volumes, pod)
    _bound(volumes, pod)
    (volume / "link").symlink_to(sentinel.path)
    # Left by a container whose mounts go to the host, by a crash, by another agent.
    places = [volume / "mounted", volume.parents[2] / "volume-subpaths/other/main/0", volume / "here/deeper"]
    source = os.open(sentinel.path, os.O_PATH)
    for place in places:
        place.mkdir(parents=True)
        bind(source, str(place))
        bind(source, str(place))
    os.close(source)
    mount_tmpfs(str(volume / "here"))
    asyncio.run(volumes.unmount(pod.metadata.uid))
    assert not volumes.on_disk()


def test_a_tree_that_is_too_deep_for_paths_is_removed(volumes: Volumes) -> None:
    pod = _pod("here")
    volume = _volume_of(volumes, pod)
    fd = os.open(volume, os.O_RDONLY)
    for _ in range(2100):
        os.mkdir("d", dir_fd=fd)
        below = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)
    asyncio.run(volumes.unmount(pod.metadata.uid))
    assert not volumes.on_disk()

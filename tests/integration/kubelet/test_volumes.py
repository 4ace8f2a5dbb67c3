"""Volumes of pods on the real kernel: what is mounted, who may use it, what a crash leaves, what changes."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from firkin.kubelet.api.config import ConfigMap
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.objects.store import Objects
from firkin.kubelet.volumes.container_mounts import MountRequest
from firkin.kubelet.volumes.errors import VolumeError
from firkin.kubelet.volumes.leftovers import remove_pod
from firkin.kubelet.volumes.manager import Volumes
from firkin.kubelet.volumes.mounting import mount_tmpfs, mounts_below, unmount
from firkin.kubelet.volumes.ownership import set_group
from firkin.kubelet.volumes.places import PodPlaces
from firkin.kubelet.volumes.refresh import follow
from tests.support.mountinfo import parse_mountinfo
from tests.support.pods import Shelf, pod_of
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.requires("root")

VOLUMES: list[dict[str, Any]] = [
    {"name": "disk", "emptyDir": {}},
    {"name": "memory", "emptyDir": {"medium": "Memory", "sizeLimit": "64Ki"}},
    {"name": "conf", "configMap": {"name": "conf", "defaultMode": 0o600}},
    {"name": "keys", "secret": {"secretName": "keys", "items": [{"key": "k", "path": "deep/k", "mode": 0o400}]}},
    {"name": "self", "downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
    {"name": "all", "projected": {"sources": [{"configMap": {"name": "conf"}}, {"secret": {"name": "keys"}}]}},
]


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """Where the agent keeps its pods; what is mounted there when the test ends is taken away."""
    place = tmp_path / "kubelet"
    yield place
    for uid in Volumes(str(place), Shelf()).on_disk():
        remove_pod(PodPlaces(str(place), uid))


def _shelf() -> Shelf:
    shelf = Shelf()
    shelf.config_map("conf", a="1", b="2")
    shelf.secret("keys", k=b"secret")
    return shelf


def _places(root: Path, pod: Pod) -> dict[str, Path]:
    found = (root / "pods" / pod.metadata.uid / "volumes").glob("*/*")
    return {path.name: path for path in found}


def _mounted(path: Path) -> Any:
    return parse_mountinfo(Path("/proc/self/mountinfo").read_text()).get(str(path))


def test_every_kind_is_where_kubernetes_has_it(root: Path) -> None:
    pod = pod_of({"volumes": VOLUMES}, labels={"app": "web"})
    asyncio.run(Volumes(str(root), _shelf()).mount(pod))
    places = _places(root, pod)
    kinds = {name: path.parent.name.removeprefix("kubernetes.io~") for name, path in places.items()}
    assert kinds == {"disk": "empty-dir", "memory": "empty-dir", "conf": "configmap", "keys": "secret",
                     "self": "downward-api", "all": "projected"}  # fmt: skip
    assert (places["conf"] / "a").read_text() == "1"
    assert stat.S_IMODE((places["conf"] / "a").stat().st_mode) == 0o600
    assert (places["keys"] / "deep/k").read_text() == "secret"
    assert stat.S_IMODE((places["keys"] / "deep/k").stat().st_mode) == 0o400
    assert (places["self"] / "labels").read_text() == 'app="web"'
    assert {name for name in os.listdir(places["all"]) if name[0] != "."} == {"a", "b", "k"}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o777 for path in places.values())


def test_secrets_are_in_memory_only_and_a_tmpfs_has_its_size(root: Path) -> None:
    pod = pod_of({"volumes": VOLUMES})
    asyncio.run(Volumes(str(root), _shelf()).mount(pod))
    places = _places(root, pod)
    types = {name: mount.type for name, path in places.items() if (mount := _mounted(path))}
    assert types == {"memory": "tmpfs", "keys": "tmpfs", "self": "tmpfs", "all": "tmpfs"}
    assert "size=64k" in _mounted(places["memory"]).super_options
    with pytest.raises(OSError, match="No space left"):
        (places["memory"] / "big").write_bytes(b"x" * 200_000)


def test_huge_pages_are_mounted_with_their_size(root: Path) -> None:
    limits = {"hugepages-2Mi": "4Mi"}
    volumes = [{"name": "pages", "emptyDir": {"medium": "HugePages"}}]
    pod = pod_of({"volumes": volumes, "containers": [{"name": "c", "resources": {"limits": limits}}]})
    asyncio.run(Volumes(str(root), Shelf()).mount(pod))
    mount = _mounted(_places(root, pod)["pages"])
    assert mount.type == "hugetlbfs" and "pagesize=2M" in mount.super_options
    asyncio.run(Volumes(str(root), Shelf()).unmount(pod.metadata.uid))
    assert not mounts_below(str(root))


def test_files_belong_to_the_group_of_the_pod(root: Path) -> None:
    pod = pod_of({"volumes": VOLUMES, "securityContext": {"fsGroup": 2345}})
    asyncio.run(Volumes(str(root), _shelf()).mount(pod))
    for name, path in _places(root, pod).items():
        status = path.stat()
        assert (status.st_gid, stat.S_IMODE(status.st_mode)) == (2345, 0o2777), name
    key = (_places(root, pod)["keys"] / "deep/k").stat()
    assert (key.st_gid, stat.S_IMODE(key.st_mode)) == (2345, 0o440)
    conf = (_places(root, pod)["conf"] / "a").stat()
    assert (conf.st_gid, stat.S_IMODE(conf.st_mode)) == (2345, 0o640)


def test_the_group_is_set_by_what_the_directory_is_like(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir(mode=0o700)
    (tmp_path / "d/f").write_text("x")
    (tmp_path / "d/f").chmod(0o4700)
    (tmp_path / "link").symlink_to("/etc/passwd")
    before = os.stat("/etc/passwd")
    set_group(str(tmp_path), 2345)
    file, link = (tmp_path / "d/f").stat(), (tmp_path / "link").lstat()
    assert (file.st_gid, stat.S_IMODE(file.st_mode)) == (2345, 0o4760)
    assert ((tmp_path / "d").stat().st_mode & 0o7777, link.st_gid) == (0o2770, 2345)
    assert os.stat("/etc/passwd")[:6] == before[:6]
    os.chown(tmp_path / "d/f", 0, 0)
    set_group(str(tmp_path), 2345, on_root_mismatch=True)
    assert (tmp_path / "d/f").stat().st_gid == 0
    os.chmod(tmp_path, 0o700)
    set_group(str(tmp_path), 2345, on_root_mismatch=True)
    assert (tmp_path / "d/f").stat().st_gid == 2345


def test_an_agent_that_is_started_again_finds_what_is_there(root: Path) -> None:
    mount = {"name": "disk", "mountPath": "/d", "subPath": "part"}
    pod = pod_of({"volumes": VOLUMES, "containers": [{"name": "main", "volumeMounts": [mount]}]})
    request = MountRequest(pod, pod.spec.containers[0])

    async def start() -> str:
        volumes = Volumes(str(root), _shelf())
        await volumes.mount(pod)
        return (await volumes.mounts(request))[0].host_path

    part = asyncio.run(start())
    places = _places(root, pod)
    (places["memory"] / "kept").write_text("1")
    Path(part, "kept").write_text("2")
    before = os.readlink(places["conf"] / "..data")
    assert asyncio.run(start()) == part
    assert (places["memory"] / "kept").read_text() == "1" and (places["disk"] / "part/kept").read_text() == "2"
    assert os.readlink(places["conf"] / "..data") == before
    assert len(mounts_below(str(root))) == 5
    asyncio.run(Volumes(str(root), Shelf()).unmount(pod.metadata.uid))
    assert not mounts_below(str(root)) and os.listdir(root / "pods") == []


def test_what_was_in_memory_is_made_again_after_a_reboot(root: Path) -> None:
    pod = pod_of({"volumes": VOLUMES})
    asyncio.run(Volumes(str(root), _shelf()).mount(pod))
    for path in reversed(mounts_below(str(root))):
        unmount(path)
    asyncio.run(Volumes(str(root), _shelf()).mount(pod))
    assert (_places(root, pod)["keys"] / "deep/k").read_text() == "secret"
    assert _mounted(_places(root, pod)["memory"]).type == "tmpfs"


def test_one_volume_that_can_not_be_had_is_named_and_the_others_are_there(root: Path) -> None:
    spec = {"volumes": [{"name": "bad", "configMap": {"name": "no"}}, *VOLUMES,
                        {"name": "worse", "hostPath": {"path": "/dev/null", "type": "Directory"}}]}  # fmt: skip
    pod = pod_of(spec)
    with pytest.raises(VolumeError) as raised:
        asyncio.run(Volumes(str(root), _shelf()).mount(pod))
    assert str(raised.value) == 'MountVolume.SetUp failed for volume "bad" : configmap "no" not found'
    assert raised.value.volume == "bad"
    assert set(_places(root, pod)) == {volume["name"] for volume in VOLUMES}


def test_a_full_disk_is_named_and_the_volume_shows_what_it_did(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount_tmpfs(str(small), 128 * 1024)
    shelf, pod = Shelf(), pod_of({"volumes": [VOLUMES[2]]})
    shelf.config_map("conf", a="1")
    volumes = Volumes(str(small), shelf)
    asyncio.run(volumes.mount(pod))
    shelf.config_map("conf", a="2", big="x" * 200_000)
    with pytest.raises(VolumeError) as raised:
        asyncio.run(volumes.mount(pod))
    assert str(raised.value) == 'MountVolume.SetUp failed for volume "conf" : No space left on device'
    place = _places(small, pod)["conf"]
    assert sorted(name for name in os.listdir(place) if name[0] != ".") == ["a"] and (place / "a").read_text() == "1"
    shelf.config_map("conf", a="3")
    asyncio.run(volumes.mount(pod))
    assert (place / "a").read_text() == "3" and len(list(place.glob("..2*"))) == 1
    asyncio.run(volumes.unmount(pod.metadata.uid))
    unmount(str(small))


def test_changes_of_objects_are_followed_by_rename(root: Path, tmp_path: Path) -> None:
    objects = Objects(str(tmp_path / "objects.db"))
    conf = msgspec.convert({"metadata": {"name": "conf", "namespace": "default"}, "data": {"a": "1"}}, ConfigMap)
    pod = pod_of({"volumes": [VOLUMES[2], VOLUMES[4]]}, labels={"app": "old"})
    failures: list[str] = []

    async def body() -> None:
        volumes = Volumes(str(root), objects)
        objects.create(conf)
        made = objects.create(pod)
        await volumes.mount(made)
        task = asyncio.create_task(follow(volumes, objects, lambda pod, error: failures.append(str(error))))
        places = _places(root, made)
        objects.change(ConfigMap, "default", "conf", lambda one: msgspec.structs.replace(one, data={"a": "2"}))
        await _until(lambda: (places["conf"] / "a").read_text() == "2")
        new = msgspec.structs.replace(made.metadata, labels={"app": "new"})
        objects.change(Pod, "default", "web", lambda one: msgspec.structs.replace(one, metadata=new))
        await _until(lambda: (places["self"] / "labels").read_text() == 'app="new"')
        objects.delete(ConfigMap, "default", "conf", None)
        await _until(lambda: failures)
        assert (places["conf"] / "a").read_text() == "2"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(body())
    assert failures == ['MountVolume.SetUp failed for volume "conf" : configmap "conf" not found']


def test_an_agent_that_is_started_again_goes_on_following_changes(root: Path, tmp_path: Path) -> None:
    objects = Objects(str(tmp_path / "objects.db"))

    async def body() -> None:
        objects.create(msgspec.convert({"metadata": {"name": "conf", "namespace": "default"}, "data": {"a": "1"}},
                                       ConfigMap))  # fmt: skip
        made = objects.create(pod_of({"volumes": [VOLUMES[2]]}))
        other = objects.create(pod_of({"volumes": [VOLUMES[2]]}, name="elsewhere", uid=""))
        await Volumes(str(root), objects).mount(made)
        place = _places(root, made)["conf"] / "a"
        objects.change(ConfigMap, "default", "conf", lambda one: msgspec.structs.replace(one, data={"a": "2"}))
        task = asyncio.create_task(follow(Volumes(str(root), objects), objects, lambda pod, error: None))
        await _until(lambda: place.read_text() == "2")
        objects.change(ConfigMap, "default", "conf", lambda one: msgspec.structs.replace(one, data={"a": "3"}))
        await _until(lambda: place.read_text() == "3")
        # One that was never set up is left alone.
        assert not (root / "pods" / other.metadata.uid).exists()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(body())


async def _until(is_so: Any) -> None:
    async with asyncio.timeout(SECONDS):
        while not is_so():
            await asyncio.sleep(0.01)


_MOUNTS_FOR_EVER = """
import asyncio, sys
sys.path.append(sys.argv[2])
from firkin.kubelet.volumes.manager import Volumes
from tests.integration.kubelet.test_volumes import VOLUMES, _shelf
from tests.support.pods import pod_of

pod = pod_of({"volumes": VOLUMES, "securityContext": {"fsGroup": 2345}})

async def body():
    volumes = Volumes(sys.argv[1], _shelf())
    while True:
        await volumes.mount(pod)
        print(flush=True)
        await volumes.unmount(pod.metadata.uid)

asyncio.run(body())
"""


def test_an_agent_that_is_killed_at_any_instant_leaves_nothing_that_the_next_can_not_complete(root: Path) -> None:
    pod = pod_of({"volumes": VOLUMES, "securityContext": {"fsGroup": 2345}})
    chance = random.Random(4)
    for _ in range(8):
        command = [sys.executable, "-P", "-c", _MOUNTS_FOR_EVER, str(root), str(Path(__file__).parents[3])]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout
            for _ in range(chance.randrange(1, 4)):
                process.stdout.readline()
            # Somewhere within the next round: a round takes some milliseconds.
            try:
                process.wait(chance.random() * 0.02)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        asyncio.run(Volumes(str(root), _shelf()).mount(pod))
        places = _places(root, pod)
        assert (places["all"] / "k").read_text() == "secret" and len(mounts_below(str(root))) == 4
        asyncio.run(Volumes(str(root), Shelf()).unmount(pod.metadata.uid))
        assert os.listdir(root / "pods") == [] and not mounts_below(str(root))

"""Cgroups of pods on the real kernel, with and without controllers."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from firkin.cgroupfs import Cgroup, find_hierarchy
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.resources.cgroups import PodCgroups
from firkin.kubelet.resources.node import NodeResources
from firkin.kubelet.resources.settings import ResourceSettings
from tests.support.agent import Node, is_ready, main, manifest, run
from tests.support.cgroups import scratch_name
from tests.support.cri_server import CriServer
from tests.support.pods import pod_of
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.requires("root", "cgroup2")

MI, GI = 1 << 20, 1 << 30
CAPACITY = NodeResources(cpu=2000, memory=GI, pods=110)


def _pod(uid: str, requests: dict[str, str], limits: dict[str, str]) -> Pod:
    container = {"name": "main", "resources": {"requests": requests, "limits": limits}}
    return pod_of({"containers": [container]}, uid=uid)


GUARANTEED = _pod("g-1", {}, {"cpu": "500m", "memory": "64Mi"})
BURSTABLE = _pod("b-1", {"cpu": "250m", "memory": "16Mi"}, {"cpu": "1", "memory": "32Mi"})
BEST_EFFORT = _pod("e-1", {}, {})


@pytest.fixture
def root() -> Iterator[str]:
    """A cgroup of the test's own, which is removed with all below it."""
    name = scratch_name()
    yield name
    Cgroup.destroy(name)


def _cgroups(root: str, **settings: bool | int | str) -> PodCgroups:
    known = ResourceSettings(cgroup_root=f"/{root}", pod_pids=32, **settings)  # type: ignore[arg-type]
    return PodCgroups(known, CAPACITY, CAPACITY)


def _read(path: str, *files: str) -> dict[str, str]:
    place = Path(find_hierarchy().mount, path.lstrip("/"))
    return {file: (place / file).read_text().strip() for file in files}


def test_pods_are_in_their_classes_whatever_can_be_limited(root: str, caplog: pytest.LogCaptureFixture) -> None:
    cgroups = _cgroups(root)
    missing = {"cpu", "memory", "pids"} - find_hierarchy().controllers
    assert {record.message.split()[2] for record in caplog.records} == missing

    async def body() -> list[str]:
        await cgroups.update_tiers([GUARANTEED, BURSTABLE, BEST_EFFORT])
        return [await cgroups.ensure(pod) for pod in (GUARANTEED, BURSTABLE, BEST_EFFORT)]

    top = f"/{root}/kubepods"
    assert asyncio.run(body()) == [f"{top}/podg-1", f"{top}/burstable/podb-1", f"{top}/besteffort/pode-1"]
    assert cgroups.top == top and cgroups.path(BURSTABLE) == f"{top}/burstable/podb-1"
    asyncio.run(cgroups.remove("b-1"))
    asyncio.run(cgroups.remove("b-1"))
    mount = find_hierarchy().mount
    there = {path.name for path in Path(mount, root).rglob("pod*")}
    assert there == {"podg-1", "pode-1"}


def test_a_cgroup_is_removed_with_the_processes_in_it(root: str) -> None:
    cgroups = _cgroups(root)
    path = asyncio.run(cgroups.ensure(BEST_EFFORT))
    with Cgroup(path.lstrip("/")) as group, group.make_child("container") as child:
        process = child.spawn(["sleep", "1000"])
    asyncio.run(cgroups.remove("e-1"))
    assert process.wait() == -9
    assert not Path(find_hierarchy().mount, path.lstrip("/")).exists()


@pytest.mark.requires("unified", "cpu", "memory", "pids")
def test_limits_are_in_the_kernel(root: str) -> None:
    cgroups = _cgroups(root, memory_qos=True, memory_reservation="tiered")

    async def body() -> None:
        await cgroups.update_tiers([GUARANTEED, BURSTABLE, BEST_EFFORT])
        for pod in (GUARANTEED, BURSTABLE, BEST_EFFORT):
            await cgroups.ensure(pod)

    asyncio.run(body())
    files = ("cpu.weight", "cpu.max", "memory.max", "memory.min", "memory.low", "pids.max")
    top = f"{root}/kubepods"
    assert _read(top, "cpu.weight", "memory.max", "memory.min", "memory.low") == {
        "cpu.weight": "174", "memory.max": str(GI), "memory.min": str(64 * MI), "memory.low": str(16 * MI),
    }  # fmt: skip
    assert _read(f"{top}/burstable", "cpu.weight", "memory.low") == {"cpu.weight": "35", "memory.low": str(16 * MI)}
    assert _read(f"{top}/besteffort", "cpu.weight") == {"cpu.weight": "1"}
    assert list(_read(f"{top}/podg-1", *files).values()) == [
        "59", "50000 100000", str(64 * MI), str(64 * MI), "0", "32"
    ]  # fmt: skip
    assert list(_read(f"{top}/burstable/podb-1", *files).values()) == [
        "35", "100000 100000", str(32 * MI), "0", str(16 * MI), "32"
    ]  # fmt: skip
    assert list(_read(f"{top}/besteffort/pode-1", *files).values()) == ["1", "max 100000", "max", "0", "0", "32"]
    asyncio.run(cgroups.ensure(_pod("b-1", {"cpu": "250m"}, {})))
    assert _read(f"{top}/burstable/podb-1", "cpu.max", "memory.max") == {"cpu.max": "max 100000", "memory.max": "max"}


@pytest.mark.requires("unified", "cpu", "memory", "pids", "bridge")
def test_containers_have_their_limits_below_those_of_their_pod(shared: CriServer, tmp_path: Path, root: str) -> None:
    limits = "resources: {requests: {cpu: 250m, memory: 16Mi}, limits: {cpu: '1', memory: 32Mi}}"
    gluttony = "head -c 100m /dev/zero | tail -c 100m > /dev/null"
    settings = ResourceSettings(cgroup_root=root, cgroup_driver="cgroupfs", kube_reserved=("memory=64Mi",))

    async def script(here: Node) -> None:
        here.apply(manifest("burst", "terminationGracePeriodSeconds: 0", more=limits))
        here.apply(manifest("glutton", "restartPolicy: Never", gluttony, limits))
        pod = await here.wait("burst", is_ready)
        place = f"{root}/kubepods/burstable/pod{pod.metadata.uid}"
        container = f"{place}/{main(pod).container_id.partition('://')[2]}"
        assert _read(place, "cpu.weight", "memory.max") == {"cpu.weight": "35", "memory.max": str(32 * MI)}
        assert _read(container, "cpu.weight", "cpu.max", "memory.max", "memory.swap.max", "memory.oom.group") == {
            "cpu.weight": "35", "cpu.max": "100000 100000", "memory.max": str(32 * MI), "memory.swap.max": "0",
            "memory.oom.group": "1",
        }  # fmt: skip
        pid = _read(container, "cgroup.procs")["cgroup.procs"].split()[0]
        adjustment = int(Path(f"/proc/{pid}/oom_score_adj").read_text())
        assert adjustment == 1000 - 1000 * 16 * MI // here.agent.machine.capacity.memory
        most = int(_read(f"{root}/kubepods", "memory.max")["memory.max"])
        assert most == (here.agent.machine.capacity.memory - 64 * MI) // 4096 * 4096
        ended = await here.wait("glutton", lambda one: one.status.phase == "Failed")
        killed = main(ended).state.terminated
        assert killed and (killed.reason, killed.exit_code) == ("OOMKilled", 137)

    run(shared, tmp_path, script, resources=settings)


STATIC = manifest("sized", "terminationGracePeriodSeconds: 0", more=(
    "resizePolicy: [{resourceName: memory, restartPolicy: RestartContainer}]\n"
    "resources: {requests: {cpu: 100m, memory: 16Mi}, limits: {cpu: 200m, memory: 32Mi}}"
))  # fmt: skip


@pytest.mark.requires("unified", "cpu", "memory", "pids", "bridge")
def test_a_manifest_with_other_resources_resizes_the_container(shared: CriServer, tmp_path: Path, root: str) -> None:
    settings = ResourceSettings(cgroup_root=root, cgroup_driver="cgroupfs")
    place = tmp_path / "manifests" / "sized.yaml"
    place.parent.mkdir()

    def write(text: str) -> None:
        (tmp_path / "sized.yaml").write_text(text)
        (tmp_path / "sized.yaml").rename(place)

    def limited(pod: Pod) -> tuple[dict[str, str], dict[str, str]]:
        group = f"{root}/kubepods/burstable/pod{pod.metadata.uid}"
        own = main(pod).container_id.partition("://")[2]
        return _read(group, "cpu.max", "memory.max"), _read(f"{group}/{own}", "cpu.max", "memory.max")

    def has(pod: Pod, cpu: str, memory: str) -> bool:
        resources = main(pod).resources
        is_done = not any(one.type.startswith("PodResize") for one in pod.status.conditions)
        return bool(resources and is_ready(pod) and is_done and resources.limits == {"cpu": cpu, "memory": memory})

    async def script(here: Node) -> None:
        write(STATIC)
        first = await here.wait("sized-node", lambda pod: has(pod, "200m", "32Mi"))
        both = {"cpu.max": "20000 100000", "memory.max": str(32 * MI)}
        assert limited(first) == (both, both)
        write(STATIC.replace("cpu: 200m", "cpu: 400m"))
        more = await here.wait("sized-node", lambda pod: has(pod, "400m", "32Mi"))
        both["cpu.max"] = "40000 100000"
        assert limited(more) == (both, both)
        assert (main(more).container_id, main(more).restart_count) == (main(first).container_id, 0)
        write(STATIC.replace("cpu: 200m", "cpu: 150m").replace("memory: 32Mi", "memory: 48Mi"))
        again = await here.wait("sized-node", lambda pod: has(pod, "150m", "48Mi") and main(pod).restart_count == 1)
        both = {"cpu.max": "15000 100000", "memory.max": str(48 * MI)}
        assert limited(again) == (both, both)
        assert again.metadata.uid == first.metadata.uid
        place.unlink()
        await here.wait_gone("sized-node")

    run(shared, tmp_path, script, resources=settings)


@pytest.mark.requires("systemd", "cpu", "memory", "pids")
def test_slices_of_systemd_have_the_same_limits() -> None:
    cgroups = PodCgroups(ResourceSettings(pod_pids=32), CAPACITY, CAPACITY, "systemd")
    uid = "12345678-1234-1234-1234-123456789abc"
    pod = _pod(uid, {"cpu": "250m", "memory": "16Mi"}, {"cpu": "1", "memory": "32Mi"})

    async def body() -> str:
        await cgroups.update_tiers([pod])
        await cgroups.ensure(pod)
        return await cgroups.ensure(pod)

    try:
        path = asyncio.run(body())
        unit = f"kubepods-burstable-pod{uid.replace('-', '_')}.slice"
        assert path == f"/kubepods.slice/kubepods-burstable.slice/{unit}"
        assert _read(path, "cpu.weight", "memory.max", "pids.max") == {
            "cpu.weight": "35", "memory.max": str(32 * MI), "pids.max": "32",
        }  # fmt: skip
    finally:
        asyncio.run(cgroups.remove(uid))
        for unit in ("kubepods-burstable.slice", "kubepods-besteffort.slice", "kubepods.slice"):
            subprocess.run(["systemctl", "stop", unit], check=True, timeout=SECONDS)
    assert not Path(find_hierarchy().mount, path.lstrip("/")).exists()

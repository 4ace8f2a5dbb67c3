"""The agent drives containerd as it drives firkin's own server: pods run, restart, tell how they are, and end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from firkin.kubelet.resources.settings import ResourceSettings
from tests.support.agent import Node, is_ready, main, manifest, run
from tests.support.cgroups import scratch_name
from tests.support.cri_servers import IMAGE, Server, make_images, running

pytestmark = pytest.mark.requires("root", "cgroup2")
NETWORK = "hostNetwork: true\nrestartPolicy: Always\nterminationGracePeriodSeconds: 1"


@pytest.fixture(scope="module")
def containerd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    assert shutil.which("containerd"), "containerd is a package of the tests"
    place = tmp_path_factory.mktemp("containerd")
    (place / "images").mkdir()
    with running("containerd", place / "server", make_images(place / "images")) as server:
        yield server
        # What a test that failed has left.
        for pod in server.client("ListPodSandbox").items:
            server.client("StopPodSandbox", pod_sandbox_id=pod.id)
            server.client("RemovePodSandbox", pod_sandbox_id=pod.id)


def test_pods_live_by_containerd(containerd: Server, tmp_path: Path) -> None:
    probe = "readinessProbe: {exec: {command: [test, -e, /shared/ready]}, periodSeconds: 1}"
    mounts = "volumeMounts: [{name: shared, mountPath: /shared}]\nenv: [{name: WHO, value: me}]"
    volume = "volumes: [{name: shared, emptyDir: {}}]"
    steady = manifest(
        "steady", f"{NETWORK}\n{volume}", "echo $WHO; touch /shared/ready; sleep 1000", f"{probe}\n{mounts}"
    )

    async def script(here: Node) -> None:
        here.apply(steady)
        here.apply(manifest("ends", NETWORK.replace("Always", "Never"), "exit 3"))
        here.apply(manifest("again", NETWORK, "exit 0"))
        ready = await here.wait("steady", is_ready)
        assert main(ready).image == IMAGE and main(ready).container_id.startswith("containerd://")
        ended = await here.wait("ends", lambda pod: pod.status.phase == "Failed")
        state = main(ended).state.terminated
        assert state is not None and (state.exit_code, state.reason) == (3, "Error")
        await here.wait("again", lambda pod: main(pod).restart_count >= 1)
        (log,) = (tmp_path / "pods").glob("default_steady_*/main/0.log")
        assert log.read_text().endswith(" stdout F me\n")
        for name in ("steady", "ends", "again"):
            here.delete(name)
        for name in ("steady", "ends", "again"):
            await here.wait_gone(name)
        assert not containerd.client("ListPodSandbox").items

    root = scratch_name()
    try:
        run(containerd, tmp_path, script, resources=ResourceSettings(cgroup_root=root))
    finally:
        # runc leaves those above its containers, in hierarchies of cgroup v1 too.
        for place in (*Path("/sys/fs/cgroup").glob(root), *Path("/sys/fs/cgroup").glob(f"*/{root}")):
            for path, _, _ in os.walk(place, topdown=False):
                os.rmdir(path)

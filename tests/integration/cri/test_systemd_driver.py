"""The systemd cgroup driver: containers and the processes of pods in scopes of a real systemd."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from firkin.cgroupfs.hierarchy import find_hierarchy
from tests.support.cri_server import CriServer
from tests.support.netns import World
from tests.support.systemd import show, systemctl
from tests.support.waiting import eventually

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge", "systemd", "memory", "pids")

MIB = 1 << 20
EXITED = 2
SLICE = "kubepods-firkintest.slice"
PLACE = f"kubepods.slice/{SLICE}"
# On the host's network: what takes long where everything is emulated is not what this is about.
HOST_NETWORK = {"network": 2, "pid": 1}


@pytest.fixture(scope="module")
def server(here: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CriServer]:
    server = CriServer(tmp_path_factory.mktemp("cri"), '[cri]\ncgroup_driver = "systemd"\n')
    server.start()
    yield server
    server.clean_up()
    assert server.leftovers() == []


def make_pod(server: CriServer, parent: str = f"/{PLACE}", pid: int = 1) -> str:
    """A pod in a slice; as the kubelet does, the parent is given as a path."""
    options = {**HOST_NETWORK, "pid": pid}
    return server.pod(linux={"cgroup_parent": parent, "security_context": {"namespace_options": options}})


def linux(pid: int = 1, **resources: object) -> dict[str, object]:
    return {"resources": resources, "security_context": {"namespace_options": {**HOST_NETWORK, "pid": pid}}}


def unit(id: str) -> str:
    return f"firkin-{id}.scope"


def directory(id: str) -> Path:
    return Path(find_hierarchy().mount, PLACE, unit(id))


def members(path: Path) -> list[str]:
    """The programs in a cgroup."""
    return [Path(f"/proc/{pid}/comm").read_text().strip() for pid in (path / "cgroup.procs").read_text().split()]


def is_gone(id: str) -> bool:
    return show(unit(id), "LoadState")["LoadState"] == "not-found" and not directory(id).exists()


def test_a_container_lives_in_a_scope_with_its_limits(server: CriServer) -> None:
    assert server("RuntimeConfig").linux.cgroup_driver == 0
    pod = make_pod(server)
    id = server.run(pod, "exec sleep 1000", linux=linux(memory_limit_in_bytes=64 * MIB, unified={"pids.max": "20"}))
    assert members(directory(id)) == ["sleep"]
    names = ("Slice", "Delegate", "MemoryMax", "TasksMax")
    assert show(unit(id), *names) == {
        "Slice": SLICE, "Delegate": "yes", "MemoryMax": str(64 * MIB), "TasksMax": "20"
    }  # fmt: skip
    found = {name: (directory(id) / name).read_text().strip() for name in ("memory.max", "pids.max")}
    assert found == {"memory.max": str(64 * MIB), "pids.max": "20"}
    # What is executed there is in it, too, and sees it as the root.
    assert b"0::/\n" in server.exec(id, "cat", "/proc/self/cgroup").stdout
    assert server("ContainerStats", container_id=id).stats.memory.usage_bytes.value > 0
    assert server("PodSandboxStats", pod_sandbox_id=pod).stats.linux.memory.usage_bytes.value > 0
    request = {"container_id": id, "linux": {"memory_limit_in_bytes": 96 * MIB}}
    server("UpdateContainerResources", **request)
    # systemd writes the files of its units anew.
    systemctl("daemon-reload")
    assert (directory(id) / "memory.max").read_text().strip() == str(96 * MIB)
    assert show(unit(id), "MemoryMax") == {"MemoryMax": str(96 * MIB)}
    server("StopContainer", container_id=id)
    assert server.status(id).state == EXITED
    eventually(lambda: is_gone(id))
    server("RemovePodSandbox", pod_sandbox_id=pod)


def test_a_container_is_started_by_a_later_server(server: CriServer) -> None:
    pod = make_pod(server, SLICE)
    id = server.create(pod, "exec sleep 1000", linux=linux(memory_limit_in_bytes=64 * MIB))
    assert is_gone(id)
    server.kill()
    server.start()
    server("StartContainer", container_id=id)
    assert show(unit(id), "MemoryMax") == {"MemoryMax": str(64 * MIB)}
    assert server.exec(id, "echo", "here").stdout == b"here\n"
    assert members(directory(id)) == ["sleep"]
    server("RemoveContainer", container_id=id)
    eventually(lambda: is_gone(id))
    server("RemovePodSandbox", pod_sandbox_id=pod)


def test_what_can_not_be_started_leaves_no_scope(server: CriServer) -> None:
    pod = make_pod(server)
    config = server.container_config("", "missing", linux=linux())
    config["command"] = ["/no/such/program"]
    id = server("CreateContainer", pod_sandbox_id=pod, config=config).container_id
    with pytest.raises(grpc.RpcError, match="no such"):
        server("StartContainer", container_id=id)
    assert server.status(id).state == EXITED
    eventually(lambda: is_gone(id))
    server("RemovePodSandbox", pod_sandbox_id=pod)


def test_the_process_of_a_pod_is_in_a_scope_of_its_slice(server: CriServer) -> None:
    pod = make_pod(server, pid=0)
    (pid,) = (directory(pod) / "cgroup.procs").read_text().split()
    assert os.readlink(f"/proc/{pid}/ns/pid") != os.readlink("/proc/self/ns/pid")
    assert show(unit(pod), "Slice", "ActiveState") == {"Slice": SLICE, "ActiveState": "active"}
    id = server.run(pod, "exec sleep 1000", linux=linux(pid=0))
    assert members(directory(id)) == ["sleep"]
    server("RemovePodSandbox", pod_sandbox_id=pod)
    eventually(lambda: is_gone(pod) and is_gone(id))


def test_a_server_that_is_killed_in_a_start_leaves_no_scope(server: CriServer) -> None:
    pod = make_pod(server)
    place = Path(find_hierarchy().mount, PLACE)

    def work() -> None:
        with contextlib.suppress(grpc.RpcError, AssertionError, ValueError):
            server.run(pod, "exec sleep 1000", linux=linux())

    worker = threading.Thread(target=work)
    worker.start()
    # The scope is there as soon as systemd has made it, which is before the plan runs.
    while not list(place.glob("firkin-*.scope")):
        assert worker.is_alive()
    os.kill(server.pid, 9)
    worker.join()
    server.kill()
    server.start()
    server("RemovePodSandbox", pod_sandbox_id=pod)
    assert server.leftovers() == []
    # A placeholder outlives its maker by some seconds.
    eventually(lambda: not list(place.glob("firkin-*.scope")))
    eventually(lambda: "firkin-" not in systemctl("list-units", "--all", "--plain", "--no-legend", "firkin-*.scope"))


def test_a_parent_that_is_no_slice_is_refused(server: CriServer) -> None:
    with pytest.raises(grpc.RpcError, match="does not end with a slice") as found:
        make_pod(server, "/kubepods/pod1")
    assert found.value.code().name == "INVALID_ARGUMENT"

"""The server is killed, at any moment: containers run on, and the next server knows, or removes, what there is."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import grpc
import pytest

from firkin.cgroupfs import Cgroup
from firkin.runtime.store import Container as Record
from tests.support.bundle import FIRKIN
from tests.support.cni_plugins import FileNetwork
from tests.support.cri_server import CriServer
from tests.support.netns import run
from tests.support.waiting import eventually

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge")

CREATED, RUNNING, EXITED = 0, 1, 2
READY = 0


def test_containers_run_on_and_are_found_again(cri: CriServer) -> None:
    pod = cri.pod()
    counting = cri.run(pod, "i=0; while :; do i=$((i+1)); echo $i; done", "counting")
    ending = cri.run(pod, "while ! test -e /dev/shm/end; do sleep 0.01; done; exit 9", "ending")
    waiting = cri.create(pod, "exit 4", "waiting")
    log = Path(cri.status(counting).log_path)
    address = cri("PodSandboxStatus", pod_sandbox_id=pod).status.network.ip
    end = cri.state / "sandboxes" / pod / "shm" / "end"
    cri.kill()
    size = log.stat().st_size
    eventually(lambda: log.stat().st_size > size + 100_000)
    end.touch()
    eventually(lambda: (cri.state / "containers" / ending / "exit").exists())
    cri.start()
    assert [cri.status(id).state for id in (counting, ending, waiting)] == [RUNNING, EXITED, CREATED]
    assert (cri.status(ending).exit_code, cri.status(ending).reason) == (9, "Error")
    sandbox = cri("PodSandboxStatus", pod_sandbox_id=pod).status
    assert (sandbox.state, sandbox.network.ip) == (READY, address)
    assert cri.exec(counting, "echo", "here").stdout == b"here\n"
    cri("StartContainer", container_id=waiting)
    eventually(lambda: cri.status(waiting).state == EXITED)
    assert cri.status(waiting).exit_code == 4
    cri("StopContainer", container_id=counting)
    lines = [int(line.split()[3]) for line in log.read_text().splitlines() if line.split()[2] == "F"]
    # Not one is missing.
    assert lines == list(range(1, len(lines) + 1))


def test_a_monitor_that_is_killed_takes_its_container_along(cri: CriServer) -> None:
    id = cri.run(cri.pod(), "sleep 1000")
    os.kill(cri.monitor(id), signal.SIGKILL)
    eventually(lambda: cri.status(id).state == EXITED)
    status = cri.status(id)
    assert (status.exit_code, status.reason) == (255, "ContainerStatusUnknown")
    cri("RemoveContainer", container_id=id)


def test_what_has_ended_is_not_updated(cri: CriServer) -> None:
    id = cri.run(cri.pod(), "sleep 1000")
    monitor = cri.monitor(id)
    # Nobody tells the server of the end.
    os.kill(monitor, signal.SIGSTOP)
    with Record(str(cri.state / "runtime"), id) as record:
        Cgroup.destroy(record.cgroup)
    with pytest.raises(grpc.RpcError) as found:
        cri("UpdateContainerResources", container_id=id, linux={"oom_score_adj": 1})
    os.kill(monitor, signal.SIGCONT)
    assert found.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert "has ended" in str(found.value.details())
    assert eventually(lambda: cri.status(id), lambda status: status.state == EXITED).exit_code == 137


def test_a_pipe_that_nobody_reads_is_no_end(cri: CriServer) -> None:
    os.kill(cri.pid, signal.SIGPIPE)
    assert cri("Version").runtime_name == "firkin"
    assert cri.stop() == 0


def test_two_servers_can_not_share_what_is_theirs(cri: CriServer) -> None:
    command = f"! {FIRKIN} cri --config {cri.place}/config.toml --socket {cri.place}/other.sock 2>&1"
    assert "another firkin uses it" in run(command)


@pytest.mark.parametrize("milliseconds", (1, 15, 30, 60))
def test_nothing_is_left_of_what_was_under_way(cri: CriServer, milliseconds: int) -> None:
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            try:
                pod = cri.pod()
                cri.run(pod, "sleep 1000")
            except (grpc.RpcError, AssertionError, ValueError):
                return

    worker = threading.Thread(target=work)
    worker.start()
    stop.wait(milliseconds / 1000)
    os.kill(cri.pid, 9)
    stop.set()
    worker.join()
    cri.kill()
    cri.start()
    for sandbox in cri("ListPodSandbox").items:
        cri("RemovePodSandbox", pod_sandbox_id=sandbox.id)
    assert cri("ListContainers").containers == []
    assert cri.leftovers() == []
    assert list((cri.place / "root").glob("containers/*")) == []


def test_a_pod_that_its_network_holds_is_stopped_by_a_later_request(cri: CriServer) -> None:
    network = FileNetwork(cri.place / "plugins")
    (cri.place / "cni").mkdir()
    (cri.place / "cni" / "10-files.conflist").write_text(json.dumps(network.configuration()))
    pod = cri.pod()
    assert network.leases == [pod]
    (network.place / "first-DEL").write_text("11 not now")
    with pytest.raises(grpc.RpcError, match="not now"):
        cri("StopPodSandbox", pod_sandbox_id=pod)
    cri.kill()
    cri.start()
    (network.place / "first-DEL").unlink()
    assert network.leases == [pod]
    for _ in range(2):
        cri("StopPodSandbox", pod_sandbox_id=pod)
        assert network.leases == []


def test_a_monitor_that_is_silent_is_watched_when_it_speaks(cri: CriServer) -> None:
    id = cri.run(cri.pod(), "sleep 1000")
    monitor = cri.monitor(id)
    os.kill(monitor, signal.SIGSTOP)
    cri.kill()
    cri.start()
    assert f"container {id}: its monitor does not answer" in cri.log()
    assert cri.status(id).state == RUNNING
    os.kill(monitor, signal.SIGCONT)
    cri("StopContainer", container_id=id)
    assert eventually(lambda: cri.status(id), lambda status: status.state == EXITED).exit_code == 137


def test_a_record_that_can_not_be_read_is_left_alone(cri: CriServer) -> None:
    pod = cri.pod()
    config = cri.container_config("sleep 1000")
    id = cri("CreateContainer", pod_sandbox_id=pod, config=config).container_id
    cri("StartContainer", container_id=id)
    before = cri.status(id)
    cri.stop()
    with closing(sqlite3.connect(cri.place / "root" / "cri.db", isolation_level=None)) as database:
        ((facts,),) = database.execute("SELECT facts FROM records WHERE id = ?", (id,))
        database.execute("UPDATE records SET facts = '[' WHERE id = ?", (id,))
    cri.start()
    assert f"container {id} (" in cri.log()
    assert [one.id for one in cri("ListContainers").containers] == []
    with pytest.raises(grpc.RpcError) as refused:
        cri("CreateContainer", pod_sandbox_id=pod, config=config)
    assert refused.value.code() == grpc.StatusCode.ALREADY_EXISTS
    cri.stop()
    with closing(sqlite3.connect(cri.place / "root" / "cri.db", isolation_level=None)) as database:
        database.execute("UPDATE records SET facts = ? WHERE id = ?", (facts, id))
    cri.start()
    assert cri.status(id) == before
    assert cri.exec(id, "echo", "here").stdout == b"here\n"


def test_the_name_of_a_pod_that_was_stopped_is_taken_until_it_is_removed(cri: CriServer) -> None:
    config = cri.pod_config()
    pod = cri("RunPodSandbox", config=config).pod_sandbox_id
    cri("StopPodSandbox", pod_sandbox_id=pod)
    with pytest.raises(grpc.RpcError, match=f"pod sandbox {pod} has this name") as refused:
        cri("RunPodSandbox", config=config)
    assert refused.value.code() == grpc.StatusCode.ALREADY_EXISTS
    another = {**config, "metadata": {**config["metadata"], "attempt": 1}}
    cri("RunPodSandbox", config=another)
    cri("RemovePodSandbox", pod_sandbox_id=pod)
    assert cri("RunPodSandbox", config=config).pod_sandbox_id != pod

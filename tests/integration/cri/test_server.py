"""Pods and containers over CRI, from their making to their end."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.support.cri_server import IMAGE, CriServer
from tests.support.waiting import eventually

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge")

CREATED, RUNNING, EXITED = 0, 1, 2
READY, NOT_READY = 0, 1


def refused(call: Any, code: str) -> str:
    """The words of a call that must be refused with `code`."""
    with pytest.raises(grpc.RpcError) as found:
        call()
    assert found.value.code().name == code, found.value.details()
    return str(found.value.details())


def log_of(server: CriServer, pod: dict[str, Any], name: str = "main") -> list[str]:
    """The lines of a container's log without their times."""
    text = (Path(pod["log_directory"]) / f"{name}.log").read_text()
    return [line.split(" ", 1)[1] for line in text.splitlines()]


def test_the_server_says_who_it_is(shared: CriServer) -> None:
    version, status = shared("Version"), shared("Status", verbose=True)
    assert (version.runtime_name, version.runtime_api_version, version.version) == ("firkin", "v1", "0.1.0")
    assert {one.type: one.status for one in status.status.conditions} == {"RuntimeReady": True, "NetworkReady": True}
    assert os.stat(shared.socket).st_mode & 0o777 == 0o600


def test_a_container_runs_logs_and_ends(shared: CriServer) -> None:
    config = shared.pod_config()
    pod = shared("RunPodSandbox", config=config).pod_sandbox_id
    id = shared.create(pod, "echo out; echo err >&2; hostname; exit 3")
    assert shared.status(id).state == CREATED
    shared("StartContainer", container_id=id)
    eventually(lambda: shared.status(id).state == EXITED)
    status = shared.status(id)
    assert (status.exit_code, status.reason) == (3, "Error")
    assert 0 < status.created_at <= status.started_at <= status.finished_at
    assert sorted(log_of(shared, config)) == sorted(["stdout F out", "stderr F err", f"stdout F {config['hostname']}"])
    assert status.image_ref == status.image_id == shared("ImageStatus", image={"image": IMAGE}).image.id


def test_containers_of_a_pod_share_its_network_and_names(shared: CriServer) -> None:
    pod = shared.pod()
    first, second = (shared.run(pod, "sleep 1000", name) for name in ("first", "second"))
    script = "for n in net ipc uts pid; do readlink /proc/self/ns/$n; done"
    found = [shared.exec(id, "sh", "-c", script).stdout.decode().split() for id in (first, second)]
    assert found[0][:3] == found[1][:3]
    assert found[0][3] != found[1][3]
    address = shared("PodSandboxStatus", pod_sandbox_id=pod).status.network.ip
    assert address in shared.exec(first, "ifconfig", "eth0").stdout.decode()
    assert shared.exec(first, "cat", "/etc/hosts").stdout.decode().splitlines()[-2].startswith(address)


def test_a_shared_pid_namespace_has_an_init_that_reaps(shared: CriServer) -> None:
    pod = shared.pod(linux={"security_context": {"namespace_options": {"pid": 0}}})
    shared_pid: dict[str, Any] = {"linux": {"security_context": {"namespace_options": {"pid": 0}}}}
    id = shared.run(pod, "sleep 1000 & sleep 999", **shared_pid)
    assert shared.exec(id, "sh", "-c", "(sleep 0.01 &); sleep 0.1; ps | grep -c '[Z]ombie'").stdout == b"0\n"
    other = shared.run(pod, "sleep 998", "other", **shared_pid)
    assert b"sleep 999" in shared.exec(other, "ps").stdout
    shared("StopContainer", container_id=id)
    # What it left in the namespace that it shared has gone with it.
    assert b"sleep 1000" not in shared.exec(other, "ps").stdout


def test_stopping_asks_first(shared: CriServer) -> None:
    pod = shared.pod()
    polite = shared.run(pod, "trap 'echo asked; exit 7' TERM; echo ready; while :; do sleep 0.01; done", "polite")
    deaf = shared.run(pod, "trap '' TERM; echo ready; while :; do sleep 0.01; done", "deaf")
    for id in (polite, deaf):
        path = Path(shared.status(id).log_path)
        eventually(lambda path=path: "ready" in path.read_text())  # type: ignore[misc]
    shared("StopContainer", container_id=polite, timeout=60)
    shared("StopContainer", container_id=deaf, timeout=1)
    assert shared.status(polite).exit_code == 7
    assert shared.status(deaf).exit_code == 137
    shared("StopContainer", container_id=deaf, timeout=1)


def test_what_is_stopped_or_removed_twice_is_fine(shared: CriServer) -> None:
    pod = shared.pod()
    id = shared.run(pod, "sleep 1000")
    for _ in range(2):
        shared("StopPodSandbox", pod_sandbox_id=pod)
        assert shared("PodSandboxStatus", pod_sandbox_id=pod).status.state == NOT_READY
    assert shared.status(id).state == EXITED
    for _ in range(2):
        shared("RemoveContainer", container_id=id)
        shared("RemovePodSandbox", pod_sandbox_id=pod)
    for call, field in (("ContainerStatus", "container_id"), ("PodSandboxStatus", "pod_sandbox_id")):
        assert "does not exist" in refused(
            lambda call=call, field=field: shared(call, **{field: "0" * 64}), "NOT_FOUND"
        )
    for call in ("StopContainer", "RemoveContainer"):
        shared(call, container_id="0" * 64)


def test_the_same_request_has_the_same_answer(shared: CriServer) -> None:
    config = shared.pod_config()
    pod = shared("RunPodSandbox", config=config).pod_sandbox_id
    assert shared("RunPodSandbox", config=config).pod_sandbox_id == pod
    other = {**config, "hostname": "another"}
    assert "another configuration" in refused(lambda: shared("RunPodSandbox", config=other), "ALREADY_EXISTS")
    id = shared.create(pod, "true")
    assert shared.create(pod, "true") == id
    assert "another configuration" in refused(lambda: shared.create(pod, "false"), "ALREADY_EXISTS")


def test_bad_requests_leave_nothing(shared: CriServer) -> None:
    before = len(shared("ListPodSandbox").items)
    assert "metadata.uid" in refused(
        lambda: shared("RunPodSandbox", config={"metadata": {"name": "a", "namespace": "b"}}), "INVALID_ARGUMENT"
    )
    refused(lambda: shared("RunPodSandbox", config=shared.pod_config(), runtime_handler="none"), "NOT_FOUND")
    assert len(shared("ListPodSandbox").items) == before
    pod = shared.pod()
    bad: dict[str, Any] = {"mounts": [{"container_path": "/data", "host_path": "/no/such/place"}]}
    assert "'/no/such/place' does not exist" in refused(lambda: shared.create(pod, "true", **bad), "INVALID_ARGUMENT")
    missing: dict[str, Any] = {"image": {"image": "registry.example/none:1"}}
    assert "none:1" in refused(lambda: shared.create(pod, "true", **missing), "NOT_FOUND")
    assert shared("ListContainers", filter={"pod_sandbox_id": pod}).containers == []
    id = shared.create(pod, "true", "absent", command=["/no/such/program"])
    assert "/no/such/program" in refused(lambda: shared("StartContainer", container_id=id), "FAILED_PRECONDITION")
    status = shared.status(id)
    assert (status.state, status.exit_code, status.reason) == (EXITED, 128, "StartError")


def test_a_pod_on_the_hosts_network(shared: CriServer) -> None:
    host: dict[str, Any] = {"linux": {"security_context": {"namespace_options": {"network": 2, "pid": 1}}}}
    pod = shared.pod(hostname="", **host)
    id = shared.run(pod, "sleep 1000", **host)
    found = shared.exec(id, "readlink", "/proc/self/ns/net").stdout.decode().strip()
    assert found == os.readlink("/proc/thread-self/ns/net")
    assert shared("PodSandboxStatus", pod_sandbox_id=pod).status.network.ip == ""


def test_users_mounts_and_limits_of_rights(shared: CriServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("from the host\n")
    tmp_path.chmod(0o755)
    context = {
        "namespace_options": {"pid": 1},
        "run_as_username": "web",
        "readonly_rootfs": True,
        "no_new_privs": True,
        "seccomp": {"profile_type": 0},
        "capabilities": {"drop_capabilities": ["ALL"]},
        "masked_paths": ["/proc/kcore"],
    }
    pod = shared.pod()
    id = shared.run(
        pod,
        "sleep 1000",
        linux={"security_context": context},
        mounts=[{"container_path": "/data", "host_path": str(tmp_path), "readonly": True}],
        envs=[{"key": "GREETING", "value": "aGk="}],
    )
    assert shared.exec(id, "id", "-u").stdout == b"33\n"
    assert shared.exec(id, "cat", "/data/file").stdout == b"from the host\n"
    assert shared.exec(id, "sh", "-c", "echo $GREETING").stdout == b"hi\n"
    for path in ("/data/x", "/etc/x"):
        found = shared.exec(id, "touch", path)
        assert (found.exit_code, b"Read-only" in found.stderr) == (1, True)
    status = shared.exec(id, "cat", "/proc/self/status").stdout.decode()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert (fields["CapEff"], fields["CapBnd"], fields["NoNewPrivs"], fields["Seccomp"]) == (
        "0" * 16,
        "0" * 16,
        "1",
        "2",
    )


def test_a_pod_with_users_of_its_own(shared: CriServer, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    mapping = {"container_id": 0, "host_id": 1 << 20, "length": 1 << 16}
    options = {"pid": 1, "userns_options": {"mode": 0, "uids": [mapping], "gids": [mapping]}}
    context = {"security_context": {"namespace_options": options}}
    pod = shared.pod(linux={**shared.pod_config()["linux"], **context})
    mount = {"container_path": "/data", "host_path": str(tmp_path), "uidMappings": [mapping], "gidMappings": [mapping]}
    id = shared.run(pod, "touch /data/new /own; sleep 1000", linux=context, mounts=[mount])
    # Root inside is nobody special outside, and yet files of the image and of the volume are its own.
    assert shared.exec(id, "cat", "/proc/self/uid_map").stdout.split() == [b"0", b"1048576", b"65536"]
    assert shared.exec(id, "stat", "-c", "%u:%g", "/bin", "/data/file", "/own").stdout.split() == [b"0:0"] * 3
    eventually((tmp_path / "new").exists)
    assert ((tmp_path / "new").stat().st_uid, (tmp_path / "new").stat().st_gid) == (0, 0)
    shared("RemovePodSandbox", pod_sandbox_id=pod)


def test_exec_answers_with_deadline_exceeded(shared: CriServer) -> None:
    id = shared.run(shared.pod(), "sleep 1000")
    assert "did not end within 1 s" in refused(lambda: shared.exec(id, "sleep", "500", timeout=1), "DEADLINE_EXCEEDED")
    assert "cmd: is empty" in refused(lambda: shared.exec(id), "INVALID_ARGUMENT")


def test_lists_are_filtered_and_streamed(shared: CriServer) -> None:
    pod = shared.pod(labels={"app": "lists"})
    ids = {shared.create(pod, "true", f"c{number}", labels={"number": str(number)}) for number in range(3)}
    assert {one.id for one in shared("ListContainers", filter={"pod_sandbox_id": pod}).containers} == ids
    streamed = [
        one for part in shared.stream("StreamContainers", filter={"pod_sandbox_id": pod}) for one in part.containers
    ]
    assert {one.id for one in streamed} == ids
    assert len(shared("ListContainers", filter={"label_selector": {"number": "1"}}).containers) == 1
    assert [one.id for one in shared("ListPodSandbox", filter={"label_selector": {"app": "lists"}}).items] == [pod]


def test_events_are_told_as_they_happen(shared: CriServer) -> None:
    events = shared.stream("GetContainerEvents")
    # The stream is there once the server has seen the call, which nothing but an event tells.
    pod = shared.pod()
    id = shared.run(pod, "exit 0")
    kinds = []
    for event in events:
        if event.container_id == id:
            kinds.append(event.container_event_type)
            assert event.pod_sandbox_status.id == pod
        if kinds[-1:] == [2]:
            break
    events.cancel()
    assert kinds == [0, 1, 2]


def test_statistics_and_metrics(shared: CriServer) -> None:
    pod = shared.pod()
    id = shared.run(pod, "while :; do :; done")
    first = shared("ContainerStats", container_id=id).stats
    assert first.attributes.id == id
    eventually(lambda: shared("ContainerStats", container_id=id).stats.cpu.usage_nano_cores.value > 0)
    assert (
        shared("ContainerStats", container_id=id).stats.cpu.usage_core_nano_seconds.value
        > first.cpu.usage_core_nano_seconds.value
    )
    assert id in {one.attributes.id for one in shared("ListContainerStats").stats}
    pods = {one.attributes.id: one for one in shared("ListPodSandboxStats").stats}
    assert pods[pod].linux.network.default_interface.name == "eth0"
    (member,) = pods[pod].linux.containers
    assert member.attributes.id == id
    # It has no cgroup of its own.
    assert pods[pod].linux.cpu.usage_core_nano_seconds.value == member.cpu.usage_core_nano_seconds.value
    shared("StopContainer", container_id=id)
    refused(lambda: shared("ContainerStats", container_id=id), "NOT_FOUND")


def test_metrics_are_those_of_this_moment(shared: CriServer) -> None:
    pod = shared.pod()
    make, listen = "dd if=/dev/zero of=/big bs=1024 count=512; exec 7</big 8</big", "busybox nc -l -p 80"
    id = shared.run(pod, f"{make}; {listen} & touch /dev/shm/there; wait")
    eventually(lambda: shared.exec(id, "test", "-e", "/dev/shm/there").exit_code == 0)
    keys = {one.name: one.label_keys for one in shared("ListMetricDescriptors").descriptors}
    found = {one.pod_sandbox_id: one for one in shared("ListPodSandboxMetrics").pod_metrics}[pod]
    (member,) = found.container_metrics
    assert member.container_id == id
    assert all(len(metric.label_values) == len(keys[metric.name]) for metric in (*found.metrics, *member.metrics))
    values = {metric.name: metric.value.value for metric in (*found.metrics, *member.metrics)}
    # The shell and its listener have three each, and two of the shell; there are no others.
    assert values["container_processes"] == 2 and values["container_file_descriptors"] >= 2 * 3 + 2
    assert values["container_fs_usage_bytes"] >= 512 << 10
    assert 0 < values["container_fs_inodes_free"] <= values["container_fs_inodes_total"]
    assert "container_cpu_usage_seconds_total" in values
    # IPv6 asks for neighbours as soon as there is an address.
    eventually(lambda: metrics_of(shared, pod)["container_network_transmit_packets_total"] > 0)
    eventually(lambda: metrics_of(shared, pod)["container_sockets"] == 1)
    assert values["container_network_receive_packets_dropped_total"] >= 0


def metrics_of(server: CriServer, pod: str) -> dict[str, int]:
    """The metrics of a pod with one container."""
    (found,) = (one for one in server("ListPodSandboxMetrics").pod_metrics if one.pod_sandbox_id == pod)
    return {one.name: one.value.value for one in (*found.metrics, *found.container_metrics[0].metrics)}


def test_an_image_is_mounted_whole_or_in_part(shared: CriServer) -> None:
    pod = shared.pod()
    image = {"image": {"image": IMAGE}, "readonly": True}
    mounts = [
        {"container_path": "/whole", **image},
        {"container_path": "/part", "image_sub_path": "etc", **image},
    ]
    id = shared.run(pod, "sleep 1000", mounts=mounts)
    assert b"web:x:33" in shared.exec(id, "cat", "/part/passwd").stdout
    assert shared.exec(id, "/whole/bin/test", "-e", "/whole/etc/passwd").exit_code == 0
    assert shared.exec(id, "touch", "/whole/new").exit_code != 0
    refs = {one.image.image_ref for one in shared.status(id).mounts}
    assert refs == {shared("ImageStatus", image={"image": IMAGE}).image.id}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"readonly": False}, "readonly: an image is mounted read-only"),
        ({"image_sub_path": "none/such"}, "image_sub_path 'none/such' of /m is not in image"),
        ({"image_sub_path": "../etc"}, "leads out of the image"),
    ],
)
def test_an_image_that_can_not_be_mounted_so_is_refused(shared: CriServer, more: dict[str, Any], words: str) -> None:
    mount = {"container_path": "/m", "image": {"image": IMAGE}, "readonly": True, **more}
    pod = shared.pod()
    assert words in refused(lambda: shared.create(pod, "true", mounts=[mount]), "INVALID_ARGUMENT")
    assert not shared("ListContainers", filter={"pod_sandbox_id": pod}).containers


def test_the_log_is_opened_again(shared: CriServer) -> None:
    config = shared.pod_config()
    pod = shared("RunPodSandbox", config=config).pod_sandbox_id
    id = shared.run(pod, "echo one; while ! test -e /dev/shm/go; do sleep 0.01; done; echo two; sleep 1000")
    path = Path(shared.status(id).log_path)
    eventually(lambda: "one" in path.read_text())
    path.rename(path.with_suffix(".old"))
    shared("ReopenContainerLog", container_id=id)
    assert path.read_text() == ""
    shared.exec(id, "touch", "/dev/shm/go")
    eventually(lambda: log_of(shared, config) == ["stdout F two"])


def test_a_pod_reaches_another(shared: CriServer) -> None:
    pods = [shared.pod() for _ in range(2)]
    ids = [shared.run(pod, "sleep 1000") for pod in pods]
    address = shared("PodSandboxStatus", pod_sandbox_id=pods[1]).status.network.ip
    assert shared.exec(ids[0], "busybox", "ping", "-c", "1", "-W", "30", address).exit_code == 0


def test_the_policy_counts_when_a_container_is_made(shared: CriServer) -> None:
    pod, policy = shared.pod(), shared.place / "policy.toml"
    policy.write_text('[image."registry.example"]\nallow = false\n')
    try:
        id = shared("ImageStatus", image={"image": IMAGE}).image.id
        for image in (IMAGE, id):
            by_name: dict[str, Any] = {"image": {"image": image}}
            assert "policy.toml" in refused(
                lambda more=by_name: shared.create(pod, "true", **more), "PERMISSION_DENIED"
            )
    finally:
        policy.unlink()
    shared.run(pod, "true")


def test_what_was_created_is_started_by_a_later_server(cri: CriServer) -> None:
    # Its plan leads to the nursery of the server that wrote it, which is gone with that.
    pod = cri.pod()
    id = cri.create(pod, "exit 3")
    cri.kill()
    cri.start()
    cri("StartContainer", container_id=id)
    assert eventually(lambda: cri.status(id), lambda status: status.state == EXITED).exit_code == 3

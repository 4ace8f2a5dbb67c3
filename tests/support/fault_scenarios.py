"""What a client wants of a CRI server that is killed meanwhile, and what must be so when it has asked again.

A scenario prepares, yields the call that is to be made, is sent its answer, and looks at what came of it. The call is
made twice: by a client that finds no server any more, then by the same one when there is a server again.
"""

from __future__ import annotations

import asyncio
import json
import tarfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import grpc

from firkin.cri.streaming.command import Wanted
from tests.support.cni_plugins import FileNetwork
from tests.support.cri_server import CriServer
from tests.support.stream_clients import exit_code, open_command
from tests.support.waiting import eventually

__all__ = [
    "PULLED",
    "RECOVERIES",
    "SCENARIOS",
    "Scenario",
    "checkpoint_container",
    "numbers_of",
    "remove_container_of_runc",
    "run_pod_with_plugins",
]

Scenario = Callable[[CriServer], Generator[Callable[[], Any], Any, None]]
PULLED = "app:1"
"""The image that scenarios pull and remove, on the registry of the server's `registry`."""

CREATED, RUNNING, EXITED = 0, 1, 2
READY, NOT_READY = 0, 1

_ports = count(20000)
_READY = "echo ready; while ! test -e /dev/shm/end; do sleep 0.01; done"


def numbers_of(log: Path) -> list[int]:
    """The numbers that a container has written into its log, a line each."""
    records = [line.split(" ", 3) for line in log.read_text().splitlines()]
    return [int(text) for _, _, tag, text in records if tag == "F"]


def _ready(cri: CriServer, container: str) -> None:
    log = Path(cri.status(container).log_path)
    eventually(lambda: log.exists() and "ready" in log.read_text())


def _exited(cri: CriServer, container: str, code: int) -> None:
    found = eventually(lambda: cri.status(container), lambda status: status.state == EXITED)
    assert found.exit_code == code


def _is_gone(cri: CriServer, call: str, **request: str) -> bool:
    try:
        cri(call, **request)
    except grpc.RpcError as error:
        return bool(error.code() == grpc.StatusCode.NOT_FOUND)
    return False


def _refused(cri: CriServer, call: str, words: str, **request: Any) -> str:
    # A call that fails with these words, and with others only if the server dies.
    try:
        cri(call, **request)
    except grpc.RpcError as error:
        if words in str(error.details()):
            return words
        raise
    raise AssertionError(f"{call} succeeds")


def run_pod(cri: CriServer) -> Generator[Callable[[], Any], Any, None]:
    """A pod with a port of the host."""
    port = next(_ports)
    config = cri.pod_config(port_mappings=[{"protocol": 0, "container_port": 80, "host_port": port}])
    pod = (yield partial(cri, "RunPodSandbox", config=config)).pod_sandbox_id
    assert cri("PodSandboxStatus", pod_sandbox_id=pod).status.state == READY
    assert cri("RunPodSandbox", config=config).pod_sandbox_id == pod
    _exited(cri, cri.run(pod, "exit 6"), 6)


def run_bad_pod(cri: CriServer) -> Generator[Callable[[], Any], Any, None]:
    """A pod that is refused when nearly all of it is made."""
    config = cri.pod_config(dns_config={"servers": ["192.0.2.1\n"]})
    yield partial(_refused, cri, "RunPodSandbox", "control characters", config=config)
    assert config["metadata"]["name"] not in {one.metadata.name for one in cri("ListPodSandbox").items}


@contextmanager
def _plugins(cri: CriServer) -> Iterator[FileNetwork]:
    place = cri.place / "plugins"
    network = FileNetwork(place)
    configuration = cri.place / "cni" / "10-files.conflist"
    configuration.parent.mkdir(exist_ok=True)
    configuration.write_text(json.dumps(network.configuration()))
    try:
        yield network
    finally:
        configuration.unlink()


def run_pod_with_plugins(cri: CriServer) -> Generator[Callable[[], Any], Any, None]:
    """A pod that plug-ins attach."""
    with _plugins(cri) as network:
        pod = (yield partial(cri, "RunPodSandbox", config=cri.pod_config())).pod_sandbox_id
        assert network.leases == [pod]


def run_bad_pod_with_plugins(cri: CriServer) -> Generator[Callable[[], Any], Any, None]:
    """A pod that is refused when plug-ins have attached it."""
    with _plugins(cri) as network:
        yield from run_bad_pod(cri)
        assert network.leases == []


def stop_pod(cri: CriServer) -> Generator[Callable[[], Any], Any, None]:
    """A pod of a container that runs and one that does not."""
    pod = cri.pod()
    running, created = cri.run(pod, "sleep 1000", "running"), cri.create(pod, "true", "created")
    yield partial(cri, "StopPodSandbox", pod_sandbox_id=pod)
    assert cri("PodSandboxStatus", pod_sandbox_id=pod).status.state == NOT_READY
    _exited(cri, running, 137)
    assert cri.status(created).state == CREATED


def stop_pod_with_plugins(cri: CriServer) -> Generator[Callable[[], Any], Any, None]:
    """A pod that plug-ins have attached."""
    with _plugins(cri) as network:
        pod = cri.pod()
        yield partial(cri, "StopPodSandbox", pod_sandbox_id=pod)
        assert network.leases == []


def remove_pod(cri: CriServer) -> Generator[Callable[[], Any], Any, None]:
    """A pod that is as it was when it ran."""
    pod = cri.pod()
    running, created = cri.run(pod, "sleep 1000", "running"), cri.create(pod, "true", "created")
    yield partial(cri, "RemovePodSandbox", pod_sandbox_id=pod)
    assert _is_gone(cri, "PodSandboxStatus", pod_sandbox_id=pod)
    assert _is_gone(cri, "ContainerStatus", container_id=running)
    assert _is_gone(cri, "ContainerStatus", container_id=created)


def remove_pod_with_plugins(cri: CriServer) -> Generator[Callable[[], Any], Any, None]:
    """A pod that plug-ins have attached, which was not stopped before."""
    with _plugins(cri) as network:
        pod = cri.pod()
        yield partial(cri, "RemovePodSandbox", pod_sandbox_id=pod)
        assert network.leases == []
        assert _is_gone(cri, "PodSandboxStatus", pod_sandbox_id=pod)


def create_container(cri: CriServer) -> Generator[Callable[[], Any], Any, None]:
    """A container in a pod that is there."""
    pod, config = cri.pod(), cri.container_config("exit 5")
    id = (yield partial(cri, "CreateContainer", pod_sandbox_id=pod, config=config)).container_id
    assert [one.id for one in cri("ListContainers", filter={"pod_sandbox_id": pod}).containers] == [id]
    cri("StartContainer", container_id=id)
    _exited(cri, id, 5)


def create_bad_container(cri: CriServer) -> Generator[Callable[[], Any], Any, None]:
    """A container that is refused when its file system is made."""
    pod = cri.pod()
    config = cri.container_config("true", mounts=[{"container_path": "/data", "host_path": "/no/such/place"}])
    yield partial(_refused, cri, "CreateContainer", "/no/such/place", pod_sandbox_id=pod, config=config)
    assert list(cri("ListContainers", filter={"pod_sandbox_id": pod}).containers) == []


def _start(cri: CriServer, container: str) -> None:
    # A client asks for the state before it starts a container again.
    if cri.status(container).state == CREATED:
        cri("StartContainer", container_id=container)


def start_container(cri: CriServer) -> Generator[Callable[[], Any], Any, None]:
    """A container that writes numbers and ends."""
    id = cri.create(cri.pod(), "for i in $(seq 1 500); do echo $i; done; exit 4")
    yield partial(_start, cri, id)
    _exited(cri, id, 4)
    assert numbers_of(Path(cri.status(id).log_path)) == list(range(1, 501))


def start_lasting_container(cri: CriServer) -> Generator[Callable[[], Any], Any, None]:
    """A container that does not end."""
    id = cri.create(cri.pod(), "sleep 1000")
    yield partial(_start, cri, id)
    status = cri.status(id)
    assert (status.state, status.started_at > 0) == (RUNNING, True)


def stop_container(cri: CriServer) -> Generator[Callable[[], Any], Any, None]:
    """A container that ends in its own way when it is asked to."""
    id = cri.run(cri.pod(), "trap 'echo asked; exit 7' TERM; echo ready; while :; do sleep 0.01; done")
    _ready(cri, id)
    yield partial(cri, "StopContainer", container_id=id, timeout=60)
    _exited(cri, id, 7)
    assert cri.status(id).reason == "Error"


def remove_container(cri: CriServer) -> Generator[Callable[[], Any], Any, None]:
    """A container that runs."""
    id = cri.run(cri.pod(), "sleep 1000")
    yield partial(cri, "RemoveContainer", container_id=id)
    assert _is_gone(cri, "ContainerStatus", container_id=id)


def remove_created_container(cri: CriServer) -> Generator[Callable[[], Any], Any, None]:
    """A container that was not started."""
    id = cri.create(cri.pod(), "true")
    yield partial(cri, "RemoveContainer", container_id=id)
    assert _is_gone(cri, "ContainerStatus", container_id=id)


def _pod_of_runc(cri: CriServer) -> str:
    return str(cri("RunPodSandbox", config=cri.pod_config(), runtime_handler="runc").pod_sandbox_id)


def start_container_of_runc(cri: CriServer) -> Generator[Callable[[], Any], Any, None]:
    """A container that another runtime makes, and that ends."""
    id = cri.create(_pod_of_runc(cri), "for i in $(seq 1 500); do echo $i; done; exit 4")
    yield partial(_start, cri, id)
    _exited(cri, id, 4)
    assert numbers_of(Path(cri.status(id).log_path)) == list(range(1, 501))


def remove_container_of_runc(cri: CriServer) -> Generator[Callable[[], Any], Any, None]:
    """A container of another runtime that runs."""
    id = cri.run(_pod_of_runc(cri), "sleep 1000")
    yield partial(cri, "RemoveContainer", container_id=id)
    assert _is_gone(cri, "ContainerStatus", container_id=id)


def update_container(cri: CriServer) -> Generator[Callable[[], Any], Any, None]:
    """A container that runs; what is changed needs no controller."""
    id = cri.run(cri.pod(), "sleep 1000")
    yield partial(cri, "UpdateContainerResources", container_id=id, linux={"oom_score_adj": 7})
    assert cri.status(id).state == RUNNING


def reopen_log(cri: CriServer) -> Generator[Callable[[], Any], Any, None]:
    """A container whose log was moved away."""
    id = cri.run(cri.pod(), f"{_READY}; echo more")
    _ready(cri, id)
    log = Path(cri.status(id).log_path)
    log.rename(f"{log}.1")
    yield partial(cri, "ReopenContainerLog", container_id=id)
    cri.exec(id, "touch", "/dev/shm/end")
    _exited(cri, id, 0)
    assert [line.split(" ", 3)[3] for line in log.read_text().splitlines()] == ["more"]


def checkpoint_container(cri: CriServer) -> Generator[Callable[[], Any], Any, None]:
    """A container that runs is written to an archive, and goes on."""
    pod = cri.pod()
    id = cri.run(pod, "i=0; while sleep 0.02; do i=$((i+1)); echo $i; done")
    log, location = Path(cri.status(id).log_path), cri.place / "checkpoint.tar"
    eventually(lambda: log.exists() and numbers_of(log))
    yield partial(cri, "CheckpointContainer", container_id=id, location=str(location))
    at = len(numbers_of(log))
    eventually(lambda: len(numbers_of(log)) > at)
    with tarfile.open(location) as archive:
        assert {"checkpoint/inventory.img", "spec.dump", "rootfs-diff.tar"} <= set(archive.getnames())
    location.unlink()
    assert [path.name for path in cri.place.glob(".checkpoint*")] == []


def exec_sync(cri: CriServer) -> Generator[Callable[[], Any], Any, None]:
    """A program that says something."""
    id = cri.run(cri.pod(), "sleep 1000")
    found = yield partial(cri.exec, id, "sh", "-c", "echo here; exit 3")
    assert (found.stdout, found.exit_code) == (b"here\n", 3)


def _streamed(cri: CriServer, call: str, container: str, words: bytes, **more: Any) -> int | None:
    url = cri(call, container_id=container, stdout=True, stderr=True, **more).url
    wanted = Wanted(stdin=False, stdout=True, stderr=True, tty=False)

    async def listen() -> int | None:
        client = await open_command(url, "websocket v5.channel.k8s.io", wanted)
        await client.wait_for(words)
        if call == "Attach":
            await client.close()
            return 0
        await client.finish()
        return exit_code(client)

    try:
        return asyncio.run(listen())
    except AssertionError as error:
        # The words did not come.
        raise ConnectionError(str(error)) from error


def exec_streamed(cri: CriServer) -> Generator[Callable[[], Any], Any, None]:
    """A program with streams."""
    id = cri.run(cri.pod(), "sleep 1000")
    code = yield partial(_streamed, cri, "Exec", id, b"here\n", cmd=["sh", "-c", "echo here; exit 3"])
    assert code == 3


def attach(cri: CriServer) -> Generator[Callable[[], Any], Any, None]:
    """A container that writes now and then."""
    id = cri.run(cri.pod(), "while :; do echo word; sleep 0.01; done")
    assert (yield partial(_streamed, cri, "Attach", id, b"word\n")) == 0
    assert cri.status(id).state == RUNNING


def port_forward(cri: CriServer) -> Generator[Callable[[], Any], Any, None]:
    """The address for ports of a pod."""
    answer = yield partial(cri, "PortForward", pod_sandbox_id=cri.pod(), port=[80])
    assert answer.url.startswith("http://")


def pull_image(cri: CriServer) -> Generator[Callable[[], Any], Any, None]:
    """An image of a registry."""
    image = {"image": f"{cri.registry}/{PULLED}"}
    cri("RemoveImage", image=image)
    answer = yield partial(cri, "PullImage", image=image)
    assert cri("ImageStatus", image=image).image.id == answer.image_ref
    cri("RemoveImage", image=image)


def remove_image(cri: CriServer) -> Generator[Callable[[], Any], Any, None]:
    """An image that nothing needs."""
    image = {"image": f"{cri.registry}/{PULLED}"}
    cri("PullImage", image=image)
    yield partial(cri, "RemoveImage", image=image)
    assert not cri("ImageStatus", image=image).HasField("image")


def update_pod_resources(cri: CriServer) -> Generator[Callable[[], Any], Any, None]:
    """A pod, whose cgroup is the kubelet's."""
    pod = cri.pod()
    yield partial(cri, "UpdatePodSandboxResources", pod_sandbox_id=pod)
    assert cri("PodSandboxStatus", pod_sandbox_id=pod).status.state == READY


def update_runtime_config(cri: CriServer) -> Generator[Callable[[], Any], Any, None]:
    """A node that gets the ranges that it has."""
    ranges = {"network_config": {"pod_cidr": "10.66.0.0/16,fd66:6972:6b69:6e00::/64"}}
    yield partial(cri, "UpdateRuntimeConfig", runtime_config=ranges)


SCENARIOS: dict[Scenario, tuple[str, ...]] = {
    run_pod: (
        "RunPodSandbox.begin",
        *("RunPodSandbox.record-before", "RunPodSandbox.record-after"),
        *("RunPodSandbox.directory", "RunPodSandbox.pinned"),
        *("RunPodSandbox.network-record", "RunPodSandbox.network-link", "RunPodSandbox.network-port-of-the-bridge"),
        *("RunPodSandbox.network-bandwidth", "RunPodSandbox.network-ports-of-the-host"),
        *("RunPodSandbox.files", "RunPodSandbox.shm"),
        *("RunPodSandbox.record-before:2", "RunPodSandbox.record-after:2", "RunPodSandbox.answer"),
    ),
    run_bad_pod: (
        *("RunPodSandbox.network-ports", "RunPodSandbox.network-retired", "RunPodSandbox.unpinned"),
        *("RunPodSandbox.shm-gone", "RunPodSandbox.files-gone", "RunPodSandbox.undone"),
        *("RunPodSandbox.forget-before", "RunPodSandbox.forget-after"),
    ),
    run_pod_with_plugins: (
        *("RunPodSandbox.network-plugin", "RunPodSandbox.network-plugin:2", "RunPodSandbox.network-result"),
    ),
    run_bad_pod_with_plugins: ("RunPodSandbox.network-forgotten",),
    stop_pod: (
        *("StopPodSandbox.begin", "StopPodSandbox.record-before", "StopPodSandbox.record-after"),
        *("StopPodSandbox.killed", "StopPodSandbox.network-ports", "StopPodSandbox.network-retired"),
        *("StopPodSandbox.unpinned", "StopPodSandbox.answer"),
    ),
    stop_pod_with_plugins: (
        *("StopPodSandbox.network-plugin", "StopPodSandbox.network-plugin:2", "StopPodSandbox.network-forgotten"),
    ),
    remove_pod: (
        *("RemovePodSandbox.begin", "RemovePodSandbox.record-before", "RemovePodSandbox.record-after"),
        *("RemovePodSandbox.killed", "RemovePodSandbox.network-ports", "RemovePodSandbox.network-retired"),
        *("RemovePodSandbox.unpinned", "RemovePodSandbox.settled", "RemovePodSandbox.runtime-record"),
        *("RemovePodSandbox.snapshot", "RemovePodSandbox.container-directory"),
        *("RemovePodSandbox.forget-before", "RemovePodSandbox.forget-after", "RemovePodSandbox.settled:2"),
        *("RemovePodSandbox.unpinned:2", "RemovePodSandbox.shm-gone", "RemovePodSandbox.files-gone"),
        *("RemovePodSandbox.forget-before:3", "RemovePodSandbox.forget-after:3", "RemovePodSandbox.answer"),
    ),
    remove_pod_with_plugins: ("RemovePodSandbox.network-plugin", "RemovePodSandbox.network-forgotten"),
    create_container: (
        *("CreateContainer.begin", "CreateContainer.directory", "CreateContainer.file-system"),
        *("CreateContainer.plan", "CreateContainer.record-before", "CreateContainer.record-after"),
        "CreateContainer.answer",
    ),
    create_bad_container: ("CreateContainer.undone", "CreateContainer.undone:2"),
    start_container: (
        *("StartContainer.begin", "StartContainer.launched", "StartContainer.answered"),
        *("StartContainer.record-before", "StartContainer.record-after", "StartContainer.answer"),
    ),
    stop_container: (
        *("StopContainer.begin", "StopContainer.signalled", "StopContainer.answer"),
        *("exit.told", "exit.record-before", "exit.record-after"),
    ),
    remove_container: (
        *("RemoveContainer.begin", "RemoveContainer.settled", "RemoveContainer.runtime-record"),
        *("RemoveContainer.snapshot", "RemoveContainer.container-directory"),
        *("RemoveContainer.forget-before", "RemoveContainer.forget-after", "RemoveContainer.answer"),
    ),
    remove_created_container: ("RemoveContainer.record-before", "RemoveContainer.record-after"),
    start_container_of_runc: ("StartContainer.launched", "StartContainer.answered", "StartContainer.record-after"),
    remove_container_of_runc: ("RemoveContainer.settled", "RemoveContainer.runtime-record", "exit.told"),
    update_container: (
        *("UpdateContainerResources.begin", "UpdateContainerResources.applied"),
        *("UpdateContainerResources.record-before", "UpdateContainerResources.record-after"),
        "UpdateContainerResources.answer",
    ),
    reopen_log: ("ReopenContainerLog.begin", "ReopenContainerLog.answer"),
    checkpoint_container: (
        *("CheckpointContainer.begin", "CheckpointContainer.frozen", "CheckpointContainer.packed"),
        "CheckpointContainer.answer",
    ),
    exec_sync: ("ExecSync.begin", "ExecSync.launched", "ExecSync.answer"),
    exec_streamed: ("Exec.begin", "Exec.answer", "stream.launched"),
    attach: ("Attach.begin", "Attach.answer", "stream.attached"),
    port_forward: ("PortForward.begin", "PortForward.answer"),
    pull_image: ("PullImage.begin", "PullImage.pulled", "PullImage.unpacked", "PullImage.answer"),
    remove_image: ("RemoveImage.begin", "RemoveImage.unnamed", "RemoveImage.collected", "RemoveImage.answer"),
    update_pod_resources: ("UpdatePodSandboxResources.begin", "UpdatePodSandboxResources.answer"),
    update_runtime_config: ("UpdateRuntimeConfig.begin", "UpdateRuntimeConfig.answer"),
}
"""Each scenario with the points at which the server is killed in it."""

RECOVERIES: dict[Scenario, tuple[str, tuple[str, ...]]] = {
    run_pod: (
        "RunPodSandbox.shm",
        (
            *("recovery.loaded", "recovery.network-ports", "recovery.network-retired", "recovery.unpinned"),
            *("recovery.shm-gone", "recovery.files-gone", "recovery.forget-before", "recovery.forget-after"),
            *("recovery.sandboxes", "recovery.containers", "recovery.collected"),
        ),
    ),
    run_pod_with_plugins: ("RunPodSandbox.network-result", ("recovery.network-plugin", "recovery.network-forgotten")),
    start_lasting_container: ("StartContainer.answered", ("recovery.record-before", "recovery.record-after")),
}
"""Scenarios with the point at which the server is killed in them, and those at which the next one is as it begins."""

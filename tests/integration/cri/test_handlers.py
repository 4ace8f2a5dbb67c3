"""Runtime handlers: what is true of a pod whoever runs its containers, and what becomes of those of a runtime's own."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from firkin.cri.streaming.command import Wanted
from tests.support.cri_server import CriServer
from tests.support.netns import World
from tests.support.stream_clients import CommandClient, exit_code, open_command
from tests.support.waiting import SECONDS, eventually

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge")

CREATED, RUNNING, EXITED = 0, 1, 2
RUNC = pytest.param("runc", marks=pytest.mark.requires("runc"))
# It refuses a host whose controllers are in hierarchies of cgroup v1.
CRUN = pytest.param("crun", marks=pytest.mark.requires("crun", "unified"))
ALL = ["firkin", RUNC, CRUN]
# What does not depend on the runtime's own ways.
TWO = ["firkin", RUNC]
PROTOCOL = "websocket v5.channel.k8s.io"


def settings(*names: str) -> str:
    return "".join(f'[cri.runtimes.{name}]\ntype = "oci"\npath = "{shutil.which(name)}"\n' for name in names)


@pytest.fixture(scope="module")
def servers(here: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], CriServer]]:
    """One server with all handlers, for which each test says which it means."""
    there = [name for name in ("runc", "crun") if shutil.which(name)]
    server = CriServer(tmp_path_factory.mktemp("cri"), settings=settings(*there))
    server.start()

    def of(handler: str) -> CriServer:
        server.handler = handler
        return server

    yield of
    server.clean_up()
    assert server.leftovers() == []


@pytest.fixture
def runc(here: World, tmp_path: Path) -> Iterator[CriServer]:
    """A server of the test's own, whose pods are runc's."""
    server = CriServer(tmp_path / "cri", settings=settings("runc"), handler="runc")
    server.start()
    yield server
    server.clean_up()
    assert server.leftovers() == []


def lines_of(server: CriServer, container: str) -> list[str]:
    text = Path(server.status(container).log_path).read_text()
    return [line.split(" ", 1)[1] for line in text.splitlines()]


@pytest.mark.requires("runc")
def test_the_handlers_are_told_with_what_they_can(servers: Callable[[str], CriServer]) -> None:
    handlers = {one.name: one.features for one in servers("")("Status").runtime_handlers}
    for name in ("", "firkin"):
        assert (handlers[name].recursive_read_only_mounts, handlers[name].user_namespaces) == (True, True)
    assert "runc" in handlers
    with pytest.raises(grpc.RpcError) as found:
        servers("")("RunPodSandbox", config=servers("").pod_config(), runtime_handler="none")
    assert found.value.code().name == "NOT_FOUND"
    assert "'none': there is none; known are firkin, runc" in str(found.value.details())


@pytest.mark.parametrize("handler", ALL)
def test_a_container_runs_logs_and_ends(servers: Callable[[str], CriServer], handler: str) -> None:
    server = servers(handler)
    pod = server.pod(labels={"handler": handler})
    assert server("PodSandboxStatus", pod_sandbox_id=pod).status.runtime_handler == handler
    id = server.run(pod, "echo out; echo err >&2; hostname; read x || echo no input; exit 3")
    eventually(lambda: server.status(id).state == EXITED)
    status = server.status(id)
    assert (status.exit_code, status.reason) == (3, "Error")
    name = server("PodSandboxStatus", pod_sandbox_id=pod).status.metadata.name
    expected = ["stdout F out", "stderr F err", f"stdout F {name}", "stdout F no input"]
    assert sorted(lines_of(server, id)) == sorted(expected)
    server("RemovePodSandbox", pod_sandbox_id=pod)


@pytest.mark.parametrize("handler", TWO)
def test_containers_have_the_pods_namespaces_and_what_is_mounted(
    servers: Callable[[str], CriServer], handler: str, tmp_path: Path
) -> None:
    server = servers(handler)
    (tmp_path / "file").write_text("from the host\n")
    tmp_path.chmod(0o755)
    pod = server.pod()
    mounts = [{"container_path": "/data", "host_path": str(tmp_path), "readonly": True}]
    security = {"namespace_options": {"pid": 1}, "run_as_username": "web", "seccomp": {"profile_type": 0}}
    first = server.run(pod, "sleep 1000", "first", mounts=mounts, linux={"security_context": security})
    second = server.run(pod, "sleep 1000", "second")
    script = "for n in net ipc uts pid; do readlink /proc/self/ns/$n; done"
    found = [server.exec(id, "sh", "-c", script).stdout.decode().split() for id in (first, second)]
    assert found[0][:3] == found[1][:3]
    assert found[0][3] != found[1][3]
    assert server.exec(first, "sh", "-c", "cat /data/file; id -u").stdout == b"from the host\n33\n"
    assert server.exec(first, "touch", "/data/x").exit_code == 1
    assert b"\nSeccomp:\t2\n" in server.exec(first, "cat", "/proc/self/status").stdout
    # None of it is left on the host, where others would see it.
    assert not [path for path in server.leftovers() if path.startswith(str(server.place))]


@pytest.mark.parametrize("handler", TWO)
def test_stopping_asks_first(servers: Callable[[str], CriServer], handler: str) -> None:
    server = servers(handler)
    pod = server.pod()
    polite = server.run(pod, "trap 'echo asked; exit 7' TERM; echo ready; while :; do sleep 0.01; done", "polite")
    deaf = server.run(pod, "trap '' TERM; sleep 999 & echo ready; while :; do sleep 0.01; done", "deaf")
    for id in (polite, deaf):
        eventually(lambda id=id: lines_of(server, id))  # type: ignore[misc]
    server("StopContainer", container_id=polite, timeout=60)
    server("StopContainer", container_id=deaf, timeout=1)
    assert server.status(polite).exit_code == 7
    assert lines_of(server, polite) == ["stdout F ready", "stdout F asked"]
    assert server.status(deaf).exit_code == 137
    server("StopContainer", container_id=deaf, timeout=1)


@pytest.mark.parametrize("handler", ALL)
def test_programs_are_run_to_their_end(servers: Callable[[str], CriServer], handler: str) -> None:
    server = servers(handler)
    id = server.run(server.pod(), "sleep 1000")
    found = server.exec(id, "sh", "-c", "echo out; echo err >&2; exit 3")
    assert (found.stdout, found.stderr, found.exit_code) == (b"out\n", b"err\n", 3)
    assert server.exec(id, "sh", "-c", "kill -9 $$").exit_code == 137
    with pytest.raises(grpc.RpcError, match="did not end within 1 s"):
        server.exec(id, "sleep", "777", timeout=1)
    assert b"sleep 777" not in server.exec(id, "ps").stdout
    with pytest.raises(grpc.RpcError, match="no-such-program"):
        server.exec(id, "no-such-program")
    assert [name for name in os.listdir(server.state / "containers" / id) if name.startswith("exec-")] == []


@pytest.mark.requires("runc")
def test_who_stays_behind_with_the_streams_does_not_hold_the_answer_up(servers: Callable[[str], CriServer]) -> None:
    server = servers("runc")
    id = server.run(server.pod(), "sleep 1000")
    assert server.exec(id, "sh", "-c", "sleep 900 & echo started").stdout == b"started\n"


@pytest.mark.parametrize("handler", TWO)
def test_a_terminal_is_attached_to_and_has_a_size(servers: Callable[[str], CriServer], handler: str) -> None:
    server = servers(handler)
    script = "stty -echo; echo ready; read x; echo got $x; until stty size | grep -x '40 100'; do read y; done; exit 5"
    id = server.run(server.pod(), script, tty=True, stdin=True)
    eventually(lambda: "stdout F ready" in lines_of(server, id))
    url = server("Attach", container_id=id, stdin=True, stdout=True, tty=True).url
    client = asyncio.run(asyncio.wait_for(converse(url), SECONDS))
    assert b"got word\r\n" in client.received[client_stdout(client)]
    eventually(lambda: server.status(id).state == EXITED)
    assert server.status(id).exit_code == 5


@pytest.mark.parametrize("handler", ALL)
def test_a_program_has_a_terminal_with_a_size(servers: Callable[[str], CriServer], handler: str) -> None:
    server = servers(handler)
    id = server.run(server.pod(), "sleep 1000")
    script = "stty -echo; echo ready; read x; echo got $x; until stty size | grep -x '40 100'; do read y; done; exit 5"
    url = server("Exec", container_id=id, cmd=["sh", "-c", script], stdin=True, stdout=True, tty=True).url
    client = asyncio.run(asyncio.wait_for(converse(url), SECONDS))
    assert b"got word\r\n" in client.received[client_stdout(client)]
    assert exit_code(client) == 5


def client_stdout(client: CommandClient) -> Any:
    return next(stream for stream in client.received if stream.name == "STDOUT")


async def converse(url: str) -> CommandClient:
    client = await open_command(url, PROTOCOL, Wanted(stdin=True, stdout=True, stderr=False, tty=True))
    stdin = next(stream for stream in type(client_stdout(client)) if stream.name == "STDIN")
    await client.send(stdin, b"word\n")
    await client.wait_for(b"got word")
    await client.resize(100, 40)
    await client.send(stdin, b"\n\n")
    await client.finish()
    return client


@pytest.mark.parametrize("handler", [RUNC, CRUN])
def test_limits_are_changed(servers: Callable[[str], CriServer], handler: str) -> None:
    server = servers(handler)
    resources = {"cpu_shares": 512, "memory_limit_in_bytes": 64 << 20}
    context = {"namespace_options": {"pid": 1}}
    id = server.run(server.pod(), "sleep 1000", linux={"resources": resources, "security_context": context})
    limit = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max"
    assert server.exec(id, "sh", "-c", limit).stdout == b"67108864\n"
    server("UpdateContainerResources", container_id=id, linux={"memory_limit_in_bytes": 32 << 20})
    assert server.exec(id, "sh", "-c", limit).stdout == b"33554432\n"
    assert server.status(id).resources.linux.memory_limit_in_bytes == 32 << 20


@pytest.mark.parametrize("handler", TWO)
def test_statistics(servers: Callable[[str], CriServer], handler: str) -> None:
    server = servers(handler)
    id = server.run(server.pod(), "while :; do :; done")
    first = server("ContainerStats", container_id=id).stats.cpu.usage_core_nano_seconds.value
    eventually(lambda: server("ContainerStats", container_id=id).stats.cpu.usage_core_nano_seconds.value > first)
    server("StopContainer", container_id=id)


@pytest.mark.parametrize("handler", [RUNC])
def test_what_can_not_be_started_leaves_nothing(servers: Callable[[str], CriServer], handler: str) -> None:
    server = servers(handler)
    pod = server.pod()
    id = server.create(pod, "true", command=["/no/such/program"])
    with pytest.raises(grpc.RpcError, match="/no/such/program"):
        server("StartContainer", container_id=id)
    status = server.status(id)
    assert (status.state, status.exit_code, status.reason) == (EXITED, 128, "StartError")
    assert not [path for path in server.leftovers() if path.startswith(("handlers/", "runtime/")) and id in path]
    server("RemovePodSandbox", pod_sandbox_id=pod)


@pytest.mark.requires("runc")
def test_containers_run_on_without_the_server(runc: CriServer) -> None:
    pod = runc.pod()
    counting = runc.run(pod, "i=0; while :; do i=$((i+1)); echo $i; done", "counting")
    ending = runc.run(pod, "while ! test -e /dev/shm/end; do sleep 0.01; done; exit 9", "ending")
    waiting = runc.create(pod, "exit 4", "waiting")
    log = Path(runc.status(counting).log_path)
    runc.kill()
    size = log.stat().st_size
    eventually(lambda: log.stat().st_size > size + 100_000)
    (runc.state / "sandboxes" / pod / "shm" / "end").touch()
    eventually(lambda: (runc.state / "containers" / ending / "exit").exists())
    runc.start()
    assert [runc.status(id).state for id in (counting, ending, waiting)] == [RUNNING, EXITED, CREATED]
    assert runc.status(ending).exit_code == 9
    assert runc.exec(counting, "echo", "here").stdout == b"here\n"
    runc("StartContainer", container_id=waiting)
    eventually(lambda: runc.status(waiting).state == EXITED)
    runc("StopContainer", container_id=counting)
    lines = [int(line.split()[2]) for line in lines_of(runc, counting) if line.split()[1] == "F"]
    assert lines == list(range(1, len(lines) + 1))


@pytest.mark.requires("runc")
def test_pods_of_a_handler_that_is_gone_are_stopped_and_removed(runc: CriServer) -> None:
    pod = runc.pod()
    id = runc.run(pod, "sleep 1000")
    runc.stop()
    runc.configure("")
    runc.start()
    assert "runtime handler runc is not configured any more" in runc.log()
    assert runc.status(id).state == RUNNING
    with pytest.raises(grpc.RpcError, match="not configured any more"):
        runc.exec(id, "true")
    runc("StopContainer", container_id=id)
    runc("RemovePodSandbox", pod_sandbox_id=pod)
    assert runc.leftovers() == []
    # What it has made in hierarchies of cgroup v1 only runc knows.
    for path in Path("/sys/fs/cgroup").glob(f"*/firkin/{id}"):
        path.rmdir()


@pytest.mark.requires("runc")
@pytest.mark.parametrize("milliseconds", (20, 60, 120))
def test_nothing_is_left_of_what_was_under_way(runc: CriServer, milliseconds: int) -> None:
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            try:
                runc.run(runc.pod(), "sleep 1000")
            except (grpc.RpcError, AssertionError, ValueError):
                return

    worker = threading.Thread(target=work)
    worker.start()
    stop.wait(milliseconds / 1000)
    os.kill(runc.pid, 9)
    stop.set()
    worker.join()
    runc.kill()
    runc.start()
    for sandbox in runc("ListPodSandbox").items:
        runc("RemovePodSandbox", pod_sandbox_id=sandbox.id)
    assert runc("ListContainers").containers == []
    assert runc.leftovers() == []

"""The agent drives containerd as it drives firkin's own server: pods run, restart, tell how they are, and end."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from firkin.kubelet.api.pod import Pod
from firkin.kubelet.pods.garbage import Collector
from firkin.kubelet.resources.settings import ResourceSettings
from firkin.kubelet.server.settings import ServerSettings
from tests.support.agent import Node, is_ready, main, manifest, run
from tests.support.agent_process import AgentProcess
from tests.support.bundle import FIRKIN
from tests.support.cgroups import scratch_name
from tests.support.cri_servers import IMAGE, Server, make_images, running
from tests.support.netns import World
from tests.support.waiting import SECONDS, eventually

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge", "cni-plugins")
CONTAINER_EXITED = 2
TOKEN = "a-token-of-some-length"
NETWORK = "hostNetwork: true\nrestartPolicy: Always\nterminationGracePeriodSeconds: 1"


@pytest.fixture(scope="module")
def containerd(here: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    assert shutil.which("containerd"), "containerd is a package of the tests"
    place = tmp_path_factory.mktemp("containerd")
    (place / "images").mkdir()
    with running("containerd", place / "server", make_images(place / "images")) as server:
        yield server


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

    with cgroup_root(containerd) as root:
        run(containerd, tmp_path, script, resources=ResourceSettings(cgroup_root=root))


QUICK = "terminationGracePeriodSeconds: 1\n"
SERVES = """mkdir -p /www; echo served > /www/it; echo one; echo two >&2; touch /healthy
trap exit TERM; httpd -p 8080 -h /www; while :; do sleep 0.1; done"""
PROBES = """ports: [{name: web, containerPort: 8080}]
startupProbe: {httpGet: {path: /it, port: web}, periodSeconds: 1, failureThreshold: 600, timeoutSeconds: 60}
readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1, timeoutSeconds: 60}
livenessProbe: {exec: {command: [cat, /healthy]}, periodSeconds: 1, failureThreshold: 1, timeoutSeconds: 60}"""


async def firkin(here: Node, line: str, given: bytes = b"") -> tuple[int, str]:
    """Exit code and output of a command that asks the agent."""
    words = shlex.split(line)
    socket = f"{here.agent.config.state}/kubelet.sock"
    return await ask([str(FIRKIN), words[0], "--socket", socket, *words[1:]], given)


async def ask(argv: list[str], given: bytes) -> tuple[int, str]:
    """Exit code and output of a command."""
    pipe = asyncio.subprocess.PIPE
    home = {**os.environ, "HOME": "/nonexistent", "KUBECONFIG": os.devnull}
    process = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe, stderr=pipe, env=home)
    try:
        async with asyncio.timeout(SECONDS):
            out, err = await process.communicate(given)
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode or 0, (out + err).decode()


async def check_commands(here: Node) -> None:
    code, said = await firkin(here, "logs web")
    assert (code, sorted(said.splitlines())) == (0, ["one", "two"])
    assert await firkin(here, "logs web --tail=0") == (0, "")
    code, said = await firkin(here, "exec -i pod/web -- head -n1", b"given\nmore\n")
    assert (code, said.splitlines()[0]) == (0, "given")
    # What firkin can not tell it over WebSocket: that the input has ended.
    options = ["--insecure-skip-tls-verify", f"--token={TOKEN}", f"--server=https://127.0.0.1:{here.agent.https.port}"]
    kubectl = [str(FIRKIN.parent / "kubectl"), *options]
    assert await ask([*kubectl, "exec", "-i", "web", "--", "cat"], b"given") == (0, "given")
    assert await firkin(here, "exec pod/web -- sh -c 'echo no; exit 3'") == (
        3, "no\ncommand terminated with exit code 3\n",
    )  # fmt: skip
    code, said = await firkin(here, "top pods --no-headers")
    assert code == 0 and said.startswith("web ")


async def check_probes(here: Node, pod: Pod) -> None:
    assert main(pod).restart_count == 0 and pod.status.pod_ip.startswith("10.202.")
    await here.execute(pod, "rm /healthy")
    pod = await here.wait("web", lambda pod: main(pod).restart_count == 1 and is_ready(pod))
    said = "Liveness probe failed: cat: can't open '/healthy': No such file or directory\n"
    assert ("Unhealthy", said) in here.events("web")
    code, said = await firkin(here, "logs web -p --tail=1")
    assert (code, said) in ((0, "one\n"), (0, "two\n"))
    await here.execute(pod, "busybox killall httpd")
    await here.wait("web", lambda pod: not is_ready(pod))


def ended(containerd: Server, name: str) -> list[str]:
    """The ids of the containers of a pod that have ended."""
    selector = {"label_selector": {"io.kubernetes.pod.name": name}, "state": {"state": CONTAINER_EXITED}}
    return [one.id for one in containerd.client("ListContainers", filter=selector).containers]


async def check_garbage(here: Node, containerd: Server) -> None:
    here.apply(manifest("again", QUICK, "exit 4"))
    pod = await here.wait("again", lambda pod: main(pod).restart_count >= 3)
    services = here.agent.services
    known = here.agent.workers.uids
    collector = Collector(
        services.runtime, services.observer, services.preparation, services.logs, known, here.agent.is_complete
    )
    await collector.collect()
    # The last one stays, and perhaps the one after it has ended meanwhile.
    assert 1 <= len(ended(containerd, "again")) <= 2
    last = main(pod).last_state.terminated
    assert last is not None and (last.exit_code, last.reason) == (4, "Error")


def test_pods_are_watched_and_used_by_containerd(containerd: Server, tmp_path: Path) -> None:
    async def script(here: Node) -> None:
        pod = await here.ready(manifest("web", QUICK, SERVES, PROBES))
        await check_commands(here)
        await check_probes(here, pod)
        await check_garbage(here, containerd)
        for name in ("web", "again"):
            here.delete(name)
            await here.wait_gone(name)

    (tmp_path / "token").write_text(TOKEN)
    with cgroup_root(containerd) as root:
        run(
            containerd, tmp_path, script, resources=ResourceSettings(cgroup_root=root), max_restart_delay=1,
            server=ServerSettings(address="127.0.0.1", port=0, token_file=str(tmp_path / "token")),
        )  # fmt: skip


def test_an_agent_that_is_killed_finds_its_pods_in_containerd(containerd: Server, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    spec = f"{QUICK}volumes: [{{name: data, hostPath: {{path: {tmp_path}/data}}}}]"
    mount = "volumeMounts: [{name: data, mountPath: /data}]"

    def starts(name: str) -> int:
        path = tmp_path / "data" / name
        return len(path.read_text().split()) if path.exists() else 0

    with cgroup_root(containerd) as root:
        agent = AgentProcess(tmp_path, containerd, root)
        agent.put(
            manifest("stays", spec, "echo x >> /data/stays; sleep 100000", mount),
            manifest("ends", spec, "echo x >> /data/ends; exit 3", mount),
        )
        for _ in range(3):
            agent.start()
            before = starts("ends")
            eventually(lambda before=before: starts("ends") > before and starts("stays"))  # type: ignore[misc]
            agent.kill()
        agent.start()
        before = starts("ends")
        eventually(lambda: starts("ends") > before + 1)
        assert agent.stop() == 0
        pods = agent.pods()
        assert (starts("stays"), main(pods["stays"]).restart_count) == (1, 0)
        assert starts("ends") - 1 <= main(pods["ends"]).restart_count + 1


@contextmanager
def cgroup_root(containerd: Server) -> Iterator[str]:
    """A name for the cgroups of pods; those that are left and what runc leaves there, in cgroup v1 too, are removed."""
    root = scratch_name()
    try:
        yield root
    finally:
        for pod in containerd.client("ListPodSandbox").items:
            containerd.client("StopPodSandbox", pod_sandbox_id=pod.id)
            containerd.client("RemovePodSandbox", pod_sandbox_id=pod.id)
        for place in (*Path("/sys/fs/cgroup").glob(root), *Path("/sys/fs/cgroup").glob(f"*/{root}")):
            for path, _, _ in os.walk(place, topdown=False):
                os.rmdir(path)

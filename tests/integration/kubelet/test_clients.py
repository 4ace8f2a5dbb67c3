"""The agent's commands and the genuine kubectl work on the same objects, and say the same of them."""

from __future__ import annotations

import asyncio
import functools
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from firkin.kubelet.api.meta import Condition
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.pod_status import PodStatus
from firkin.kubelet.apiserver.api import Api
from firkin.kubelet.events.recorder import Recorder
from firkin.kubelet.http.server import Server
from firkin.kubelet.objects.store import Objects
from firkin.kubelet.workloads.controller import Workloads

MANIFEST = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  containers:
  - {name: web, image: "web:1", ports: [{containerPort: 80}], env: [{name: A, value: "1"}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data: {a: b, other: x}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec:
  replicas: 2
  selector: {matchLabels: {app: d}}
  template: {metadata: {labels: {app: d}}, spec: {containers: [{name: c, image: "c:1"}]}}
"""
BIN = Path(sys.executable).parent


class Running:
    """The API in a thread of its own, at a socket and, for kubectl, at a port."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.manifest = place / "m.yaml"
        self.manifest.write_text(MANIFEST)
        self.socket = str(place / "kubelet.sock")
        self.port = 0
        self.objects: Objects
        self._workloads: asyncio.Task[None] | None = None
        self._loop = asyncio.new_event_loop()
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._begun.wait(60)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        self._end = asyncio.Event()
        self.objects = Objects(str(self.place / "objects.db"))
        server = Server(Api(self.objects, "node").handle)
        await server.listen_unix(self.socket)
        self.port = await server.listen_tcp("127.0.0.1", 0)
        self._begun.set()
        await self._end.wait()
        if self._workloads is not None:
            self._workloads.cancel()
            await asyncio.gather(self._workloads, return_exceptions=True)
        await server.close()
        self.objects.close()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(60)
        self._loop.close()

    def remove(self, name: str) -> None:
        """What a pod's worker does when all of it has ended."""
        self._loop.call_soon_threadsafe(self.objects.remove, Pod, "default", name)

    def run_workloads(self) -> None:
        """From here on workloads have their pods, which are ready as soon as they are made."""

        async def begin() -> None:
            self._workloads = asyncio.create_task(self._run_workloads())

        asyncio.run_coroutine_threadsafe(begin(), self._loop).result(60)

    async def _run_workloads(self) -> None:
        async with asyncio.TaskGroup() as group:
            recorder = Recorder(self.objects, "test", "node", lambda: datetime.now(UTC))
            group.create_task(Workloads(self.objects, recorder, "node", {}).run())
            group.create_task(self._make_ready())

    async def _make_ready(self) -> None:
        ready = Condition(type="Ready", status="True", last_transition_time=datetime.now(UTC))
        status = PodStatus(phase="Running", conditions=[ready])
        with self.objects.subscribe(Pod) as changes:
            async for change in changes:
                pod = change.object
                if pod.metadata.deletion_timestamp is not None:
                    self.objects.remove(Pod, pod.metadata.namespace, pod.metadata.name)
                elif pod.status.phase == "Pending":
                    self.objects.set_status(Pod, pod.metadata.namespace, pod.metadata.name, status)

    def firkin(self, *words: str, text: str = "") -> subprocess.CompletedProcess[str]:
        return self._call([str(BIN / "firkin"), *words, "--socket", self.socket], text)

    def kubectl(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self._call([str(BIN / "kubectl"), "--server", f"http://127.0.0.1:{self.port}", *words], "")

    def _call(self, command: list[str], text: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "KUBECONFIG": os.devnull, "HOME": str(self.place)}
        return subprocess.run(command, capture_output=True, text=True, input=text, timeout=120, env=environment)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path)
    yield running
    running.stop()


def said(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_what_one_applies_the_other_knows(api: Running) -> None:
    file = str(api.manifest)
    assert said(api.firkin("apply", "-f", file)) == [
        "pod/web created",
        "configmap/c created",
        "deployment.apps/d created",
    ]
    assert said(api.firkin("apply", "-f", file))[0] == "pod/web unchanged"
    assert said(api.kubectl("apply", "-f", file))[2] == "deployment.apps/d unchanged"
    api.manifest.write_text(MANIFEST.replace(", other: x", "").replace("replicas: 2", "replicas: 3"))
    assert said(api.kubectl("apply", "-f", file))[1:] == ["configmap/c configured", "deployment.apps/d configured"]
    assert said(api.firkin("get", "cm", "c", "-o", "jsonpath={.data}")) == ['{"a":"b"}']
    assert said(api.kubectl("apply", "--server-side", "-f", file))[0] == "pod/web serverside-applied"
    assert said(api.kubectl("scale", "deploy/d", "--replicas=5")) == ["deployment.apps/d scaled"]
    assert said(api.firkin("get", "deploy", "-o", "jsonpath={.items[*].spec.replicas}")) == ["5"]
    assert said(api.kubectl("label", "pod", "web", "tier=front")) == ["pod/web labeled"]
    assert said(api.kubectl("set", "image", "deploy/d", "c=c:2")) == ["deployment.apps/d image updated"]
    # Ages may differ by the second that passed.
    columns = functools.partial(re.sub, r"\b\d+s\b", "AGE")
    for words in (
        ("get", "all", "--no-headers"),
        ("get", "po,cm", "-o", "wide", "--no-headers"),
        ("get", "deploy", "-A"),
    ):
        ours, theirs = (said(command(*words)) for command in (api.firkin, api.kubectl))
        assert [columns(line).split()[:4] for line in ours] == [columns(line).split()[:4] for line in theirs]
    ours, theirs = (said(command("describe", "pod", "web")) for command in (api.firkin, api.kubectl))
    # Of a container without status kubectl leaves out what there is none of.
    assert [line.split() for line in theirs if line.split() not in [one.split() for one in ours]] == []


def image_of(api: Running) -> str:
    (line,) = said(api.firkin("get", "deploy", "d", "-o", "jsonpath={.spec.template.spec.containers[0].image}"))
    return line


def test_a_rollout_is_followed_and_undone_by_both(api: Running) -> None:
    api.run_workloads()
    api.firkin("apply", "-f", str(api.manifest))
    for command in (api.firkin, api.kubectl):
        assert said(command("rollout", "status", "deploy/d"))[-1] == 'deployment "d" successfully rolled out'
    api.kubectl("set", "image", "deploy/d", "c=c:2")
    api.kubectl("annotate", "deploy/d", "kubernetes.io/change-cause=a new one")
    assert said(api.firkin("rollout", "status", "deploy/d"))[-1] == 'deployment "d" successfully rolled out'
    for words in (("history", "deploy/d"), ("history", "deploy/d", "--revision=1")):
        ours, theirs = (
            [line.split() for line in said(command("rollout", *words)) if line] for command in (api.firkin, api.kubectl)
        )
        # kubectl shows the label that the ReplicaSet has of its own, too.
        assert ours == [line for line in theirs if "pod-template-hash" not in line[0]]
    assert said(api.kubectl("rollout", "undo", "deploy/d")) == ["deployment.apps/d rolled back"]
    assert image_of(api) == "c:1"
    said(api.firkin("rollout", "status", "deploy/d"))
    assert said(api.firkin("rollout", "undo", "deploy/d", "--to-revision=2")) == ["deployment.apps/d rolled back"]
    assert image_of(api) == "c:2"
    assert said(api.firkin("rollout", "restart", "deploy", "d")) == ["deployment.apps/d restarted"]
    assert said(api.kubectl("rollout", "status", "deploy/d"))[-1] == 'deployment "d" successfully rolled out'
    # The template that was applied first is the third revision now, the one that was restarted the fifth.
    assert [line.split()[0] for line in said(api.firkin("rollout", "history", "deploy/d"))[2:]] == ["3", "4", "5"]
    done = api.firkin("rollout", "undo", "deploy/d", "--to-revision=9")
    assert (done.returncode, done.stderr) == (1, "firkin: error: unable to find specified revision 9 in history\n")
    assert said(api.firkin("rollout", "pause", "deploy/d")) == ["deployment.apps/d paused"]
    assert "cannot rollback a paused deployment" in api.firkin("rollout", "undo", "deploy/d").stderr
    assert said(api.kubectl("rollout", "resume", "deploy/d")) == ["deployment.apps/d resumed"]


def test_what_kubectl_makes_of_options_is_made(api: Running) -> None:
    assert said(api.kubectl("create", "configmap", "options", "--from-literal=a=b")) == ["configmap/options created"]
    assert said(api.kubectl("create", "secret", "generic", "words", "--from-literal=a=b")) == ["secret/words created"]
    image = "--image=c:1"
    assert said(api.kubectl("create", "deployment", "d", image, "--replicas=0", "--port=80", "--", "a", "b"))
    assert said(api.kubectl("create", "cronjob", "cj", image, "--schedule=@hourly", "--restart=Never"))
    assert said(api.kubectl("create", "job", "j", "--from=cronjob/cj")) == ["job.batch/j created"]
    assert said(api.firkin("get", "cm", "options", "-o", "jsonpath={.data}")) == ['{"a":"b"}']
    assert said(api.firkin("get", "secret", "words", "-o", "jsonpath={.data.a}")) == ["Yg=="]
    paths = "{.spec.replicas} {.spec.template.spec.containers[0].command} {.metadata.labels.app}"
    assert said(api.firkin("get", "deploy", "d", "-o", f"jsonpath={paths}")) == ['0 ["a","b"] d']
    paths = "{.metadata.ownerReferences[0].name} {.spec.template.spec.restartPolicy} {.spec.backoffLimit}"
    assert said(api.firkin("get", "job", "j", "-o", f"jsonpath={paths}")) == ["cj Never 6"]
    assert "the server could not find the requested resource" in api.kubectl("create", "quota", "q").stderr


def test_what_is_wrong_is_told_and_the_rest_is_done(api: Running) -> None:
    broken = MANIFEST.replace("kind: ConfigMap", "kind: Service").replace("  replicas: 2", "  replicase: 2")
    done = api.firkin("apply", "-f", "-", text=broken)
    assert done.returncode == 1
    assert done.stdout.splitlines() == ["pod/web created", "deployment.apps/d created"]
    assert 'Warning: standard input:18:3: unknown field "spec.replicase"' in done.stderr
    assert 'standard input:10:1: kind: no matches for kind "Service" in version "v1"' in done.stderr
    done = api.firkin("apply", "-f", "-", text=MANIFEST.replace('image: "web:1"', "image: 5"))
    assert "standard input:7:17: spec.containers[0].image: must be text, not 5" in done.stderr
    done = api.firkin("apply", "-f", "-", text=MANIFEST.replace("web:1", "web:2").replace("name: A", "name: B"))
    assert 'Pod "web" is invalid: spec: Forbidden: pod updates may not change fields other than' in done.stderr
    done = api.firkin("get", "pod", "none")
    assert (done.returncode, done.stderr) == (1, 'firkin: error: Error from server (NotFound): pods "none" not found\n')
    assert api.firkin("get", "secrets").stderr == "No resources found in default namespace.\n"
    done = api.firkin("get", "pods", "-o", "toml")
    assert "unable to match a printer suitable for the output format" in done.stderr


def test_deletes_wait_until_it_has_gone(api: Running) -> None:
    api.firkin("apply", "-f", str(api.manifest))
    words = [str(BIN / "firkin"), "delete", "pod", "web", "--socket", api.socket]
    waiting = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert waiting.stdout is not None
    watching = subprocess.Popen(
        [str(BIN / "firkin"), "get", "pods", "-w", "--socket", api.socket], stdout=subprocess.PIPE, text=True
    )
    assert watching.stdout is not None
    assert [watching.stdout.readline().split()[0] for _ in range(2)] == ["NAME", "web"]
    while "Terminating" not in api.firkin("get", "pods").stdout:
        pass
    assert waiting.poll() is None
    api.remove("web")
    assert waiting.communicate(timeout=60)[0] == 'pod "web" deleted from default namespace\n'
    assert waiting.returncode == 0
    watching.terminate()
    watching.communicate()
    done = api.firkin("delete", "-f", str(api.manifest))
    assert (done.returncode, done.stdout.splitlines()) == (
        1,
        ['configmap "c" deleted from default namespace', 'deployment.apps "d" deleted from default namespace'],
    )
    assert 'pods "web" not found' in done.stderr
    api.firkin("apply", "-f", str(api.manifest))
    assert (
        said(api.firkin("delete", "po", "-l", "app=web", "--force"))[0]
        == 'pod "web" force deleted from default namespace'
    )
    assert said(api.kubectl("delete", "deploy", "d", "--wait=false"))[0].startswith('deployment.apps "d" deleted')


def test_without_an_agent_it_is_said_where_it_was_looked_for(tmp_path: Path) -> None:
    words = [str(BIN / "firkin"), "get", "pods", "--socket", str(tmp_path / "none")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith(f"firkin: error: the agent at {tmp_path}/none: No such file or directory")

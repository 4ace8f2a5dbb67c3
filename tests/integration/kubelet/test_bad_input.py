"""What an agent is given that is wrong, and what it can not have: it is said where and why, and others go on."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from firkin.kubelet.api.config import ConfigMap
from firkin.kubelet.api.event import Event
from firkin.kubelet.api.meta import Condition, ObjectMeta
from firkin.kubelet.api.node import Node as MachineNode
from firkin.kubelet.volumes.mounting import mount_tmpfs
from tests.support.agent import Node, is_ready, main, manifest, node, run
from tests.support.cri_server import CriServer
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge")

QUICK = "terminationGracePeriodSeconds: 1\n"


async def node_event(here: Node, reason: str, text: str) -> None:
    """Wait until something of this reason is told of the node, with `text` in it."""
    try:
        async with asyncio.timeout(SECONDS):
            with here.objects.subscribe(Event) as changes:
                async for change in changes:
                    event = change.object
                    if (event.involved_object.kind, event.reason) == ("Node", reason) and text in event.message:
                        return
    except TimeoutError:
        told = [one.message for one in here.objects.list(Event) if one.involved_object.kind == "Node"]
        raise AssertionError(f"not told: {text!r}; but: {told}") from None


def try_again(here: Node, name: str) -> None:
    """Have the worker of a pod try again now, as it would in ten seconds."""
    pod = here.pod(name)
    assert pod is not None
    here.agent.workers.poke(pod.metadata.uid)


# Each file of its own: what is wrong in it, and what is said of it.
WRONG = {
    "broken.yaml": ("apiVersion: v1\nkind: Pod\nmetadata: {name: x\nspec: {}\n", "broken.yaml:4:5: "),
    "half.json": ('{"apiVersion": "v1", "kind": "Pod", "metadata": {', "half.json:2:1: "),
    "kind.yaml": ("apiVersion: v1\nkind: Service\nmetadata: {name: s}\n", 'kind.yaml:2:1: kind: no matches for kind '),
    "field.yaml": (
        manifest("field", f"{QUICK}restartpolicy: Never"),
        'field.yaml:6:3: unknown field "spec.restartpolicy"',
    ),
    "value.yaml": (
        manifest("value", "restartPolicy: Sometimes"),
        "value.yaml:5:3: spec.restartPolicy: Unsupported value",
    ),
    "cluster.yaml": (
        manifest("cluster", f"{QUICK}volumes: [{{name: v, persistentVolumeClaim: {{claimName: c}}}}]",
                 more="volumeMounts: [{name: v, mountPath: /v}]"), "",
    ),
}  # fmt: skip


def test_manifests_that_are_wrong_hold_up_no_others(
    shared: CriServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / "manifests"

    async def script(here: Node) -> None:
        place.mkdir()
        for name, (text, _) in WRONG.items():
            (place / name).write_text(text)
        (place / "good.yaml").write_text(manifest("good", QUICK))
        good = await here.wait("good-node", is_ready)
        await here.wait("field-node", is_ready)
        for _, said in WRONG.values():
            if said:
                await node_event(here, "FailedValidation", said)
                assert any(said in record.message for record in caplog.records), said
        assert "persistentVolumeClaim" in await here.told("cluster-node", "FailedMount")
        # A file of another name is the same pod no more, and one that says another name neither.
        (place / "good.yaml").rename(place / "moved.yaml")
        await here.wait("good-node", lambda pod: is_ready(pod) and pod.metadata.uid != good.metadata.uid)
        (place / "moved.yaml").write_text(manifest("renamed", QUICK))
        await here.wait("renamed-node", is_ready)
        await here.wait_gone("good-node")
        # What was broken is mended, what was there is broken: it stays as it was.
        (place / "broken.yaml").write_text(manifest("mended", QUICK))
        await here.wait("mended-node", is_ready)
        (place / "moved.yaml").write_text("{")
        await node_event(here, "FailedValidation", "moved.yaml:2:1: ")
        pod = here.pod("renamed-node")
        assert pod is not None and pod.metadata.deletion_timestamp is None

    run(shared, tmp_path, script)


def ready_of(here: Node) -> Condition:
    """What is said of the node's being ready."""
    found = here.objects.get(MachineNode, "", "node")
    assert found is not None
    return next(one for one in found.status.conditions if one.type == "Ready")


async def node_is(here: Node, status: str) -> Condition:
    async with asyncio.timeout(SECONDS):
        while (ready := ready_of(here)).status != status:
            await here.agent.upkeep.node.update()
    return ready


def test_a_runtime_that_is_down_or_hangs_is_told_of_and_found_again(
    server: CriServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "data").mkdir()
    volume = f"{QUICK}volumes: [{{name: data, hostPath: {{path: {tmp_path}/data}}}}]\n"
    mount = "volumeMounts: [{name: data, mountPath: /data}]"

    async def comes_up(here: Node, name: str) -> None:
        here.apply(manifest(name, volume, f"echo x >> /data/{name}; echo once; sleep 1000", mount))

    async def script(here: Node) -> None:
        await comes_up(here, "steady")
        before = main(await here.wait("steady", is_ready))
        await node_is(here, "True")
        server.kill()
        assert "container runtime is down: " in (await node_is(here, "False")).message
        await comes_up(here, "down")
        await asyncio.to_thread(server.start)
        await here.wait("down", is_ready)
        await node_is(here, "True")
        os.kill(server.pid, signal.SIGSTOP)
        try:
            await comes_up(here, "hangs")
            told = await node_is(here, "False")
            assert "container runtime is down: " in told.message and "DEADLINE_EXCEEDED" in told.message
            # Its worker waits for a call in vain, and says so.
            await here.told("hangs", "FailedSync")
        finally:
            os.kill(server.pid, signal.SIGCONT)
        try_again(here, "hangs")
        await here.wait("hangs", is_ready)
        await node_is(here, "True")
        for name in ("steady", "down", "hangs"):
            await here.until_said(await here.wait(name, is_ready), "once")
            assert (tmp_path / "data" / name).read_text().split() == ["x"], name
        assert main(await here.wait("steady", is_ready)) == before
        for reason in ("NodeNotReady", "NodeReady"):
            await node_event(here, reason, f"Node node status is now: {reason}")
        assert any(record.message.startswith("the node is not ready: ") for record in caplog.records)

    run(server, tmp_path, script, runtime_seconds=4)


@contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    """A file system of 16 MiB."""
    place.mkdir()
    mount_tmpfs(str(place), 16 << 20)
    try:
        yield place
    finally:
        # Those of pods that a test which failed has left are in it.
        subprocess.run(["umount", "--recursive", "--lazy", str(place)], check=True)


def test_a_full_disk_holds_up_those_alone_who_need_it(shared: CriServer, tmp_path: Path) -> None:
    big = ConfigMap(metadata=ObjectMeta(name="big", namespace="default"), data={"x": "x" * 900_000})

    async def script(disk: Path) -> None:
        async with node(tmp_path, shared, root=str(disk / "kubelet"), max_restart_delay=1) as here:
            here.objects.create(big)
            trap = "trap exit TERM; echo up; while :; do sleep 0.1; done"
            steady = await here.ready(manifest("steady", QUICK, trap))
            await here.until_said(steady, "up")
            space = os.statvfs(disk)
            with (disk / "filler").open("wb") as filler:
                filler.write(bytes(space.f_bavail * space.f_frsize - 400_000))
            mount = "volumeMounts: [{name: v, mountPath: /v}]"
            here.apply(manifest("needs", f"{QUICK}volumes: [{{name: v, configMap: {{name: big}}}}]", more=mount))
            assert "No space left on device" in await here.told("needs", "FailedMount")
            pod = here.pod("needs")
            assert pod is not None and pod.status.phase == "Pending"
            await here.execute(steady, "kill 1")
            await here.wait("steady", lambda pod: main(pod).restart_count >= 1 and is_ready(pod))
            (disk / "filler").unlink()
            try_again(here, "needs")
            await here.wait("needs", is_ready)
            for name in ("steady", "needs"):
                here.delete(name)
                await here.wait_gone(name)

    with small_disk(tmp_path / "disk") as disk:
        asyncio.run(script(disk))

"""How pods end: hooks, grace, the order of sidecars, deadlines; and what a restart of the runtime does to them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from firkin.kubelet.api.pod import Pod
from tests.support.agent import Node, is_ready, main, manifest, run, waits_for
from tests.support.cri_server import IMAGE, CriServer

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge")


def tells(name: str) -> str:
    """A script that says when it is asked to end, once it is ready for that."""
    return f"trap 'echo {name} >> /data/told; exit 0' TERM; touch /data/up.{name}; while :; do sleep 0.05; done"


async def ready_for_it(place: Path, *names: str) -> None:
    """Wait until these scripts are ready to be asked. That they run does not say so."""
    while not all((place / "data" / f"up.{name}").exists() for name in names):
        await asyncio.sleep(0.01)


def data(place: Path) -> str:
    """A volume that the test can look into."""
    (place / "data").mkdir(exist_ok=True)
    return f"volumes: [{{name: data, hostPath: {{path: {place}/data}}}}]\n"


MOUNT = "volumeMounts: [{name: data, mountPath: /data}]\n"


def test_the_hook_comes_before_the_signal_and_all_within_the_grace(shared: CriServer, tmp_path: Path) -> None:
    hook = MOUNT + "lifecycle: {preStop: {exec: {command: [sh, -c, 'echo HOOK >> /data/told']}}}"

    async def script(here: Node) -> None:
        here.apply(manifest("polite", data(tmp_path), tells("main"), hook))
        await ready_for_it(tmp_path, "main")
        here.delete("polite")
        await here.wait_gone("polite")

    run(shared, tmp_path, script)
    assert (tmp_path / "data" / "told").read_text().split() == ["HOOK", "main"]


def test_a_hook_that_does_not_end_takes_no_more_than_the_grace(shared: CriServer, tmp_path: Path) -> None:
    hook = "lifecycle: {preStop: {sleep: {seconds: 1000}}}"

    async def script(here: Node) -> None:
        here.apply(manifest("stuck", "terminationGracePeriodSeconds: 1", more=hook))
        await here.wait("stuck", is_ready)
        here.delete("stuck")
        await here.wait_gone("stuck")

    run(shared, tmp_path, script)


def test_a_pod_that_is_asked_again_with_less_time_ends_sooner(shared: CriServer, tmp_path: Path) -> None:
    async def script(here: Node) -> None:
        here.apply(manifest("slow", "terminationGracePeriodSeconds: 100000"))
        await here.wait("slow", is_ready)
        here.delete("slow")
        await here.wait("slow", lambda pod: pod.metadata.deletion_timestamp)
        while "Killing" not in {reason for reason, _ in here.events("slow")}:
            await asyncio.sleep(0.01)
        here.delete("slow", 1)
        await here.wait_gone("slow")

    run(shared, tmp_path, script)


def test_a_pod_that_is_removed_by_force_is_killed(shared: CriServer, tmp_path: Path) -> None:
    async def script(here: Node) -> None:
        here.apply(manifest("forced", "terminationGracePeriodSeconds: 100000"))
        pod = await here.wait("forced", is_ready)
        here.delete("forced", 0)
        assert here.pod("forced") is None
        uid = pod.metadata.uid
        while uid in here.agent.workers.uids() or uid in await here.agent.services.observer.list():
            await asyncio.sleep(0.01)

    run(shared, tmp_path, script)


def test_sidecars_end_after_the_containers_in_the_opposite_order(shared: CriServer, tmp_path: Path) -> None:
    def side(name: str) -> str:
        head = f"- name: {name}\n  image: {IMAGE}\n  restartPolicy: Always\n  {MOUNT}"
        return f'{head}  command: [sh, -c, "{tells(name)}"]\n'

    spec = data(tmp_path) + "initContainers:\n" + side("one") + side("two")

    async def script(here: Node) -> None:
        here.apply(manifest("ordered", spec, tells("main"), MOUNT))
        await ready_for_it(tmp_path, "main", "one", "two")
        here.delete("ordered")
        await here.wait_gone("ordered")

    run(shared, tmp_path, script)
    told = (tmp_path / "data" / "told").read_text().split()
    assert told == ["main", "two", "one"]


def test_a_start_hook_that_fails_ends_its_container(shared: CriServer, tmp_path: Path) -> None:
    hook = "lifecycle: {postStart: {exec: {command: [sh, -c, 'exit 5']}}}"

    async def script(here: Node) -> None:
        here.apply(manifest("hooked", "terminationGracePeriodSeconds: 1", more=hook))
        pod = await here.wait("hooked", waits_for("PostStartHookError"))
        waiting = main(pod).state.waiting
        assert waiting is not None and "exited with 5" in waiting.message
        assert ("FailedPostStartHook", "PostStartHook failed") in here.events("hooked")

    run(shared, tmp_path, script)


def test_a_pod_that_was_active_for_too_long_has_failed(shared: CriServer, tmp_path: Path) -> None:
    async def script(here: Node) -> None:
        spec = "activeDeadlineSeconds: 1\nterminationGracePeriodSeconds: 1"
        here.apply(manifest("late", spec))
        pod = await here.wait("late", lambda pod: pod.status.phase == "Failed" and main(pod).state.terminated)
        assert pod.status.reason == "DeadlineExceeded"
        assert pod.status.message == "Pod was active on the node longer than the specified deadline"
        ended = main(pod).state.terminated
        assert ended is not None and ended.exit_code == 137

    run(shared, tmp_path, script)


def test_a_pod_that_asks_for_more_than_there_is_has_failed(shared: CriServer, tmp_path: Path) -> None:
    async def script(here: Node) -> None:
        here.apply(manifest("big", "", more="resources: {requests: {cpu: '100000'}}"))
        pod = await here.wait("big", lambda pod: pod.status.phase == "Failed")
        assert pod.status.reason == "OutOfcpu"
        here.delete("big")
        await here.wait_gone("big")

    run(shared, tmp_path, script)


def test_a_runtime_that_is_killed_changes_nothing(server: CriServer, tmp_path: Path) -> None:
    async def script(here: Node) -> None:
        here.apply(manifest("kept", "terminationGracePeriodSeconds: 1"))
        pod = await here.wait("kept", is_ready)
        before = main(pod).container_id
        for _ in range(2):
            server.kill()
            await asyncio.to_thread(server.start)
            here.apply(manifest("more", "terminationGracePeriodSeconds: 1"))
            await here.wait("more", is_ready)
            here.delete("more")
            server.kill()
            await asyncio.to_thread(server.start)
            await here.wait_gone("more")
        after = here.pod("kept")
        assert isinstance(after, Pod)
        assert (main(after).container_id, main(after).restart_count) == (before, 0)

    run(server, tmp_path, script)

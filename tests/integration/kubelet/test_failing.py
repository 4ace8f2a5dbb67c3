"""What goes wrong: images, memory that runs out, sandboxes that end, pods that nobody knows, clocks that jump."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from firkin.kubelet.api.event import Event
from tests.support.agent import Node, is_ready, main, manifest, node, run, waits_for
from tests.support.cri_server import IMAGE, CriServer
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge")
SHORT = "terminationGracePeriodSeconds: 1"


def test_a_pod_for_a_handler_that_the_runtime_does_not_have_says_so(shared: CriServer, tmp_path: Path) -> None:
    async def script(here: Node) -> None:
        here.apply(manifest("other", "runtimeClassName: none-such"))
        async with asyncio.timeout(SECONDS):
            with here.objects.subscribe(Event) as changes:
                while not any(reason == "FailedCreatePodSandBox" for reason, _ in here.events("other")):
                    await anext(changes)
        (text,) = [text for reason, text in here.events("other") if reason == "FailedCreatePodSandBox"]
        assert "none-such" in text

    run(shared, tmp_path, script)


def test_an_image_that_can_not_be_pulled_is_tried_again_later(shared: CriServer, tmp_path: Path) -> None:
    async def script(here: Node) -> None:
        here.apply(manifest("pull", "").replace(IMAGE, "127.0.0.1:1/none:1"))
        pod = await here.wait("pull", waits_for("ErrImagePull"))
        assert pod.status.phase == "Pending"
        pod = await here.wait("pull", waits_for("ImagePullBackOff"))
        waiting = main(pod).state.waiting
        assert waiting is not None
        assert waiting.message.startswith('Back-off pulling image "127.0.0.1:1/none:1": ErrImagePull: ')
        reasons = {reason for reason, _ in here.events("pull")}
        assert reasons >= {"Pulling", "Failed", "BackOff"}

    run(shared, tmp_path, script)


def test_the_name_of_an_image_may_be_none(shared: CriServer, tmp_path: Path) -> None:
    async def script(here: Node) -> None:
        here.apply(manifest("name", "").replace(IMAGE, "'Not:An:Image'"))
        await here.wait("name", waits_for("InvalidImageName"))

    run(shared, tmp_path, script)


def test_a_program_that_is_not_there_is_an_error_of_the_start(shared: CriServer, tmp_path: Path) -> None:
    async def script(here: Node) -> None:
        here.apply(manifest("program", SHORT).replace("[sh, -c,", "[/no/such/program, -c,"))
        pod = await here.wait("program", lambda pod: main(pod).restart_count > 0)
        ended = main(pod).last_state.terminated or main(pod).state.terminated
        assert ended is not None and (ended.exit_code, ended.reason) == (128, "StartError")

    run(shared, tmp_path, script, max_restart_delay=1)


def test_a_volume_that_can_not_be_mounted_holds_up_its_pod_alone(shared: CriServer, tmp_path: Path) -> None:
    missing = "volumes: [{name: v, hostPath: {path: /no/such/directory, type: Directory}}]"

    async def script(here: Node) -> None:
        here.apply(manifest("mount", missing))
        here.apply(manifest("other", SHORT))
        await here.wait("other", is_ready)
        async with asyncio.timeout(60):
            while "FailedMount" not in {reason for reason, _ in here.events("mount")}:
                await asyncio.sleep(0.01)
        pod = here.pod("mount")
        assert pod is not None and pod.status.phase == "Pending"

    run(shared, tmp_path, script)


def test_a_sandbox_that_ended_is_made_anew(shared: CriServer, tmp_path: Path) -> None:
    async def script(here: Node) -> None:
        here.apply(manifest("moved", SHORT))
        pod = await here.wait("moved", is_ready)
        view = await here.agent.services.observer.look(pod.metadata.uid)
        await here.agent.services.runtime.stop_pod_sandbox(view.sandboxes[0].id)
        pod = await here.wait("moved", lambda pod: main(pod).restart_count == 1 and is_ready(pod))
        assert main(pod).last_state.terminated is not None
        assert "SandboxChanged" in {reason for reason, _ in here.events("moved")}

    run(shared, tmp_path, script)


def test_a_pod_of_which_an_agent_knows_nothing_is_ended(shared: CriServer, tmp_path: Path) -> None:
    async def script() -> None:
        async with node(tmp_path / "one", shared) as here:
            here.apply(manifest("orphan", SHORT))
            uid = (await here.wait("orphan", is_ready)).metadata.uid
        async with node(tmp_path / "two", shared) as here, asyncio.timeout(60):
            while uid in await here.agent.services.observer.list():
                await asyncio.sleep(0.05)

    asyncio.run(script())


def test_an_agent_that_comes_again_starts_nothing_again(shared: CriServer, tmp_path: Path) -> None:
    async def script() -> None:
        async with node(tmp_path, shared) as here:
            here.apply(manifest("kept", SHORT))
            before = main(await here.wait("kept", is_ready))
        async with node(tmp_path, shared) as here:
            here.apply(manifest("later", SHORT))
            await here.wait("later", is_ready)
            pod = await here.wait("kept", is_ready)
            assert main(pod) == before

    asyncio.run(script())


@pytest.mark.requires("memory")
def test_a_container_that_takes_too_much_memory_was_killed_for_it(shared: CriServer, tmp_path: Path) -> None:
    async def script(here: Node) -> None:
        limit = "resources: {limits: {memory: 16Mi}}"
        here.apply(manifest("oom", f"{SHORT}\nrestartPolicy: Never", "tail /dev/zero", limit))
        pod = await here.wait("oom", lambda pod: pod.status.phase == "Failed")
        ended = main(pod).state.terminated
        assert ended is not None and (ended.exit_code, ended.reason) == (137, "OOMKilled")
        # What is started again counts, waits, and keeps what it has said.
        here.apply(manifest("again", SHORT, "echo up; tail /dev/zero", limit))
        pod = await here.wait("again", lambda pod: main(pod).restart_count == 1 and waits_for("CrashLoopBackOff")(pod))
        last = main(pod).last_state.terminated
        assert last is not None and (last.exit_code, last.reason) == (137, "OOMKilled")
        assert (pod.status.phase, here.said(pod), here.said(pod, restarts=1)) == ("Running", ["up"], ["up"])
        assert "BackOff" in {reason for reason, _ in here.events("again")}

    run(shared, tmp_path, script, max_restart_delay=5)


DAY = 86400
PROBE = "exec: {command: [test, -e, /ready]}, periodSeconds: 1, timeoutSeconds: 100"


@contextmanager
def a_clock_to_set() -> Iterator[None]:
    """It is right again afterwards."""
    wall, steady = time.time(), time.monotonic()
    try:
        yield
    finally:
        time.clock_settime(time.CLOCK_REALTIME, wall + time.monotonic() - steady)


def jump(days: int) -> None:
    time.clock_settime(time.CLOCK_REALTIME, time.time() + days * DAY)


async def check_that_it_all_goes_on(here: Node, number: int) -> None:
    pod = here.pod("steady")
    assert pod is not None
    for script, ready in (("rm /ready", False), ("touch /ready", True)):
        await here.execute(pod, script)
        await here.wait("steady", is_ready if ready else lambda pod: not is_ready(pod))
    crash = here.pod("crash")
    assert crash is not None
    before = main(crash).restart_count
    # Twice: of the first try it may be that it was due.
    crash = await here.wait("crash", lambda pod: main(pod).restart_count >= before + 2)
    last = main(crash).last_state.terminated
    assert last is not None and last.exit_code == 3
    name = f"new-{number}"
    await here.ready(manifest(name, SHORT))
    here.delete(name)
    await here.wait_gone(name)


@pytest.mark.requires("clock")
def test_clocks_that_jump_hold_nobody_up(shared: CriServer, tmp_path: Path) -> None:
    async def script(here: Node) -> None:
        probes = f"readinessProbe: {{{PROBE}}}\nlivenessProbe: {{exec: {{command: ['true']}}, timeoutSeconds: 100}}"
        steady = manifest("steady", SHORT, "touch /ready; sleep 100000", probes)
        first = main(await here.ready(steady))
        here.apply(manifest("crash", "", "exit 3"))
        await here.wait("crash", lambda pod: main(pod).restart_count >= 1)
        for number, days in enumerate((30, -60)):
            jump(days)
            await check_that_it_all_goes_on(here, number)
        pod = here.pod("steady")
        assert pod is not None
        assert (main(pod).container_id, main(pod).restart_count) == (first.container_id, 0)

    with a_clock_to_set():
        run(shared, tmp_path, script, max_restart_delay=1)

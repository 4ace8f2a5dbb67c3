"""The client of CRI against firkin's server: the calls, their errors, and a runtime that is restarted."""

from __future__ import annotations

import asyncio

import pytest
from google.protobuf.json_format import ParseDict

from firkin.cri.api import container_pb2, events_pb2, image_pb2, sandbox_pb2
from firkin.errors import ConfigError
from firkin.kubelet.runtime.client import Runtime
from firkin.kubelet.runtime.failure import CallError, CallMissingError, CallTimeoutError, CallUnavailableError
from tests.support.cri_server import IMAGE, CriServer
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge")


async def run_container(runtime: Runtime, server: CriServer, script: str) -> tuple[str, str]:
    """A pod with one container that runs `script`."""
    config = server.pod_config()
    request = ParseDict({"config": config}, sandbox_pb2.RunPodSandboxRequest())
    pod = await runtime.run_pod_sandbox(request)
    wanted = {"pod_sandbox_id": pod, "sandbox_config": config, "config": server.container_config(script)}
    container = await runtime.create_container(ParseDict(wanted, container_pb2.CreateContainerRequest()))
    await runtime.start_container(container)
    return pod, container


def test_a_pod_is_run_seen_and_removed(server: CriServer) -> None:
    async def script() -> None:
        runtime = Runtime(f"unix://{server.socket}")
        assert (await runtime.version()).runtime_name == "firkin"
        assert {one.type for one in (await runtime.status()).status.conditions} >= {"RuntimeReady", "NetworkReady"}
        seen: asyncio.Queue[events_pb2.ContainerEventResponse] = asyncio.Queue()
        watching = asyncio.create_task(collect(runtime, seen))
        pod, container = await run_container(runtime, server, "sleep 1000")
        assert [one.id for one in await runtime.list_pod_sandbox()] == [pod]
        assert [one.id for one in await runtime.list_containers()] == [container]
        assert (await runtime.exec_sync(container, ["echo", "here"])).stdout == b"here\n"
        with pytest.raises(CallTimeoutError):
            await runtime.exec_sync(container, ["sleep", "1000"], 1)
        await runtime.stop_container(container, 0)
        assert (await runtime.container_status(container)).status.exit_code == 137
        await runtime.stop_pod_sandbox(pod)
        await runtime.remove_pod_sandbox(pod)
        await runtime.remove_pod_sandbox(pod)
        with pytest.raises(CallMissingError):
            await runtime.pod_sandbox_status(pod)
        async with asyncio.timeout(SECONDS):
            while (event := await seen.get()).container_id != pod or event.container_event_type != 3:
                pass
        watching.cancel()
        await runtime.close()

    asyncio.run(script())


async def collect(runtime: Runtime, seen: asyncio.Queue[events_pb2.ContainerEventResponse]) -> None:
    async for event in runtime.events():
        seen.put_nowait(event)


def test_images_are_asked_for(server: CriServer) -> None:
    async def script() -> None:
        runtime = Runtime(str(server.socket))
        found = await runtime.image_status(image_pb2.ImageSpec(image=IMAGE))
        assert found is not None and IMAGE in found.repo_tags
        assert await runtime.image_status(image_pb2.ImageSpec(image="registry.example/none:1")) is None
        assert [one.id for one in await runtime.list_images()] == [found.id]
        await runtime.close()

    asyncio.run(script())


def test_a_runtime_that_is_killed_is_found_again(server: CriServer) -> None:
    async def script() -> None:
        runtime = Runtime(str(server.socket))
        await runtime.version()
        server.kill()
        with pytest.raises(CallUnavailableError) as caught:
            await runtime.version()
        assert caught.value.call == "Version"
        server.start()
        async with asyncio.timeout(SECONDS):
            while not await answers(runtime):
                await asyncio.sleep(0.05)
        await runtime.close()

    asyncio.run(script())


async def answers(runtime: Runtime) -> bool:
    try:
        return bool(await runtime.version())
    except CallError:
        return False


def test_an_endpoint_is_a_unix_socket() -> None:
    async def script() -> None:
        Runtime("tcp://127.0.0.1:1")

    with pytest.raises(ConfigError, match="unix:///PATH"):
        asyncio.run(script())

"""The agent, within the loop of the test, driving a CRI server of the test; what it has is below one directory."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from firkin.kubelet.agent import Agent
from firkin.kubelet.api.event import Event
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.pod_status import ContainerStatus
from firkin.kubelet.config import Config
from firkin.kubelet.logs.settings import LogSettings
from firkin.kubelet.objects.decode import decode_document
from firkin.kubelet.objects.defaults import complete
from firkin.kubelet.objects.documents import read_documents
from firkin.kubelet.objects.store import Objects
from firkin.kubelet.resources.eviction.settings import EvictionSettings
from firkin.kubelet.resources.image_choice import ImageSettings
from firkin.kubelet.sources.settings import SourceSettings
from tests.support.cri_server import IMAGE
from tests.support.waiting import SECONDS

__all__ = ["Node", "is_ready", "main", "manifest", "node", "pod_of", "run", "waits_for"]


def pod_of(text: str) -> Pod:
    """The pod that a manifest describes."""
    (document,) = read_documents(text.encode(), "test")
    pod = complete(decode_document(document).object)
    assert isinstance(pod, Pod)
    return pod


class HasSocket(Protocol):
    """A CRI server, by the path of its socket."""

    @property
    def socket(self) -> Path: ...


class Node:
    """A running agent, and what tests ask it."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.objects: Objects = agent.services.objects

    def apply(self, text: str) -> Pod:
        """Have the pod that a manifest describes."""
        return self.objects.create(pod_of(text))

    def delete(self, name: str, grace: int | None = None) -> None:
        """Ask for a pod to go."""
        self.objects.delete(Pod, "default", name, grace)

    def pod(self, name: str) -> Pod | None:
        """A pod as it is reported."""
        return self.objects.get(Pod, "default", name)

    def events(self, name: str) -> list[tuple[str, str]]:
        """Reasons and messages of what was told of a pod."""
        found = [one for one in self.objects.list(Event) if one.involved_object.name == name]
        return [(one.reason, one.message) for one in found]

    async def wait(self, name: str, condition: Callable[[Pod], object]) -> Pod:
        """The pod when `condition` holds of it."""
        try:
            async with asyncio.timeout(SECONDS):
                with self.objects.subscribe(Pod) as changes:
                    async for change in changes:
                        if change.object.metadata.name == name and condition(change.object):
                            return change.object
        except TimeoutError:
            pass
        raise AssertionError(f"not reached: {self.pod(name)}, {self.events(name)}")

    async def wait_gone(self, name: str) -> None:
        """Wait until there is no such pod."""
        async with asyncio.timeout(SECONDS):
            with self.objects.subscribe(Pod) as changes:
                while self.pod(name) is not None:
                    await anext(changes)


@asynccontextmanager
async def node(place: Path, server: HasSocket, /, **more: Any) -> AsyncIterator[Node]:
    """An agent below `place` for the runtime `server`; it ends with the context, its pods do not.

    Parameters: `more` of its configuration. What is left of the machine is not its matter, unless that says so.
    """
    own = {
        "root": f"{place}/kubelet",
        "state": f"{place}/state",
        "logs": f"{place}/pods",
        "runtime_endpoint": f"unix://{server.socket}",
        "node_name": "node",
        "node_ip": "192.0.2.1",
        "sources": SourceSettings(manifests=f"{place}/manifests"),
        "container_logs": LogSettings(links=f"{place}/links"),
        "eviction": EvictionSettings(hard=(), soft=(), soft_grace=(), triggers=()),
        "images": ImageSettings(low_percent=99, high_percent=100),
    }
    config = Config(**{**own, **more})
    async with AsyncExitStack() as parts:
        agent = await Agent.make(config, parts)
        running = asyncio.create_task(agent.run())
        try:
            yield Node(agent)
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running


def run(server: HasSocket, place: Path, script: Callable[[Node], Awaitable[None]], **more: Any) -> None:
    """Run a script with an agent."""

    async def within() -> None:
        async with node(place, server, **more) as here:
            await script(here)

    asyncio.run(within())


def manifest(name: str, spec: str, script: str = "sleep 1000", more: str = "") -> str:
    """A pod with a container, main, that runs a script of the shell; `more` are lines of it, `spec` of the pod."""
    lines = [
        "apiVersion: v1",
        "kind: Pod",
        f"metadata: {{name: {name}, namespace: default}}",
        "spec:",
        *(f"  {line}" for line in spec.splitlines()),
        "  containers:",
        f"  - name: main\n    image: {IMAGE}\n    command: [sh, -c, {script!r}]",
        *(f"    {line}" for line in more.splitlines()),
    ]
    return "\n".join(lines)


def is_ready(pod: Pod) -> bool:
    """Whether the pod is."""
    return any(one.type == "Ready" and one.status == "True" for one in pod.status.conditions)


def main(pod: Pod) -> ContainerStatus:
    """The status of the container main."""
    found = (one for one in pod.status.container_statuses if one.name == "main")
    # Nothing is said of a pod that nobody has looked at.
    return next(found, ContainerStatus(name="main"))


def waits_for(reason: str) -> Callable[[Pod], bool]:
    """Whether main waits for this reason."""
    return lambda pod: any(
        one.state.waiting is not None and one.state.waiting.reason == reason
        for one in (*pod.status.container_statuses, *pod.status.init_container_statuses)
    )

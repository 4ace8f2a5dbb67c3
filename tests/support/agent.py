"""The agent, within the loop of the test, driving a CRI server of the test; what it has is below one directory."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
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
from firkin.kubelet.resources.settings import ResourceSettings
from firkin.kubelet.sources.settings import SourceSettings
from tests.support.cri_server import IMAGE
from tests.support.waiting import SECONDS

__all__ = ["HasSocket", "Node", "Script", "has_ended", "is_ready", "main", "manifest", "node", "pod_of", "run",
           "run_together", "status_of", "waits_for"]  # fmt: skip


def pod_of(text: str) -> Pod:
    """The pod that a manifest describes."""
    (document,) = read_documents(text.encode(), "test")
    pod = complete(decode_document(document).object, node="node")
    assert isinstance(pod, Pod)
    return pod


class HasSocket(Protocol):
    """A CRI server, by the path of its socket."""

    @property
    def socket(self) -> Path: ...


class Node:
    """A running agent, whose pods have their logs below `logs`, and what tests ask it."""

    def __init__(self, agent: Agent, logs: Path) -> None:
        self.agent = agent
        self.logs = logs
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

    async def ready(self, text: str) -> Pod:
        """The pod that a manifest describes, when it is ready."""
        return await self.wait(self.apply(text).metadata.name, is_ready)

    async def ended(self, text: str) -> list[str]:
        """What main of the pod that a manifest describes has said, when the pod has ended."""
        return self.said(await self.wait(self.apply(text).metadata.name, has_ended))

    def said(self, pod: Pod, container: str = "main", restarts: int = 0) -> list[str]:
        """The lines of a container's log."""
        meta = pod.metadata
        path = self.logs / f"{meta.namespace}_{meta.name}_{meta.uid}" / container / f"{restarts}.log"
        return [line.split(" ", 3)[3] for line in path.read_text().splitlines()] if path.exists() else []

    async def told(self, name: str, reason: str) -> str:
        """The message of the first event of a pod for this reason, as soon as there is one."""
        try:
            async with asyncio.timeout(SECONDS):
                with self.objects.subscribe(Event) as changes:
                    async for change in changes:
                        if (change.object.involved_object.name, change.object.reason) == (name, reason):
                            return change.object.message
        except TimeoutError:
            pass
        raise AssertionError(f"not told: {self.pod(name)}, {self.events(name)}")

    async def until_said(self, pod: Pod, line: str, container: str = "main") -> None:
        """Wait until a container that runs has said a line since it was started."""
        async with asyncio.timeout(SECONDS):
            while line not in self.said(pod, container, status_of(pod, container).restart_count):
                await asyncio.sleep(0.05)

    async def execute(self, pod: Pod, script: str, container: str = "main") -> str:
        """What a script of the shell says in a container that runs."""
        id = status_of(pod, container).container_id.partition("://")[2]
        answer = await self.agent.services.runtime.exec_sync(id, ["sh", "-c", script])
        return (answer.stdout + answer.stderr).decode().strip()

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
    resources = more.get("resources", ResourceSettings())
    if not resources.cgroup_root:
        # Nothing of the machine's own is left behind.
        more["resources"] = dataclasses.replace(resources, cgroup_root=getattr(server, "pods_cgroup", ""))
    config = Config(**{**own, **more})
    async with AsyncExitStack() as parts:
        agent = await Agent.make(config, parts)
        running = asyncio.create_task(agent.run())
        try:
            yield Node(agent, place / "pods")
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running


def run(server: HasSocket, place: Path, script: Callable[[Node], Awaitable[None]], /, **more: Any) -> None:
    """Run a script with an agent."""

    async def within() -> None:
        async with node(place, server, **more) as here:
            await script(here)

    asyncio.run(within())


Script = Callable[[Node], Awaitable[None]]


def run_together(server: HasSocket, place: Path, *scripts: Script, **more: Any) -> None:
    """Run scripts, each about pods of its own, at the same time with one agent; all that fail are told."""

    async def script(here: Node) -> None:
        ends = await asyncio.gather(*(one(here) for one in scripts), return_exceptions=True)
        failures = [end for end in ends if isinstance(end, Exception)]
        if failures:
            raise ExceptionGroup("pods that did not behave", failures)

    run(server, place, script, **more)


def manifest(name: str, spec: str, script: str = "sleep 1000", more: str = "") -> str:
    """A pod with a container, main, that runs a script of the shell; `more` are lines of it, `spec` of the pod."""
    lines = [
        "apiVersion: v1",
        "kind: Pod",
        f"metadata: {{name: {name}, namespace: default}}",
        "spec:",
        *(f"  {line}" for line in spec.splitlines()),
        "  containers:",
        f"  - name: main\n    image: {IMAGE}\n    command: [sh, -c, {json.dumps(script)}]",
        *(f"    {line}" for line in more.splitlines()),
    ]
    return "\n".join(lines)


def is_ready(pod: Pod) -> bool:
    """Whether the pod is."""
    return any(one.type == "Ready" and one.status == "True" for one in pod.status.conditions)


def has_ended(pod: Pod) -> bool:
    """Whether the pod has, well or not."""
    return pod.status.phase in ("Succeeded", "Failed")


def main(pod: Pod) -> ContainerStatus:
    """The status of the container main."""
    return status_of(pod, "main")


def status_of(pod: Pod, container: str) -> ContainerStatus:
    """The status of a container, init containers among them."""
    known = (*pod.status.container_statuses, *pod.status.init_container_statuses)
    # Nothing is said of a pod that nobody has looked at.
    return next((one for one in known if one.name == container), ContainerStatus(name=container))


def waits_for(reason: str) -> Callable[[Pod], bool]:
    """Whether main waits for this reason."""
    return lambda pod: any(
        one.state.waiting is not None and one.state.waiting.reason == reason
        for one in (*pod.status.container_statuses, *pod.status.init_container_statuses)
    )

"""StopPodSandbox and RemovePodSandbox: what a pod has is given back; each may be called again."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import nullcontext
from typing import Any

from firkin.cri import faults
from firkin.cri.api.events_pb2 import ContainerEventType
from firkin.cri.api.sandbox_pb2 import (
    RemovePodSandboxRequest,
    RemovePodSandboxResponse,
    StopPodSandboxRequest,
    StopPodSandboxResponse,
)
from firkin.cri.containers.stop import kill, remove
from firkin.cri.node import Node
from firkin.cri.records.sandbox import Sandbox
from firkin.cri.sandboxes.shm import unmount_shm
from firkin.cri.telemetry.meters import TEAR_DOWN
from firkin.oci.snapshots.trees import remove_tree
from firkin.runtime.sandbox import remove_sandbox

__all__ = ["release", "remove_pod_sandbox", "stop_pod_sandbox"]


async def stop_pod_sandbox(node: Node, request: StopPodSandboxRequest) -> StopPodSandboxResponse:
    """Kill the containers of a sandbox and release its network and namespaces; it may be stopped or gone already.

    Raises UsageError for an empty id, DeadlineError, NetworkError, FirkinError.
    """
    sandbox = node.sandboxes.find(request.pod_sandbox_id)
    if sandbox is not None:
        async with sandbox.lock:
            await _stop(node, sandbox)
    return StopPodSandboxResponse()


async def _stop(node: Node, sandbox: Sandbox) -> None:
    was_ready = sandbox.facts.is_ready
    if was_ready:
        # From here on nothing is started in it.
        sandbox.update(is_ready=False)
    # Even if it is not ready: an earlier request may have failed, or died with the server, after the line above.
    # Whoever was sent SIGKILL has nothing more to say, so that the network need not wait for the end of all.
    await _all(_end_containers(node, sandbox), _detach(node, sandbox))
    await _unpin(node, sandbox)
    if was_ready:
        node.tell(ContainerEventType.CONTAINER_STOPPED_EVENT, sandbox.id, sandbox)


async def _end_containers(node: Node, sandbox: Sandbox) -> None:
    await _all(*(kill(container) for container in node.containers_of(sandbox)))
    faults.reach("killed")


async def _all(*works: Coroutine[Any, Any, None]) -> None:
    # They begin in this order. None is left behind when another one fails.
    for outcome in await asyncio.gather(*works, return_exceptions=True):
        if outcome is not None:
            raise outcome


async def _detach(node: Node, sandbox: Sandbox) -> None:
    # Where there is nothing to do any more there is nothing to count.
    with node.meters.network(TEAR_DOWN) if node.networks.has(sandbox.id) else nullcontext():
        await node.networks.detach(sandbox.id)


async def _unpin(node: Node, sandbox: Sandbox) -> None:
    await asyncio.to_thread(remove_sandbox, node.places.pins, sandbox.id)
    faults.reach("unpinned")


async def release(node: Node, sandbox: Sandbox) -> None:
    """Give back all that a sandbox has, made in part or whole. May be repeated. Raises NetworkError, FirkinError."""
    await _detach(node, sandbox)
    await _unpin(node, sandbox)
    directory = node.places.sandbox(sandbox.id)
    unmount_shm(f"{directory}/shm")
    faults.reach("shm-gone")
    await asyncio.to_thread(remove_tree, directory)
    faults.reach("files-gone")


async def remove_pod_sandbox(node: Node, request: RemovePodSandboxRequest) -> RemovePodSandboxResponse:
    """Stop a sandbox and remove it with its containers; it may be gone already. Raises as `stop_pod_sandbox`."""
    sandbox = node.sandboxes.find(request.pod_sandbox_id)
    if sandbox is not None:
        async with sandbox.lock:
            await _stop(node, sandbox)
            for container in node.containers_of(sandbox):
                await remove(node, container)
            await release(node, sandbox)
            sandbox.forget()
            node.sandboxes.discard(sandbox)
        node.tell(ContainerEventType.CONTAINER_DELETED_EVENT, sandbox.id, None)
    return RemovePodSandboxResponse()

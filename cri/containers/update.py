"""UpdateContainerResources and ReopenContainerLog: changes to a container that is there."""

from __future__ import annotations

import asyncio
import os

from firkin.cri import faults
from firkin.cri.api.container_pb2 import (
    ReopenContainerLogRequest,
    ReopenContainerLogResponse,
    UpdateContainerResourcesRequest,
    UpdateContainerResourcesResponse,
)
from firkin.cri.api.resources_pb2 import LinuxContainerResources
from firkin.cri.containers.create import write_plan
from firkin.cri.node import Node
from firkin.cri.records.container import Container
from firkin.cri.spec.resources import limits_of
from firkin.errors import StateError
from firkin.oci.record import replace
from firkin.oci.runtime_spec import Resources
from firkin.oci.validate_resources import check_resources
from firkin.runtime.monitor.client import Client

__all__ = ["merged", "reopen_container_log", "update_container_resources"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


async def update_container_resources(
    node: Node, request: UpdateContainerResourcesRequest
) -> UpdateContainerResourcesResponse:
    """Change the limits of a container that is created or runs; all of them, or none.

    Raises StateError if it is neither, ConfigError, CgroupError.
    """
    container = node.containers.get(request.container_id)
    limits = limits_of(request.linux)
    check_resources(limits, "linux.")
    async with container.lock:
        if container.facts.finished_at or container.facts.is_lost:
            raise StateError(f"container {container.id}: has ended")
        if container.facts.started_at:
            await asyncio.to_thread(node.handler_of(container).update, container.id, limits)
        else:
            _rewrite(node, container, limits)
        faults.reach("applied")
        container.config.linux.resources.CopyFrom(merged(container.config.linux.resources, request.linux))
        container.update()
    return UpdateContainerResourcesResponse()


def merged(old: LinuxContainerResources, new: LinuxContainerResources) -> LinuxContainerResources:
    """What holds after an update: what `new` says, else what `old` said."""
    found = LinuxContainerResources()
    found.CopyFrom(old)
    if new.hugepage_limits:
        # Lists are added to each other by a merge, and these are by size.
        sizes = {limit.page_size for limit in new.hugepage_limits}
        kept = [limit for limit in old.hugepage_limits if limit.page_size not in sizes]
        del found.hugepage_limits[:]
        found.hugepage_limits.extend(kept)
    found.MergeFrom(new)
    return found


def _rewrite(node: Node, container: Container, limits: Resources) -> None:
    prepared = container.prepared
    if prepared is None:
        reason = "was created by a server that is gone, and can only be started or removed"
        raise StateError(f"container {container.id}: {reason}")
    config, files = prepared
    assert config.linux is not None
    old = config.linux.resources or Resources()
    changed = replace(config, linux=replace(config.linux, resources=_overlaid(old, limits)))
    write_plan(node, container, changed, files)
    container.prepared = changed, files


def _overlaid(old: Resources, new: Resources) -> Resources:
    fields = dict(vars(new))
    for name in ("cpu", "memory"):
        before, after = getattr(old, name), getattr(new, name)
        if before is not None and after is not None:
            fields[name] = replace(before, **vars(after))
    if new.unified:
        fields["unified"] = {**old.unified, **new.unified}
    return replace(old, **fields)


async def reopen_container_log(node: Node, request: ReopenContainerLogRequest) -> ReopenContainerLogResponse:
    """Have the monitor open the log anew, after its file was moved away. Raises StateError if it does not run."""
    container = node.containers.get(request.container_id)
    if not container.facts.started_at or container.stopped.is_set():
        raise StateError(f"container {container.id}: does not run, so its log can not be opened again")
    await asyncio.to_thread(_reopen, node.places.container(container.id))
    return ReopenContainerLogResponse()


def _reopen(directory: str) -> None:
    fd = os.open(directory, _DIRECTORY)
    try:
        with Client(fd) as client:
            client.reopen_log()
    finally:
        os.close(fd)

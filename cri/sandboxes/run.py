"""RunPodSandbox: namespaces, network and files of a pod. No process of it runs, but that of a shared pid namespace."""

from __future__ import annotations

import asyncio
import os
import time

from firkin import log
from firkin.cri import faults
from firkin.cri.api.events_pb2 import ContainerEventType
from firkin.cri.api.pod_pb2 import PodSandboxConfig
from firkin.cri.api.sandbox_pb2 import RunPodSandboxRequest, RunPodSandboxResponse
from firkin.cri.node import Node
from firkin.cri.records.creations import check_same
from firkin.cri.records.sandbox import Sandbox, SandboxFacts, sandbox_name
from firkin.cri.records.table import new_id
from firkin.cri.rollback import Rollback
from firkin.cri.sandboxes.configuration import (
    check,
    check_features,
    has_own_network,
    network_sandbox,
    sandbox_configuration,
)
from firkin.cri.sandboxes.files import write_files
from firkin.cri.sandboxes.shm import mount_shm
from firkin.cri.sandboxes.stop import release
from firkin.cri.spec.cgroups import slice_of
from firkin.cri.telemetry.meters import SET_UP
from firkin.errors import AlreadyExistsError
from firkin.oci.runtime_spec import Config
from firkin.oci.validate import validate
from firkin.runtime.compile.sandbox import SandboxRequest
from firkin.runtime.sandbox import make_sandbox
from firkin.runtime.store import start_time

__all__ = ["run_pod_sandbox"]

_LOGGER = log.to("sandboxes")


async def run_pod_sandbox(node: Node, request: RunPodSandboxRequest) -> RunPodSandboxResponse:
    """Make a sandbox. A request that is repeated is answered with the sandbox that it made.

    Raises ConfigError, NotFoundError for an unknown handler, AlreadyExistsError, NetworkError, FirkinError; then
    nothing is left, or, where that can not be undone, a sandbox that is not ready, and can be removed.
    """
    config, handler = request.config, request.runtime_handler
    check(config)
    check_features(config, node.handlers.named(handler), systemd=node.facts.systemd)
    name = sandbox_name(config)
    made = node.sandboxes.by_name(name)
    if made is not None:
        if not made.facts.is_ready:
            raise AlreadyExistsError(
                f"pod sandbox {made.id} has this name, and is not ready any more",
                hint="remove it, or ask for another attempt",
            )
        check_same("pod sandbox", made.id, made.config, config)
        return RunPodSandboxResponse(pod_sandbox_id=made.id)
    id = await node.creations.join(name, request, lambda: _run(node, config, handler))
    return RunPodSandboxResponse(pod_sandbox_id=id)


async def _run(node: Node, config: PodSandboxConfig, handler: str) -> str:
    id = new_id()
    wanted = sandbox_configuration(config, id, systemd=node.facts.systemd)
    validate(wanted)
    sandbox = Sandbox(id, config, SandboxFacts(created_at=time.time_ns(), handler=handler), node.database)
    # From here on a crash leaves a record, by which everything else is found.
    sandbox.update()
    undo = Rollback()
    try:
        async with undo:
            await _make(node, sandbox, wanted, undo)
    except BaseException:
        if undo.is_clean:
            sandbox.forget()
        else:
            node.sandboxes.add(sandbox)
        raise
    node.sandboxes.add(sandbox)
    for kind in (ContainerEventType.CONTAINER_CREATED_EVENT, ContainerEventType.CONTAINER_STARTED_EVENT):
        node.tell(kind, id, sandbox)
    return id


async def _make(node: Node, sandbox: Sandbox, wanted: Config, undo: Rollback) -> None:
    # One undo for all: each part of it may be called whether or not its step was taken.
    undo.add("sandbox", lambda: release(node, sandbox))
    directory = node.places.sandbox(sandbox.id)
    os.mkdir(directory, 0o700)
    faults.reach("directory")
    config = sandbox.config
    namespaces, init = await asyncio.to_thread(_pin, node, sandbox.id, wanted)
    faults.reach("pinned")
    if init[0] and node.scopes:
        await asyncio.to_thread(node.scopes.take_in, sandbox.id, slice_of(config.linux.cgroup_parent), init[0])
    addresses: tuple[str, ...] = ()
    if has_own_network(config):
        wish = network_sandbox(config, sandbox.id, namespaces["network"])
        with node.meters.network(SET_UP):
            found = await node.networks.attach(wish)
        addresses = found.ips
    write_files(directory, config, addresses, own_network=has_own_network(config))
    faults.reach("files")
    if "ipc" in namespaces:
        mount_shm(f"{directory}/shm")
        faults.reach("shm")
    sandbox.update(is_ready=True, namespaces=namespaces, addresses=addresses, init=init)


def _pin(node: Node, id: str, wanted: Config) -> tuple[dict[str, str], tuple[int, int]]:
    request = SandboxRequest(
        id=id,
        state_root=node.places.pins,
        oom_score_adj=node.facts.lowest_oom_score_adj,
        nursery=node.nursery,
    )
    pins, pidfd = make_sandbox(wanted, request, node.host)
    init = (pins.pid, start_time(pins.pid)) if pins.pid else (0, 0)
    if pidfd >= 0:
        # It is found again by its id and its start time; whether it lives, the pid namespace tells.
        os.close(pidfd)
    return {name: pins.path(name) for name in pins.namespaces}, init

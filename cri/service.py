"""The calls of RuntimeService and ImageService, each with its body. What they do is elsewhere."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping

import firkin
from firkin.cri.api.container_pb2 import (
    AttachRequest,
    AttachResponse,
    ContainerStatusRequest,
    ContainerStatusResponse,
    ExecRequest,
    ExecResponse,
    ExecSyncRequest,
    ExecSyncResponse,
    ListContainersRequest,
    ListContainersResponse,
    StreamContainersRequest,
    StreamContainersResponse,
)
from firkin.cri.api.events_pb2 import ContainerEventResponse, GetEventsRequest
from firkin.cri.api.runtime_pb2 import (
    CgroupDriver,
    LinuxRuntimeConfiguration,
    RuntimeCondition,
    RuntimeConfigRequest,
    RuntimeConfigResponse,
    RuntimeFeatures,
    RuntimeHandler,
    RuntimeHandlerFeatures,
    RuntimeStatus,
    StatusRequest,
    StatusResponse,
    UpdateRuntimeConfigRequest,
    UpdateRuntimeConfigResponse,
    VersionRequest,
    VersionResponse,
)
from firkin.cri.api.sandbox_pb2 import (
    ListPodSandboxRequest,
    ListPodSandboxResponse,
    PodSandboxStatusRequest,
    PodSandboxStatusResponse,
    PortForwardRequest,
    PortForwardResponse,
    StreamPodSandboxesRequest,
    StreamPodSandboxesResponse,
    UpdatePodSandboxResourcesRequest,
    UpdatePodSandboxResourcesResponse,
)
from firkin.cri.containers import query as containers
from firkin.cri.containers.checkpoint import checkpoint_container
from firkin.cri.containers.create import create_container
from firkin.cri.containers.exits import Exits
from firkin.cri.containers.start import start_container
from firkin.cri.containers.stop import remove_container, stop_container
from firkin.cri.containers.update import reopen_container_log, update_container_resources
from firkin.cri.execution.streams import running
from firkin.cri.execution.sync import run_to_end
from firkin.cri.handlers.handler import Features
from firkin.cri.kept import Kept, joined
from firkin.cri.node import Node
from firkin.cri.pieces import pieces
from firkin.cri.rpc import Handler
from firkin.cri.sandboxes import query as sandboxes
from firkin.cri.sandboxes.run import run_pod_sandbox
from firkin.cri.sandboxes.stop import remove_pod_sandbox, stop_pod_sandbox
from firkin.cri.streaming.command import Wanted
from firkin.cri.streaming.request import AttachRequest as AttachWish
from firkin.cri.streaming.request import ExecRequest as ExecWish
from firkin.cri.streaming.request import ForwardRequest
from firkin.cri.streaming.server import StreamingServer
from firkin.cri.telemetry.meters import STATUS
from firkin.errors import ConfigError

__all__ = ["RuntimeService"]

_API = "v1"
_VERSION = "0.1.0"
"""What the field `version` of Version has been answered with by every runtime."""


class RuntimeService:
    """The runtime of `node`."""

    def __init__(self, node: Node, exits: Exits, streaming: StreamingServer) -> None:
        self._node = node
        self._exits = exits
        self._streaming = streaming

    def routes(self) -> Mapping[str, Handler]:
        """The calls and their bodies, but those about statistics."""
        node = self._node
        return {
            "Version": self.version,
            "Status": self.status,
            "RuntimeConfig": self.runtime_config,
            "UpdateRuntimeConfig": self.update_runtime_config,
            "RunPodSandbox": lambda request: run_pod_sandbox(node, request),
            "StopPodSandbox": lambda request: stop_pod_sandbox(node, request),
            "RemovePodSandbox": lambda request: remove_pod_sandbox(node, request),
            "PodSandboxStatus": self.pod_sandbox_status,
            "ListPodSandbox": self.list_pod_sandbox,
            "StreamPodSandboxes": self.stream_pod_sandboxes,
            "UpdatePodSandboxResources": self.update_pod_sandbox_resources,
            "CreateContainer": lambda request: create_container(node, request),
            "StartContainer": lambda request: start_container(node, self._exits, request),
            "StopContainer": lambda request: stop_container(node, request),
            "RemoveContainer": lambda request: remove_container(node, request),
            "ListContainers": self.list_containers,
            "StreamContainers": self.stream_containers,
            "ContainerStatus": self.container_status,
            "UpdateContainerResources": lambda request: update_container_resources(node, request),
            "ReopenContainerLog": lambda request: reopen_container_log(node, request),
            "CheckpointContainer": lambda request: checkpoint_container(node, request),
            "ExecSync": self.exec_sync,
            "Exec": self.exec,
            "Attach": self.attach,
            "PortForward": self.port_forward,
            "GetContainerEvents": self.get_container_events,
        }

    async def version(self, _request: VersionRequest) -> VersionResponse:
        """Who answers."""
        return VersionResponse(
            version=_VERSION,
            runtime_name="firkin",
            runtime_version=firkin.__version__,
            runtime_api_version=_API,
        )

    async def status(self, request: StatusRequest) -> StatusResponse:
        """Whether pods can be run, and what there is to run them with."""
        with self._node.meters.network(STATUS):
            network = await self._node.networks.status()
        conditions = [
            RuntimeCondition(type="RuntimeReady", status=True),
            RuntimeCondition(type="NetworkReady", status=network.ready, reason=network.reason, message=network.message),
        ]
        handlers = [_handler("", self._node.handlers.named("").features)]
        handlers += [_handler(one.name, one.features) for one in self._node.handlers]
        info = {"config": json.dumps({"network": network.source or "built in"})} if request.verbose else {}
        return StatusResponse(
            status=RuntimeStatus(conditions=conditions),
            runtime_handlers=handlers,
            features=RuntimeFeatures(supplemental_groups_policy=True),
            info=info,
        )

    async def runtime_config(self, _request: RuntimeConfigRequest) -> RuntimeConfigResponse:
        """Who makes the cgroups."""
        driver = CgroupDriver.SYSTEMD if self._node.facts.systemd else CgroupDriver.CGROUPFS
        return RuntimeConfigResponse(linux=LinuxRuntimeConfiguration(cgroup_driver=driver))

    async def update_runtime_config(self, request: UpdateRuntimeConfigRequest) -> UpdateRuntimeConfigResponse:
        """The ranges of addresses for pods, which the cluster gives this node."""
        await self._node.networks.update_pod_cidr(request.runtime_config.network_config.pod_cidr)
        return UpdateRuntimeConfigResponse()

    async def pod_sandbox_status(self, request: PodSandboxStatusRequest) -> PodSandboxStatusResponse:
        """One sandbox."""
        sandbox = self._node.sandboxes.get(request.pod_sandbox_id)
        info = {"info": json.dumps({"namespaces": sandbox.facts.namespaces})} if request.verbose else {}
        members = [containers.status_of(one) for one in self._node.containers_of(sandbox)]
        return PodSandboxStatusResponse(status=sandboxes.status_of(sandbox), info=info, containers_statuses=members)

    async def list_pod_sandbox(self, request: ListPodSandboxRequest) -> Kept:
        """The sandboxes that meet the filter."""
        found = sandboxes.select(self._node.sandboxes, request.filter)
        return joined(found, lambda one: ListPodSandboxResponse(items=[sandboxes.listed(one)]))

    async def stream_pod_sandboxes(
        self, request: StreamPodSandboxesRequest
    ) -> AsyncIterator[StreamPodSandboxesResponse]:
        """As list_pod_sandbox, in pieces."""
        for part in pieces(list(sandboxes.select(self._node.sandboxes, request.filter))):
            yield StreamPodSandboxesResponse(pod_sandboxes=map(sandboxes.listed, part))

    async def update_pod_sandbox_resources(
        self, request: UpdatePodSandboxResourcesRequest
    ) -> UpdatePodSandboxResourcesResponse:
        """Nothing to do: the pod's cgroup is the kubelet's, which has changed it before it calls."""
        self._node.sandboxes.get(request.pod_sandbox_id)
        return UpdatePodSandboxResourcesResponse()

    async def list_containers(self, request: ListContainersRequest) -> Kept:
        """The containers that meet the filter."""
        found = containers.select(self._node.containers, request.filter)
        return joined(found, lambda one: ListContainersResponse(containers=[containers.listed(one)]))

    async def stream_containers(self, request: StreamContainersRequest) -> AsyncIterator[StreamContainersResponse]:
        """As list_containers, in pieces."""
        for part in pieces(list(containers.select(self._node.containers, request.filter))):
            yield StreamContainersResponse(containers=map(containers.listed, part))

    async def container_status(self, request: ContainerStatusRequest) -> ContainerStatusResponse:
        """One container."""
        container = self._node.containers.get(request.container_id)
        info = {"info": json.dumps({"pid": container.facts.process[0]})} if request.verbose else {}
        return ContainerStatusResponse(status=containers.status_of(container), info=info)

    async def exec_sync(self, request: ExecSyncRequest) -> ExecSyncResponse:
        """Run a program to its end."""
        if not request.cmd:
            raise ConfigError("cmd", "is empty", document="ExecSyncRequest")
        container = running(self._node, request.container_id)
        found = await run_to_end(self._node.handler_of(container), container.id, tuple(request.cmd), request.timeout)
        return ExecSyncResponse(stdout=found.stdout, stderr=found.stderr, exit_code=found.exit_code)

    async def exec(self, request: ExecRequest) -> ExecResponse:
        """The address at which a program is run with streams."""
        container = running(self._node, request.container_id)
        wish = ExecWish(container.id, tuple(request.cmd), _wanted(request))
        return ExecResponse(url=self._streaming.issue(wish))

    async def attach(self, request: AttachRequest) -> AttachResponse:
        """The address at which the streams of a container are."""
        container = running(self._node, request.container_id)
        return AttachResponse(url=self._streaming.issue(AttachWish(container.id, _wanted(request))))

    async def port_forward(self, request: PortForwardRequest) -> PortForwardResponse:
        """The address at which ports of a pod are reached."""
        sandbox = self._node.sandboxes.get(request.pod_sandbox_id)
        return PortForwardResponse(url=self._streaming.issue(ForwardRequest(sandbox.id, tuple(request.port))))

    def get_container_events(self, _request: GetEventsRequest) -> AsyncIterator[ContainerEventResponse]:
        """What happens from now on."""
        return self._node.events.listen()


def _handler(name: str, can: Features) -> RuntimeHandler:
    features = RuntimeHandlerFeatures(
        recursive_read_only_mounts=can.recursive_read_only_mounts, user_namespaces=can.user_namespaces
    )
    return RuntimeHandler(name=name, features=features)


def _wanted(request: ExecRequest | AttachRequest) -> Wanted:
    return Wanted(stdin=request.stdin, stdout=request.stdout, stderr=request.stderr, tty=request.tty)

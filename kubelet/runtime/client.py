"""The runtime: every call of CRI v1 that the agent makes, typed, with the deadlines of the kubelet.

A call takes and gives the messages of `firkin.cri.api`, and raises CallError (`failure.py`). A runtime that is
restarted is found again by the next call.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from google.protobuf.message import Message

from firkin.cri.api import container_pb2 as container
from firkin.cri.api import events_pb2 as events
from firkin.cri.api import runtime_pb2 as runtime
from firkin.cri.api import sandbox_pb2 as sandbox
from firkin.cri.api import stats_pb2 as stats
from firkin.kubelet.runtime.connection import Connection
from firkin.kubelet.runtime.images import ImageCalls

__all__ = ["Runtime"]

_Answer = TypeVar("_Answer", bound=Message)


class Runtime(ImageCalls):
    """The runtime at `endpoint`, unix:///PATH. `seconds` is the deadline of calls that have none of their own.

    Must be made within the loop that uses it. Raises ConfigError for an endpoint that is no unix socket.
    """

    def __init__(self, endpoint: str, *, seconds: float = 120.0) -> None:
        super().__init__(Connection(endpoint), seconds)

    async def close(self) -> None:
        """End the connection."""
        await self._connection.close()

    async def version(self) -> runtime.VersionResponse:
        """Who it is."""
        return await self._runtime("Version", runtime.VersionRequest(version="v1"), runtime.VersionResponse)

    async def status(self, *, verbose: bool = False) -> runtime.StatusResponse:
        """Its conditions RuntimeReady and NetworkReady, and what its handlers can do."""
        return await self._runtime("Status", runtime.StatusRequest(verbose=verbose), runtime.StatusResponse)

    async def runtime_config(self) -> runtime.RuntimeConfigResponse:
        """The driver of cgroups."""
        return await self._runtime("RuntimeConfig", runtime.RuntimeConfigRequest(), runtime.RuntimeConfigResponse)

    async def update_runtime_config(self, request: runtime.UpdateRuntimeConfigRequest) -> None:
        """Tell it the range of the pods' addresses."""
        await self._runtime("UpdateRuntimeConfig", request, runtime.UpdateRuntimeConfigResponse)

    async def run_pod_sandbox(self, request: sandbox.RunPodSandboxRequest) -> str:
        """Make a sandbox; returns its id."""
        answer = await self._runtime("RunPodSandbox", request, sandbox.RunPodSandboxResponse, self._seconds)
        return answer.pod_sandbox_id

    async def stop_pod_sandbox(self, sandbox_id: str) -> None:
        """Stop a sandbox and what runs in it; one that is gone is none the worse."""
        request = sandbox.StopPodSandboxRequest(pod_sandbox_id=sandbox_id)
        await self._runtime("StopPodSandbox", request, sandbox.StopPodSandboxResponse)

    async def remove_pod_sandbox(self, sandbox_id: str) -> None:
        """Remove a sandbox with its containers; one that is gone is none the worse."""
        request = sandbox.RemovePodSandboxRequest(pod_sandbox_id=sandbox_id)
        await self._runtime("RemovePodSandbox", request, sandbox.RemovePodSandboxResponse)

    async def pod_sandbox_status(self, sandbox_id: str) -> sandbox.PodSandboxStatusResponse:
        """A sandbox as it is. Raises CallMissingError."""
        request = sandbox.PodSandboxStatusRequest(pod_sandbox_id=sandbox_id)
        return await self._runtime("PodSandboxStatus", request, sandbox.PodSandboxStatusResponse)

    async def list_pod_sandbox(self, selector: sandbox.PodSandboxFilter | None = None) -> list[sandbox.PodSandbox]:
        """The sandboxes that `selector` matches."""
        request = sandbox.ListPodSandboxRequest(filter=selector)
        return list((await self._runtime("ListPodSandbox", request, sandbox.ListPodSandboxResponse)).items)

    async def update_pod_sandbox_resources(self, request: sandbox.UpdatePodSandboxResourcesRequest) -> None:
        """Tell it that the pod's cgroup has other limits."""
        await self._runtime("UpdatePodSandboxResources", request, sandbox.UpdatePodSandboxResourcesResponse)

    async def create_container(self, request: container.CreateContainerRequest) -> str:
        """Make a container in a sandbox; returns its id."""
        return (await self._runtime("CreateContainer", request, container.CreateContainerResponse)).container_id

    async def start_container(self, container_id: str) -> None:
        """Start a container that was created."""
        request = container.StartContainerRequest(container_id=container_id)
        await self._runtime("StartContainer", request, container.StartContainerResponse)

    async def stop_container(self, container_id: str, grace: int) -> None:
        """Ask a container to end, and kill it after `grace` seconds; one that is gone is none the worse."""
        request = container.StopContainerRequest(container_id=container_id, timeout=grace)
        await self._runtime("StopContainer", request, container.StopContainerResponse, grace)

    async def remove_container(self, container_id: str) -> None:
        """Remove a container; one that is gone is none the worse."""
        request = container.RemoveContainerRequest(container_id=container_id)
        await self._runtime("RemoveContainer", request, container.RemoveContainerResponse)

    async def list_containers(self, selector: container.ContainerFilter | None = None) -> list[container.Container]:
        """The containers that `selector` matches."""
        request = container.ListContainersRequest(filter=selector)
        return list((await self._runtime("ListContainers", request, container.ListContainersResponse)).containers)

    async def container_status(self, container_id: str, *, verbose: bool = False) -> container.ContainerStatusResponse:
        """A container as it is. Raises CallMissingError."""
        request = container.ContainerStatusRequest(container_id=container_id, verbose=verbose)
        return await self._runtime("ContainerStatus", request, container.ContainerStatusResponse)

    async def update_container_resources(self, request: container.UpdateContainerResourcesRequest) -> None:
        """Give a container other limits."""
        await self._runtime("UpdateContainerResources", request, container.UpdateContainerResourcesResponse)

    async def reopen_container_log(self, container_id: str) -> None:
        """Have the log opened anew, after it was renamed."""
        request = container.ReopenContainerLogRequest(container_id=container_id)
        await self._runtime("ReopenContainerLog", request, container.ReopenContainerLogResponse)

    async def checkpoint_container(self, container_id: str, location: str, timeout: int = 0) -> None:
        """Have a container that runs written to an archive at the path `location`, in `timeout` seconds (0: for ever).

        Raises CallMissingError, CallUnimplementedError without CRIU, CallTimeoutError.
        """
        request = container.CheckpointContainerRequest(container_id=container_id, location=location, timeout=timeout)
        seconds = self._seconds + timeout if timeout else None
        path, answer = "RuntimeService/CheckpointContainer", container.CheckpointContainerResponse
        await self._connection.call(path, request, answer, seconds)

    async def exec_sync(self, container_id: str, command: list[str], timeout: int = 0) -> container.ExecSyncResponse:
        """Run a program in a container to its end, `timeout` seconds at most (0: for ever).

        Raises CallTimeoutError if it did not end in time.
        """
        request = container.ExecSyncRequest(container_id=container_id, cmd=command, timeout=timeout)
        seconds = self._seconds + timeout if timeout else None
        return await self._connection.call("RuntimeService/ExecSync", request, container.ExecSyncResponse, seconds)

    async def exec(self, request: container.ExecRequest) -> str:
        """Prepare a program in a container; returns the URL that its streams are at."""
        return (await self._runtime("Exec", request, container.ExecResponse)).url

    async def attach(self, request: container.AttachRequest) -> str:
        """Prepare to attach to a container; returns the URL that its streams are at."""
        return (await self._runtime("Attach", request, container.AttachResponse)).url

    async def port_forward(self, request: sandbox.PortForwardRequest) -> str:
        """Prepare connections to ports of a pod; returns the URL that they are at."""
        return (await self._runtime("PortForward", request, sandbox.PortForwardResponse)).url

    async def container_stats(self, container_id: str) -> stats.ContainerStats:
        """What a container uses. Raises CallMissingError."""
        request = stats.ContainerStatsRequest(container_id=container_id)
        return (await self._runtime("ContainerStats", request, stats.ContainerStatsResponse)).stats

    async def list_container_stats(
        self, selector: stats.ContainerStatsFilter | None = None
    ) -> list[stats.ContainerStats]:
        """What the containers that `selector` matches use."""
        request = stats.ListContainerStatsRequest(filter=selector)
        return list((await self._runtime("ListContainerStats", request, stats.ListContainerStatsResponse)).stats)

    async def list_pod_sandbox_stats(
        self, selector: stats.PodSandboxStatsFilter | None = None
    ) -> list[stats.PodSandboxStats]:
        """What the pods that `selector` matches use. Raises CallUnimplementedError."""
        request = stats.ListPodSandboxStatsRequest(filter=selector)
        return list((await self._runtime("ListPodSandboxStats", request, stats.ListPodSandboxStatsResponse)).stats)

    async def list_metric_descriptors(self) -> list[stats.MetricDescriptor]:
        """The metrics that there are. Raises CallUnimplementedError."""
        answer = await self._runtime(
            "ListMetricDescriptors", stats.ListMetricDescriptorsRequest(), stats.ListMetricDescriptorsResponse
        )
        return list(answer.descriptors)

    async def list_pod_sandbox_metrics(self) -> list[stats.PodSandboxMetrics]:
        """The metrics of all pods. Raises CallUnimplementedError."""
        answer = await self._runtime(
            "ListPodSandboxMetrics", stats.ListPodSandboxMetricsRequest(), stats.ListPodSandboxMetricsResponse
        )
        return list(answer.pod_metrics)

    def events(self, on_open: Callable[[], None] = lambda: None) -> AsyncIterator[events.ContainerEventResponse]:
        """What happens to containers and sandboxes, until the runtime ends. Raises CallUnimplementedError.

        Parameters: `on_open` is called when nothing is missed any more, by runtimes that say so.
        """
        request, path = events.GetEventsRequest(), "RuntimeService/GetContainerEvents"
        return self._connection.stream(path, request, events.ContainerEventResponse, on_open)

    async def _runtime(self, name: str, request: Message, answer: type[_Answer], more: float = 0.0) -> _Answer:
        # `more` are the seconds that the work itself may take.
        return await self._connection.call(f"RuntimeService/{name}", request, answer, self._seconds + more)

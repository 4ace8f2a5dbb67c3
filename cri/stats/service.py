"""The calls about statistics and metrics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator

from firkin.cri.api.stats_pb2 import (
    ContainerAttributes,
    ContainerStats,
    ContainerStatsFilter,
    ContainerStatsRequest,
    ContainerStatsResponse,
    LinuxPodSandboxStats,
    ListContainerStatsRequest,
    ListContainerStatsResponse,
    ListMetricDescriptorsRequest,
    ListMetricDescriptorsResponse,
    ListPodSandboxMetricsRequest,
    ListPodSandboxMetricsResponse,
    ListPodSandboxStatsRequest,
    ListPodSandboxStatsResponse,
    NetworkUsage,
    PodSandboxAttributes,
    PodSandboxStats,
    PodSandboxStatsFilter,
    PodSandboxStatsRequest,
    PodSandboxStatsResponse,
    StreamContainerStatsRequest,
    StreamContainerStatsResponse,
    StreamPodSandboxMetricsRequest,
    StreamPodSandboxMetricsResponse,
    StreamPodSandboxStatsRequest,
    StreamPodSandboxStatsResponse,
)
from firkin.cri.node import Node
from firkin.cri.pieces import pieces
from firkin.cri.records.container import Container
from firkin.cri.records.sandbox import Sandbox
from firkin.cri.rpc import Handler
from firkin.cri.sandboxes.query import has_labels
from firkin.cri.spec.cgroups import pod_place
from firkin.cri.stats.collection import collect_metrics
from firkin.cri.stats.gauge import Gauge, Reading
from firkin.cri.stats.interfaces import interfaces_of, network_usage
from firkin.cri.stats.metrics import descriptors
from firkin.cri.stats.running import Running
from firkin.cri.stats.usage import cpu_usage, io_usage, memory_usage, process_usage, sum_cpu, sum_memory, swap_usage
from firkin.cri.stats.writable import WritableLayers
from firkin.errors import NotFoundError

__all__ = ["StatsService"]


class StatsService:
    """Reads what is asked for, when it is asked for. Close it."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._running = Running(node)
        self._pods = Gauge()
        self._layers = WritableLayers()

    def close(self) -> None:
        """Close all descriptors."""
        self._running.close()
        self._pods.close()

    def routes(self) -> dict[str, Handler]:
        """The calls and their bodies."""
        return {
            "ContainerStats": self.container_stats,
            "ListContainerStats": self.list_container_stats,
            "StreamContainerStats": self.stream_container_stats,
            "PodSandboxStats": self.pod_sandbox_stats,
            "ListPodSandboxStats": self.list_pod_sandbox_stats,
            "StreamPodSandboxStats": self.stream_pod_sandbox_stats,
            "ListMetricDescriptors": self.list_metric_descriptors,
            "ListPodSandboxMetrics": self.list_pod_sandbox_metrics,
            "StreamPodSandboxMetrics": self.stream_pod_sandbox_metrics,
        }

    async def container_stats(self, request: ContainerStatsRequest) -> ContainerStatsResponse:
        """Those of one container that runs."""
        container = self._node.containers.get(request.container_id)
        found = self._containers([container])
        if not found:
            raise NotFoundError(f"container {container.id}: does not run, so there are no statistics")
        return ContainerStatsResponse(stats=found[0])

    async def list_container_stats(self, request: ListContainerStatsRequest) -> ListContainerStatsResponse:
        """Those of all containers that run and meet the filter."""
        return ListContainerStatsResponse(stats=self._containers(self._select(request.filter)))

    async def stream_container_stats(
        self, request: StreamContainerStatsRequest
    ) -> AsyncIterator[StreamContainerStatsResponse]:
        """As list_container_stats, in pieces."""
        for part in pieces(self._containers(self._select(request.filter))):
            yield StreamContainerStatsResponse(container_stats=part)

    async def pod_sandbox_stats(self, request: PodSandboxStatsRequest) -> PodSandboxStatsResponse:
        """Those of one pod."""
        sandbox = self._node.sandboxes.get(request.pod_sandbox_id)
        return PodSandboxStatsResponse(stats=(await self._sandboxes([sandbox]))[0])

    async def list_pod_sandbox_stats(self, request: ListPodSandboxStatsRequest) -> ListPodSandboxStatsResponse:
        """Those of all pods that are ready and meet the filter."""
        found = await self._sandboxes(list(self._select_pods(request.filter)))
        return ListPodSandboxStatsResponse(stats=found)

    async def stream_pod_sandbox_stats(
        self, request: StreamPodSandboxStatsRequest
    ) -> AsyncIterator[StreamPodSandboxStatsResponse]:
        """As list_pod_sandbox_stats, in pieces."""
        for part in pieces(await self._sandboxes(list(self._select_pods(request.filter)))):
            yield StreamPodSandboxStatsResponse(pod_sandbox_stats=part)

    async def list_metric_descriptors(self, _request: ListMetricDescriptorsRequest) -> ListMetricDescriptorsResponse:
        """All metrics that there are."""
        return ListMetricDescriptorsResponse(descriptors=descriptors())

    async def list_pod_sandbox_metrics(self, _request: ListPodSandboxMetricsRequest) -> ListPodSandboxMetricsResponse:
        """The metrics of all pods that are ready."""
        return ListPodSandboxMetricsResponse(pod_metrics=await collect_metrics(self._node, self._running, self._layers))

    async def stream_pod_sandbox_metrics(
        self, _request: StreamPodSandboxMetricsRequest
    ) -> AsyncIterator[StreamPodSandboxMetricsResponse]:
        """As list_pod_sandbox_metrics, in pieces."""
        for part in pieces(await collect_metrics(self._node, self._running, self._layers)):
            yield StreamPodSandboxMetricsResponse(pod_sandbox_metrics=part)

    def _select(self, wanted: ContainerStatsFilter) -> Iterator[Container]:
        for container in self._node.containers:
            facts = container.facts
            if (
                container.id.startswith(wanted.id)
                and facts.sandbox.startswith(wanted.pod_sandbox_id)
                and has_labels(container.config.labels, wanted.label_selector)
            ):
                yield container

    def _select_pods(self, wanted: PodSandboxStatsFilter) -> Iterator[Sandbox]:
        for sandbox in self._node.sandboxes:
            if (
                sandbox.facts.is_ready
                and sandbox.id.startswith(wanted.id)
                and has_labels(sandbox.config.labels, wanted.label_selector)
            ):
                yield sandbox

    def _containers(self, containers: Iterable[Container]) -> list[ContainerStats]:
        return [self._container(container, reading) for container, reading in self._running.read(containers)]

    def _container(self, container: Container, reading: Reading) -> ContainerStats:
        return ContainerStats(
            attributes=_attributes(container),
            cpu=cpu_usage(reading),
            memory=memory_usage(reading),
            swap=swap_usage(reading),
            io=io_usage(reading),
            writable_layer=self._layers.usage(container.facts.snapshot),
        )

    async def _sandboxes(self, sandboxes: list[Sandbox]) -> list[PodSandboxStats]:
        networks = await asyncio.to_thread(lambda: [network_usage(interfaces_of(one.facts)) for one in sandboxes])
        # Nothing else runs from here on, so that the readings stay what they are.
        members: dict[str, list[ContainerStats]] = {one.id: [] for one in sandboxes}
        for container, reading in self._running.read(
            one for one in self._node.containers if one.facts.sandbox in members
        ):
            members[container.facts.sandbox].append(self._container(container, reading))
        places = {one.id: pod_place(one.config.linux.cgroup_parent, self._node.facts) for one in sandboxes}
        paths = {id: self._running.path(place) for id, place in places.items()}
        # A pod without a cgroup of its own would be shown with what the whole machine uses.
        readings = self._pods.read(paths[id] for id, place in places.items() if place)
        return [
            PodSandboxStats(
                attributes=_pod_attributes(sandbox),
                linux=_pod(network, members[sandbox.id], readings.get(paths[sandbox.id])),
            )
            for sandbox, network in zip(sandboxes, networks, strict=True)
        ]


def _pod(network: NetworkUsage, members: list[ContainerStats], reading: Reading | None) -> LinuxPodSandboxStats:
    if reading is None:
        return LinuxPodSandboxStats(
            network=network, containers=members, cpu=sum_cpu(members), memory=sum_memory(members)
        )
    return LinuxPodSandboxStats(
        network=network, containers=members, cpu=cpu_usage(reading), memory=memory_usage(reading),
        process=process_usage(reading), io=io_usage(reading),
    )  # fmt: skip


def _attributes(container: Container) -> ContainerAttributes:
    config = container.config
    return ContainerAttributes(
        id=container.id, metadata=config.metadata, labels=config.labels, annotations=config.annotations
    )


def _pod_attributes(sandbox: Sandbox) -> PodSandboxAttributes:
    config = sandbox.config
    return PodSandboxAttributes(
        id=sandbox.id, metadata=config.metadata, labels=config.labels, annotations=config.annotations
    )

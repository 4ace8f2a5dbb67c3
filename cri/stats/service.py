"""The calls about statistics and metrics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator

from firkin.cri.api.stats_pb2 import (
    ContainerAttributes,
    ContainerMetrics,
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
    PodSandboxAttributes,
    PodSandboxMetrics,
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
from firkin.cri.stats.gauge import Gauge, Reading
from firkin.cri.stats.interfaces import network_usage
from firkin.cri.stats.metrics import container_metrics, descriptors, network_metrics
from firkin.cri.stats.usage import cpu_usage, io_usage, memory_usage, process_usage, swap_usage
from firkin.cri.stats.writable import WritableLayers
from firkin.errors import NotFoundError

__all__ = ["StatsService"]


class StatsService:
    """Reads what is asked for, when it is asked for. Close it."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._gauge = Gauge()
        self._pods = Gauge()
        self._layers = WritableLayers()

    def close(self) -> None:
        """Close all descriptors."""
        self._gauge.close()
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
        return ListPodSandboxMetricsResponse(pod_metrics=await self._metrics())

    async def stream_pod_sandbox_metrics(
        self, _request: StreamPodSandboxMetricsRequest
    ) -> AsyncIterator[StreamPodSandboxMetricsResponse]:
        """As list_pod_sandbox_metrics, in pieces."""
        for part in pieces(await self._metrics()):
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

    def _path(self, path: str) -> str:
        return f"{self._node.host.hierarchy.mount}/{path.strip('/')}"

    def _readings(self, containers: Iterable[Container]) -> Iterator[tuple[Container, Reading]]:
        running = [one for one in containers if one.facts.started_at and not one.facts.finished_at]
        readings = self._gauge.read(self._path(one.facts.cgroup) for one in running)
        for container in running:
            reading = readings.get(self._path(container.facts.cgroup))
            if reading is not None:
                yield container, reading

    def _containers(self, containers: Iterable[Container]) -> list[ContainerStats]:
        return [
            ContainerStats(
                attributes=_attributes(container),
                cpu=cpu_usage(reading),
                memory=memory_usage(reading),
                swap=swap_usage(reading),
                io=io_usage(reading),
                writable_layer=self._layers.usage(container.facts.snapshot),
            )
            for container, reading in self._readings(containers)
        ]

    async def _sandboxes(self, sandboxes: list[Sandbox]) -> list[PodSandboxStats]:
        places = {one.id: pod_place(one.config.linux.cgroup_parent, self._node.facts) for one in sandboxes}
        paths = {id: self._path(place) for id, place in places.items()}
        # A pod without a cgroup of its own would be shown with what the whole machine uses.
        readings = self._pods.read(paths[id] for id, place in places.items() if place)
        networks = await asyncio.gather(*(asyncio.to_thread(network_usage, one.facts) for one in sandboxes))
        found = []
        for sandbox, network in zip(sandboxes, networks, strict=True):
            linux = LinuxPodSandboxStats(
                network=network, containers=self._containers(self._node.containers_of(sandbox))
            )
            reading = readings.get(paths[sandbox.id])
            if reading is not None:
                linux.MergeFrom(_pod(reading))
            found.append(PodSandboxStats(attributes=_pod_attributes(sandbox), linux=linux))
        return found

    async def _metrics(self) -> list[PodSandboxMetrics]:
        readings: dict[str, list[tuple[Container, Reading]]] = {}
        for container, reading in self._readings(self._node.containers):
            readings.setdefault(container.facts.sandbox, []).append((container, reading))
        found = []
        for sandbox in self._node.sandboxes:
            if not sandbox.facts.is_ready:
                continue
            usage = await asyncio.to_thread(network_usage, sandbox.facts)
            labels = _labels(sandbox, None)
            own = [metric for one in usage.interfaces for metric in network_metrics(one, usage.timestamp, labels)]
            members = [
                ContainerMetrics(
                    container_id=container.id,
                    metrics=list(container_metrics(container, reading, _labels(sandbox, container))),
                )
                for container, reading in readings.get(sandbox.id, ())
            ]
            found.append(PodSandboxMetrics(pod_sandbox_id=sandbox.id, metrics=own, container_metrics=members))
        return found


def _pod(reading: Reading) -> LinuxPodSandboxStats:
    return LinuxPodSandboxStats(
        cpu=cpu_usage(reading), memory=memory_usage(reading), process=process_usage(reading), io=io_usage(reading)
    )


def _labels(sandbox: Sandbox, container: Container | None) -> tuple[str, ...]:
    metadata = sandbox.config.metadata
    if container is None:
        return sandbox.config.linux.cgroup_parent, sandbox.id, "", "", metadata.name, metadata.namespace
    facts, name = container.facts, container.config.metadata.name
    return facts.cgroup, container.id, facts.image_name, name, metadata.name, metadata.namespace


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

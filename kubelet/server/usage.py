"""The API metrics.k8s.io/v1beta1, which `kubectl top` asks: what node and pods use now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

from firkin.kubelet.api.pod import Pod
from firkin.kubelet.objects.store import Objects
from firkin.kubelet.stats.collect import Collector
from firkin.kubelet.stats.summary import ContainerUsage, PodUsage

__all__ = ["GROUP", "Usage"]

GROUP = "metrics.k8s.io"
_VERSION = f"{GROUP}/v1beta1"
_WINDOW = "10s"
# What is used now is what is used between two readings: where there was none lately, there is one first.
_SPAN = 1.0
_RESOURCES = (("nodes", "NodeMetrics", False), ("pods", "PodMetrics", True))


class Usage:
    """Answers what is asked of the API."""

    def __init__(self, objects: Objects, collector: Collector, node_name: str) -> None:
        self._objects = objects
        self._collector = collector
        self._node_name = node_name

    async def answer(self, path: str, labels: Callable[[dict[str, str]], bool]) -> dict[str, Any] | None:
        """The answer to a GET of `path`, which begins with /apis/metrics.k8s.io; None if there is nothing there.

        Parameters: `labels` chooses pods by their labels. Raises what a call of the runtime raises.
        """
        match path.removeprefix(f"/apis/{GROUP}").strip("/").split("/"):
            case [""]:
                return _group()
            case ["v1beta1"]:
                return _resources()
            case ["v1beta1", "nodes"]:
                return _list("NodeMetricsList", [await self._node()])
            case ["v1beta1", "nodes", name] if name == self._node_name:
                return await self._node()
            case ["v1beta1", "pods"]:
                return _list("PodMetricsList", await self._pods("", labels))
            case ["v1beta1", "namespaces", namespace, "pods"]:
                return _list("PodMetricsList", await self._pods(namespace, labels))
            case ["v1beta1", "namespaces", namespace, "pods", name]:
                found = await self._pods(namespace, labels)
                return next((one for one in found if one["metadata"]["name"] == name), None)
        return None

    async def _node(self) -> dict[str, Any]:
        machine = self._collector.machine
        cpu = machine.cpu()
        if cpu.usage_nano_cores is None:
            await asyncio.sleep(_SPAN)
            cpu = machine.cpu()
        memory = machine.memory()
        usage = _quantities(cpu.usage_nano_cores or 0, memory.working_set_bytes or 0)
        return {**_head("NodeMetrics", {"name": self._node_name}, memory.time), "usage": usage}

    async def _pods(self, namespace: str, labels: Callable[[dict[str, str]], bool]) -> list[dict[str, Any]]:
        known = {pod.metadata.uid: pod for pod in self._objects.list(Pod, namespace)}
        found = []
        pods = await self._collector.pods()
        if any(one.cpu is not None and one.cpu.usage_nano_cores is None for pod in pods for one in pod.containers):
            await asyncio.sleep(_SPAN)
            pods = await self._collector.pods()
        for usage in pods:
            pod = known.get(usage.pod_ref.uid)
            if pod is not None and labels(pod.metadata.labels) and (one := _pod(usage, pod)) is not None:
                found.append(one)
        return found


def _pod(usage: PodUsage, pod: Pod) -> dict[str, Any] | None:
    containers = [one for one in usage.containers if one.cpu is not None]
    if not containers or containers[0].cpu is None:
        return None
    meta = pod.metadata
    head = _head(
        "PodMetrics", {"name": meta.name, "namespace": meta.namespace, "labels": meta.labels}, containers[0].cpu.time
    )
    return {**head, "containers": [_container(one) for one in containers]}


def _container(usage: ContainerUsage) -> dict[str, Any]:
    cores = usage.cpu.usage_nano_cores if usage.cpu else None
    memory = usage.memory.working_set_bytes if usage.memory else None
    return {"name": usage.name, "usage": _quantities(cores or 0, memory or 0)}


def _quantities(nano_cores: int, memory: int) -> dict[str, str]:
    return {"cpu": f"{nano_cores}n", "memory": f"{memory >> 10}Ki"}


def _head(kind: str, metadata: dict[str, Any], time: datetime) -> dict[str, Any]:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ")
    named = {**metadata, "creationTimestamp": stamp}
    return {"kind": kind, "apiVersion": _VERSION, "metadata": named, "timestamp": stamp, "window": _WINDOW}


def _list(kind: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    return {"kind": kind, "apiVersion": _VERSION, "metadata": {}, "items": items}


def _group() -> dict[str, Any]:
    version = {"groupVersion": _VERSION, "version": "v1beta1"}
    return {"kind": "APIGroup", "apiVersion": "v1", "name": GROUP, "versions": [version], "preferredVersion": version}


def _resources() -> dict[str, Any]:
    resources = [
        {"name": name, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": ["get", "list"]}
        for name, kind, namespaced in _RESOURCES
    ]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": _VERSION, "resources": resources}

"""The endpoints of the kubelet, and what the API on the agent's socket has of them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

import msgspec

from firkin import log
from firkin.errors import FirkinError
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.config import Config
from firkin.kubelet.http.message import Answer, Request, Response
from firkin.kubelet.metrics.agent import agent_families, process_families
from firkin.kubelet.metrics.cadvisor import cadvisor_families, machine_families
from firkin.kubelet.metrics.probes import probe_families
from firkin.kubelet.metrics.resource import resource_families
from firkin.kubelet.metrics.text import CONTENT_TYPE, Family, exposition
from firkin.kubelet.objects.selectors import parse_selector
from firkin.kubelet.objects.store import Objects
from firkin.kubelet.probes.manager import Probes
from firkin.kubelet.runtime.client import Runtime
from firkin.kubelet.server.checkpoints import Checkpoints
from firkin.kubelet.server.container_logs import ContainerLogs
from firkin.kubelet.server.failure import RequestError
from firkin.kubelet.server.streams import Streams
from firkin.kubelet.server.usage import GROUP, Usage
from firkin.kubelet.stats.collect import Collector

__all__ = ["Outside", "Subresource"]

_LOG = log.to("server")
# A pod, with its uid or without, and a container.
_OF_POD = re.compile(r"/(containerLogs|exec|attach|portForward|checkpoint)/([^/]+)/([^/]+)(?:/([^/]+))??(?:/([^/]+))?")

Subresource = Callable[[Request, Pod], Awaitable[Answer]]


class Outside:
    """Answers what is asked of the kubelet, who is not asked for credentials here."""

    def __init__(self, config: Config, node_name: str, objects: Objects, runtime: Runtime, probes: Probes) -> None:
        self._config = config
        self._node_name = node_name
        self._objects = objects
        self._runtime = runtime
        self._probes = probes
        self._streams = Streams(runtime)
        self._logs = ContainerLogs(objects, runtime)
        self._checkpoints = Checkpoints(f"{config.root}/checkpoints", runtime)
        self._collector = Collector(objects, runtime, node_name=node_name, root=config.root, logs=config.logs)
        self._usage = Usage(objects, self._collector, node_name)
        self._fixed: dict[str, Callable[[], Awaitable[Response]]] = {
            "/healthz": self._healthz,
            "/pods": self._pods,
            "/stats/summary": self._summary,
            "/configz": self._configz,
            "/metrics": self._metrics,
            "/metrics/cadvisor": self._metrics_cadvisor,
            "/metrics/resource": self._metrics_resource,
            "/metrics/probes": self._metrics_probes,
        }

    def subresources(self) -> dict[str, Subresource]:
        """What the API has of a pod: its log and its streams. They raise nothing."""
        return {
            "log": partial(self._guarded, self._logs.answer),
            "exec": partial(self._guarded, self._streams.exec),
            "attach": partial(self._guarded, self._streams.attach),
            "portforward": partial(self._guarded, self._streams.port_forward),
        }

    async def usage(self, request: Request) -> Response:
        """What is asked of the API metrics.k8s.io. Raises nothing."""
        try:
            selector = parse_selector(request.parameter("labelSelector"))
            found = await self._usage.answer(request.path, selector.matches)
        except ValueError as error:
            return RequestError(400, str(error)).response()
        except FirkinError as error:
            return RequestError(500, str(error)).response()
        if found is None:
            return RequestError(404, _missing(request.path)).response()
        return _json(found)

    async def answer(self, request: Request) -> Answer | None:
        """The answer to a request for one of the kubelet's endpoints, None for another path. Raises nothing."""
        path = request.path
        try:
            if (fixed := self._fixed.get(path.rstrip("/"))) is not None:
                _only(request, "GET", "HEAD")
                return await fixed()
            if (found := _OF_POD.fullmatch(path.rstrip("/"))) is not None:
                return await self._of_pod(request, *found.groups())
            if path.startswith(f"/apis/{GROUP}"):
                return await self.usage(request)
        except RequestError as error:
            return error.response()
        except FirkinError as error:
            return RequestError(500, str(error)).response()
        return None

    async def _of_pod(
        self, request: Request, what: str, namespace: str, name: str, uid: str | None, container: str | None
    ) -> Answer:
        if what == "portForward":
            uid, container = container, None
        pod = self._objects.get(Pod, namespace, name)
        if pod is None or uid not in (None, pod.metadata.uid):
            raise RequestError(404, f'pod "{name}" not found')
        if what == "portForward":
            return await self._streams.port_forward(request, pod)
        if container is None:
            raise RequestError(404, "a container must be named in the path")
        if what == "checkpoint":
            _only(request, "POST")
            return await self._checkpoints.answer(request, pod, container)
        asked = dataclasses.replace(request, target=_with_container(request.target, container))
        if what == "containerLogs":
            _only(request, "GET")
            return await self._logs.answer(asked, pod)
        return await (self._streams.exec if what == "exec" else self._streams.attach)(asked, pod)

    async def _guarded(self, ask: Subresource, request: Request, pod: Pod) -> Answer:
        try:
            return await ask(request, pod)
        except RequestError as error:
            return error.response()

    async def _healthz(self) -> Response:
        return Response(200, b"ok", "text/plain; charset=utf-8")

    async def _pods(self) -> Response:
        pods = self._objects.list(Pod)
        return _json({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": pods})

    async def _summary(self) -> Response:
        return _json(await self._collector.summary())

    async def _configz(self) -> Response:
        return _json({"kubeletconfig": dataclasses.asdict(self._config)})

    async def _metrics(self) -> Response:
        return _text([*agent_families(self._objects.list(Pod), self._node_name), *process_families()])

    async def _metrics_cadvisor(self) -> Response:
        descriptors = await self._runtime.list_metric_descriptors()
        pods, usage = await self._runtime.list_pod_sandbox_metrics(), await self._collector.pods()
        found: dict[str, Family] = {}
        for family in (*cadvisor_families(descriptors, pods, usage), *machine_families(self._collector.machine)):
            known = found.setdefault(family.name, family)
            if known is not family:
                known.samples.extend(family.samples)
        return _text(found.values())

    async def _metrics_resource(self) -> Response:
        try:
            summary = await self._collector.summary()
        except FirkinError as error:
            _LOG.warning("/metrics/resource: %s", error)
            return _text(resource_families(None))
        return _text(resource_families(summary))

    async def _metrics_probes(self) -> Response:
        return _text(probe_families(self._probes.tallies()))


def _missing(path: str) -> str:
    match path.removeprefix(f"/apis/{GROUP}/v1beta1").strip("/").split("/"):
        case ["namespaces", namespace, "pods", name]:
            return f'podmetrics.{GROUP} "{namespace}/{name}" not found'
        case ["nodes", name]:
            return f'nodemetrics.{GROUP} "{name}" not found'
    return "the server could not find the requested resource"


def _only(request: Request, *methods: str) -> None:
    if request.method not in methods:
        raise RequestError(405, f"{request.method} is not allowed here")


def _with_container(target: str, container: str) -> str:
    path, _, query = target.partition("?")
    return f"{path}?container={container}&{query}"


def _json(document: object) -> Response:
    return Response(200, msgspec.json.encode(document) + b"\n")


def _text(families: Iterable[Family]) -> Response:
    return Response(200, exposition(families), CONTENT_TYPE)

"""The API as one handler of requests, for the agent's unix socket and for its HTTPS server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

from firkin.errors import FirkinError
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.apiserver.deletion import Deletion
from firkin.kubelet.apiserver.discovery import document
from firkin.kubelet.apiserver.reading import Reading, Wanted
from firkin.kubelet.apiserver.scale import scale
from firkin.kubelet.apiserver.status import RequestError, failure, failure_of, json_response, missing
from firkin.kubelet.apiserver.target import Target, parse_target
from firkin.kubelet.apiserver.writing import Writing, Written
from firkin.kubelet.http.message import Answer, Request, Response
from firkin.kubelet.objects.store import Objects

__all__ = ["Api", "PodHandler"]

PodHandler = Callable[[Request, Pod], Awaitable[Answer]]
_HEALTH = ("/healthz", "/livez", "/readyz")


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Api:
    """The API of `objects` on the node named `node`. Asks nobody who may do what: the servers do before.

    `parts` are the subresources of pods that others serve, by name: log, exec, attach, portforward.
    """

    def __init__(
        self,
        objects: Objects,
        node: str,
        parts: Mapping[str, PodHandler] | None = None,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._objects = objects
        self._parts = parts or {}
        self._reading = Reading(objects, clock)
        self._writing = Writing(objects, node)
        self._deletion = Deletion(objects)

    def serves(self, path: str) -> bool:
        """Whether a path is one of the API's."""
        return path.startswith(("/api/", "/apis/", "/openapi/")) or path in ("/api", "/apis", "/version", *_HEALTH)

    async def handle(self, request: Request) -> Answer:
        """Answer a request; what is wrong with it is an answer, too."""
        try:
            return await self._handle(request)
        except FirkinError as error:
            return failure_of(error)

    async def _handle(self, request: Request) -> Answer:
        if request.path in _HEALTH and request.method in ("GET", "HEAD"):
            return Response(200, b"ok", "text/plain")
        about = document(request.path)
        if about is not None and request.method in ("GET", "HEAD"):
            return json_response(200, about)
        target = parse_target(request.path)
        if target is None:
            return failure(404, "the server could not find the requested resource")
        if target.part:
            return await self._handle_part(request, target)
        if target.name:
            return self._handle_one(request, target)
        return self._handle_many(request, target)

    def _handle_many(self, request: Request, target: Target) -> Answer:
        match request.method:
            case "GET" | "HEAD" if target.is_watch or request.parameter("watch") in ("true", "1"):
                return self._reading.watch(request, target)
            case "GET" | "HEAD":
                return self._reading.list(request, target)
            case "POST" if target.namespace or not target.kind.namespaced:
                return self._written(request, target, self._writing.create(request, target))
            case "DELETE":
                return self._deletion.delete_all(request, target)
        raise _not_allowed(request)

    def _handle_one(self, request: Request, target: Target) -> Answer:
        match request.method:
            case "GET" | "HEAD" if target.is_watch or request.parameter("watch") in ("true", "1"):
                return self._reading.watch(request, target)
            case "GET" | "HEAD":
                return self._reading.get(request, target)
            case "PUT":
                return self._written(request, target, self._writing.update(request, target))
            case "PATCH":
                return self._written(request, target, self._writing.patch(request, target))
            case "DELETE":
                return self._deletion.delete(request, target)
        raise _not_allowed(request)

    async def _handle_part(self, request: Request, target: Target) -> Answer:
        kind = target.kind
        if target.part == "scale" and kind.name in ("Deployment", "ReplicaSet"):
            return scale(self._objects, request, target)
        is_object = target.part == "status" and kind.has_status
        if is_object or (target.part in ("ephemeralcontainers", "resize") and kind.name == "Pod"):
            if request.method in ("POST", "DELETE"):
                raise _not_allowed(request)
            return self._handle_one(request, target)
        if kind.name == "Pod" and target.part == "eviction" and request.method == "POST":
            return self._deletion.delete(_without_body(request), target)
        handler = self._parts.get(target.part) if kind.name == "Pod" else None
        if handler is None:
            return failure(404, "the server could not find the requested resource")
        pod = self._objects.get(Pod, target.namespace, target.name)
        if pod is None:
            raise missing(kind, target.name)
        return await handler(request, pod)

    def _written(self, request: Request, target: Target, written: Written) -> Response:
        # A header is one line: what clients show is what is between the quotes.
        texts = [text.replace("\\", "\\\\").replace('"', '\\"') for text in written.warnings]
        headers = {"warning": ", ".join(f'299 - "{text}"' for text in texts)} if texts else {}
        value = self._reading.shown(written.item, Wanted(request, target))
        return json_response(201 if written.created else 200, value, headers)


def _not_allowed(request: Request) -> RequestError:
    return RequestError(405, f"the server does not allow this method on the requested resource: {request.method}")


def _without_body(request: Request) -> Request:
    return Request(request.method, request.target, request.headers, b"", request.transport)

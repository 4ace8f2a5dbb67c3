"""exec, attach and port-forward: the runtime is asked for a URL, and the connection handed on to it."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol, TypedDict

from firkin.cri.api.container_pb2 import AttachRequest, ExecRequest
from firkin.cri.api.sandbox_pb2 import (
    PodSandbox,
    PodSandboxFilter,
    PodSandboxState,
    PodSandboxStateValue,
    PortForwardRequest,
)
from firkin.errors import FirkinError
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.http.message import Answer, Request
from firkin.kubelet.server.failure import RequestError
from firkin.kubelet.server.proxy import hand_on
from firkin.kubelet.server.resolve import container_name, running_container

__all__ = ["StreamRuntime", "Streams"]

_TRUE = ("1", "true", "True", "t", "T", "TRUE")


class StreamRuntime(Protocol):
    """What is wanted of the runtime (`firkin.kubelet.runtime.client.Runtime`)."""

    async def exec(self, request: ExecRequest) -> str: ...
    async def attach(self, request: AttachRequest) -> str: ...
    async def port_forward(self, request: PortForwardRequest) -> str: ...
    async def list_pod_sandbox(self, selector: PodSandboxFilter | None = None) -> list[PodSandbox]: ...


class _Wanted(TypedDict):
    stdin: bool
    stdout: bool
    stderr: bool
    tty: bool


class Streams:
    """Answers requests for streams, in the words of the API server (stdin ...) and of the kubelet (input ...).

    All raise RequestError for what can not be met.
    """

    def __init__(self, runtime: StreamRuntime) -> None:
        self._runtime = runtime

    async def exec(self, request: Request, pod: Pod) -> Answer:
        """Run a program in a container."""
        container = self._container(request, pod)
        command = request.query.get("command", [])
        if not command:
            raise RequestError(400, "you must specify at least 1 command for the container")
        wanted = ExecRequest(container_id=container, cmd=command, **_streams(request))
        return await self._hand_on(request, self._runtime.exec(wanted))

    async def attach(self, request: Request, pod: Pod) -> Answer:
        """Take part in the streams of a container."""
        wanted = AttachRequest(container_id=self._container(request, pod), **_streams(request))
        return await self._hand_on(request, self._runtime.attach(wanted))

    async def port_forward(self, request: Request, pod: Pod) -> Answer:
        """Connect to ports of a pod."""
        _check_upgrade(request)
        given = [*request.query.get("ports", []), *request.query.get("port", [])]
        texts = [text for one in given for text in one.split(",")]
        try:
            ports = [int(text) for text in texts]
        except ValueError:
            raise RequestError(400, f"unable to parse {','.join(texts)!r} as ports") from None
        state = PodSandboxStateValue(state=PodSandboxState.SANDBOX_READY)
        labels = {"io.kubernetes.pod.uid": pod.metadata.uid}
        try:
            found = await self._runtime.list_pod_sandbox(PodSandboxFilter(state=state, label_selector=labels))
        except FirkinError as error:
            raise RequestError(500, str(error)) from error
        if not found:
            raise RequestError(404, f'pod not found ("{pod.metadata.name}")')
        wanted = PortForwardRequest(pod_sandbox_id=found[0].id, port=ports)
        return await self._hand_on(request, self._runtime.port_forward(wanted))

    def _container(self, request: Request, pod: Pod) -> str:
        _check_upgrade(request)
        return running_container(pod, container_name(pod, request.parameter("container")))

    async def _hand_on(self, request: Request, asked: Awaitable[str]) -> Answer:
        try:
            return hand_on(request, await asked)
        except FirkinError as error:
            raise RequestError(500, str(error)) from error


def _check_upgrade(request: Request) -> None:
    if "upgrade" not in request.headers.get("connection", "").lower():
        raise RequestError(400, "Upgrade request required")


def _streams(request: Request) -> _Wanted:
    stdin, stdout = _is_set(request, "stdin", "input"), _is_set(request, "stdout", "output")
    stderr, tty = _is_set(request, "stderr", "error"), _is_set(request, "tty")
    if not (stdin or stdout or stderr):
        raise RequestError(400, "you must specify at least 1 of stdin, stdout, stderr")
    # A terminal has no standard error of its own.
    return _Wanted(stdin=stdin, stdout=stdout, stderr=stderr and not tty, tty=tty)


def _is_set(request: Request, *names: str) -> bool:
    return any(request.parameter(name) in _TRUE for name in names)

"""Asks one question in the way that the probe says."""

from __future__ import annotations

from firkin.kubelet.api.container import Container
from firkin.kubelet.api.probe import HTTPGetAction, IntOrString
from firkin.kubelet.probes.answer import Answer, Question
from firkin.kubelet.probes.dial import join_host_port
from firkin.kubelet.probes.execute import Execution, probe_exec
from firkin.kubelet.probes.grpc_health import probe_grpc
from firkin.kubelet.probes.http import Request, probe_http
from firkin.kubelet.probes.step import Outcome
from firkin.kubelet.probes.tcp import probe_tcp

__all__ = ["Checks", "http_request", "resolve_port"]

_TRIES = 3


class Checks:
    """Asks containers; `runtime` runs the programs in them."""

    def __init__(self, runtime: Execution) -> None:
        self._runtime = runtime

    async def ask(self, question: Question) -> Answer:
        """One answer; what can not be asked is tried three times, at once."""
        answer = await self._ask(question)
        for _ in range(_TRIES - 1):
            if answer.outcome is not Outcome.UNKNOWN:
                break
            answer = await self._ask(question)
        return answer

    async def _ask(self, question: Question) -> Answer:
        probe, container = question.probe, question.container
        seconds = probe.timeout_seconds
        try:
            if probe.exec is not None:
                return await probe_exec(self._runtime, question.container_id, probe.exec.command, seconds)
            if probe.http_get is not None:
                return await probe_http(http_request(probe.http_get, container, question.pod_ip), seconds)
            if probe.tcp_socket is not None:
                port = resolve_port(probe.tcp_socket.port, container)
                return await probe_tcp(probe.tcp_socket.host or question.pod_ip, port, seconds)
            if probe.grpc is not None:
                return await probe_grpc(question.pod_ip, probe.grpc.port, probe.grpc.service or "", seconds)
        except ValueError as error:
            return Answer(Outcome.UNKNOWN, str(error))
        return Answer(Outcome.UNKNOWN, f"missing probe handler for {container.name}")


def http_request(action: HTTPGetAction, container: Container, pod_ip: str) -> Request:
    """The request of a probe or of a hook. Raises ValueError for a port that is none."""
    host = join_host_port(action.host or pod_ip, resolve_port(action.port, container))
    path = action.path if action.path.startswith("/") else f"/{action.path}"
    headers = tuple((header.name, header.value) for header in action.http_headers)
    return Request(f"{action.scheme.lower()}://{host}{path}", headers)


def resolve_port(port: IntOrString, container: Container) -> int:
    """The number of a port, which may be the name of one of the container's. Raises ValueError."""
    number = next((one.container_port for one in container.ports if one.name == port), port)
    try:
        found = int(number)
    except ValueError:
        raise ValueError(f'strconv.Atoi: parsing "{port}": invalid syntax') from None
    if not 0 < found < 65536:
        raise ValueError(f"invalid port number: {found}")
    return found

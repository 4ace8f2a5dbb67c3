"""Probes and lifecycle hooks (core/v1)."""

from __future__ import annotations

from firkin.kubelet.api.struct import Object

__all__ = [
    "ExecAction",
    "GRPCAction",
    "HTTPGetAction",
    "HTTPHeader",
    "IntOrString",
    "Lifecycle",
    "LifecycleHandler",
    "Probe",
    "SleepAction",
    "TCPSocketAction",
]

# A port by number or by the name that a container gives it.
IntOrString = int | str


class ExecAction(Object, frozen=True):
    """A program in the container; 0 is success."""

    command: list[str] = []


class HTTPHeader(Object, frozen=True):
    """One header of a request."""

    name: str
    value: str


class HTTPGetAction(Object, frozen=True):
    """A request; 200 to 399 is success. `host` is the pod's address where it is not given."""

    port: IntOrString
    path: str = ""
    host: str = ""
    scheme: str = "HTTP"
    http_headers: list[HTTPHeader] = []


class TCPSocketAction(Object, frozen=True):
    """A connection that is accepted."""

    port: IntOrString
    host: str = ""


class GRPCAction(Object, frozen=True):
    """The health service of gRPC; SERVING is success."""

    port: int
    service: str | None = None


class SleepAction(Object, frozen=True):
    """To wait, and nothing else."""

    seconds: int


class Probe(Object, frozen=True):
    """What is asked, how often, and how many answers count; times in seconds."""

    exec: ExecAction | None = None
    http_get: HTTPGetAction | None = None
    tcp_socket: TCPSocketAction | None = None
    grpc: GRPCAction | None = None
    initial_delay_seconds: int = 0
    timeout_seconds: int = 1
    period_seconds: int = 10
    success_threshold: int = 1
    failure_threshold: int = 3
    termination_grace_period_seconds: int | None = None


class LifecycleHandler(Object, frozen=True):
    """What a hook does: exactly one of these."""

    exec: ExecAction | None = None
    http_get: HTTPGetAction | None = None
    tcp_socket: TCPSocketAction | None = None
    sleep: SleepAction | None = None


class Lifecycle(Object, frozen=True):
    """Hooks of a container, and the signal that asks it to end."""

    post_start: LifecycleHandler | None = None
    pre_stop: LifecycleHandler | None = None
    stop_signal: str | None = None

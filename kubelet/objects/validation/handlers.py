"""Probes and hooks."""

from __future__ import annotations

from firkin.kubelet.api.probe import HTTPGetAction, Lifecycle, LifecycleHandler, Probe
from firkin.kubelet.objects.validation import numbers
from firkin.kubelet.objects.validation.fault import Faults, forbidden, invalid, join, one_of, required

__all__ = ["lifecycle", "probe"]


def probe(path: str, value: Probe, *, only_one_success: bool, grace_allowed: bool) -> Faults:
    """A probe; those of liveness and startup count one success, and that of readiness ends nothing."""
    yield from _action(path, value)
    if value.grpc is not None:
        yield from numbers.port(join(path, "grpc.port"), value.grpc.port)
    yield from numbers.at_least(join(path, "initialDelaySeconds"), value.initial_delay_seconds)
    for field, number in (
        ("timeoutSeconds", value.timeout_seconds),
        ("periodSeconds", value.period_seconds),
        ("successThreshold", value.success_threshold),
        ("failureThreshold", value.failure_threshold),
    ):
        yield from numbers.at_least(join(path, field), number, 1)
    if only_one_success and value.success_threshold > 1:
        yield invalid(join(path, "successThreshold"), value.success_threshold, "must be 1")
    grace = value.termination_grace_period_seconds
    if grace is not None and not grace_allowed:
        place = join(path, "terminationGracePeriodSeconds")
        yield invalid(place, grace, "must not be set for readinessProbes")
    elif grace is not None and grace <= 0:
        yield invalid(join(path, "terminationGracePeriodSeconds"), grace, "must be greater than 0")


def lifecycle(path: str, value: Lifecycle, *, has_os: bool) -> Faults:
    """The hooks of a container."""
    for field, handler in (("postStart", value.post_start), ("preStop", value.pre_stop)):
        if handler is None:
            continue
        yield from _action(join(path, field), handler)
        if handler.sleep is not None and handler.sleep.seconds < 0:
            detail = "must be greater than or equal to 0"
            yield invalid(f"{path}.{field}.sleep.seconds", handler.sleep.seconds, detail)
    if value.stop_signal is not None and not has_os:
        yield forbidden(join(path, "stopSignal"), "may not be set for containers with empty os name")


def _action(path: str, value: Probe | LifecycleHandler) -> Faults:
    given = [
        name for name in ("exec", "http_get", "tcp_socket", "grpc", "sleep") if getattr(value, name, None) is not None
    ]
    if not given:
        yield required(path, "must specify a handler type")
    if len(given) > 1:
        yield forbidden(path, "may not specify more than 1 handler type")
    if value.exec is not None and not value.exec.command:
        yield required(join(path, "exec.command"))
    if value.http_get is not None:
        yield from _http(join(path, "httpGet"), value.http_get)
    if value.tcp_socket is not None:
        yield from numbers.port_or_name(join(path, "tcpSocket.port"), value.tcp_socket.port)


def _http(path: str, value: HTTPGetAction) -> Faults:
    yield from numbers.port_or_name(join(path, "port"), value.port)
    yield from one_of(join(path, "scheme"), value.scheme, ("HTTP", "HTTPS"))
    for number, header in enumerate(value.http_headers):
        if not header.name or not all(
            33 <= ord(letter) < 127 and letter not in '()<>@,;:\\"/[]?={}' for letter in header.name
        ):
            yield invalid(
                f"{path}.httpHeaders[{number}].name",
                header.name,
                "a valid HTTP header must consist of alphanumeric characters or '-'",
            )

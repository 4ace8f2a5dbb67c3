"""Probes by gRPC: the service grpc.health.v1.Health (grpc/doc/health-checking.md)."""

from __future__ import annotations

import grpc

from firkin.kubelet.probes.answer import Answer
from firkin.kubelet.probes.dial import go_seconds, join_host_port
from firkin.kubelet.probes.step import Outcome

__all__ = ["probe_grpc"]

_CHECK = "/grpc.health.v1.Health/Check"
_STATUSES = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
# A channel of its own for each question, as a container that was replaced at its address must be found.
_OPTIONS = (
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
    ("grpc.enable_retries", 0),
    ("grpc.primary_user_agent", "kube-probe/1.36"),
)


async def probe_grpc(host: str, port: int, service: str, seconds: int) -> Answer:
    """Ask for the health of `service` ("" is that of the whole server), within `seconds`."""
    place = join_host_port(host, port)
    async with grpc.aio.insecure_channel(place, options=_OPTIONS) as channel:
        check = channel.unary_unary(_CHECK, request_serializer=_encode, response_deserializer=_decode)
        try:
            status = await check(service, timeout=seconds)
        except grpc.aio.AioRpcError as error:
            return Answer(Outcome.FAILURE, _reason(error, place, seconds))
    if status == "SERVING":
        return Answer(Outcome.SUCCESS)
    return Answer(Outcome.FAILURE, f'service unhealthy (responded with "{status}")')


def _reason(error: grpc.aio.AioRpcError, place: str, seconds: int) -> str:
    code, text = error.code(), error.details()
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return f"error: this server does not implement the grpc health protocol (grpc.health.v1.Health): {text}"
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return f"timeout: health rpc did not complete within {go_seconds(seconds)}: context deadline exceeded"
    if code is grpc.StatusCode.UNAVAILABLE:
        return f'error: failed to connect service at "{place}": {text}'
    name = code.name.title().replace("_", "")
    return f"error: health rpc probe failed: rpc error: code = {name} desc = {text}"


def _encode(service: str) -> bytes:
    # HealthCheckRequest { string service = 1; }
    text = service.encode()
    if not text:
        return b""
    size, length = b"", len(text)
    while length > 127:
        size += bytes([length & 127 | 128])
        length >>= 7
    return b"\x0a" + size + bytes([length]) + text


def _decode(message: bytes) -> str:
    # HealthCheckResponse { ServingStatus status = 1; }, where zero is not written.
    number = message[1] if message[:1] == b"\x08" and len(message) > 1 else 0
    return _STATUSES[number] if number < len(_STATUSES) else str(number)

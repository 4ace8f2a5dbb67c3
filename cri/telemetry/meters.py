"""What is counted while the server works.

Calls have the names that gRPC servers have for them everywhere (go-grpc-prometheus, so containerd and CRI-O), pulls
those of CRI-O and operations of the network those of containerd, with the prefix of firkin.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import grpc

from firkin.cri.calls import Call
from firkin.cri.codes import code_of
from firkin.cri.telemetry.instruments import Counter, Gauge, Histogram

__all__ = ["SET_UP", "STATUS", "TEAR_DOWN", "Meters", "code_name"]

SET_UP, TEAR_DOWN, STATUS = "set_up_pod", "tear_down_pod", "get_pod_network_status"
"""Operations of the network, as kubelet and containerd name them."""

_CALL = ("grpc_type", "grpc_service", "grpc_method")
_NETWORK = ("operation_type",)


class Meters:
    """The instruments of one server."""

    def __init__(self) -> None:
        self.started = Counter("grpc_server_started_total", "Calls that came", _CALL)
        self.handled = Counter("grpc_server_handled_total", "Calls that were answered, by code", (*_CALL, "grpc_code"))
        self.handling = Histogram(
            "grpc_server_handling_seconds", "Time until calls were answered, by code", (*_CALL, "grpc_code")
        )
        self.pulling = Gauge("firkin_cri_in_progress_image_pulls", "Pulls that are under way or wait for their turn")
        self.pulled = Counter("firkin_cri_image_pulls_success_total", "Pulls that succeeded")
        self.pull_failures = Counter(
            "firkin_cri_image_pulls_failure_total", "Pulls that failed, by the code of the answer", ("error",)
        )
        self.pull_seconds = Histogram("firkin_cri_image_pull_duration_seconds", "Time of pulls that succeeded")
        self.network_operations = Counter(
            "firkin_cri_network_plugin_operations_total", "Operations of the network", _NETWORK
        )
        self.network_errors = Counter(
            "firkin_cri_network_plugin_operations_errors_total", "Operations of the network that failed", _NETWORK
        )
        self.network_seconds = Histogram(
            "firkin_cri_network_plugin_operations_duration_seconds", "Time of operations of the network", _NETWORK
        )
        self.oom = Counter("firkin_cri_containers_oom_total", "Containers that ended for lack of memory")

    def call_began(self, call: Call) -> None:
        """A call came."""
        self.started.add(*_labels(call))

    def call_ended(self, call: Call, code: grpc.StatusCode, seconds: float) -> None:
        """A call was answered, or its client went away (CANCELLED)."""
        labels = *_labels(call), code_name(code)
        self.handled.add(*labels)
        self.handling.observe(seconds, *labels)

    @contextmanager
    def pull(self) -> Iterator[None]:
        """Around the pull of an image."""
        begun = time.monotonic()
        self.pulling.add()
        try:
            yield
        except Exception as error:
            self.pull_failures.add(code_name(code_of(error)))
            raise
        else:
            self.pulled.add()
            self.pull_seconds.observe(time.monotonic() - begun)
        finally:
            self.pulling.add(amount=-1)

    @contextmanager
    def network(self, operation: str) -> Iterator[None]:
        """Around an operation of the network: SET_UP, TEAR_DOWN or STATUS."""
        begun = time.monotonic()
        try:
            yield
        except Exception:
            self.network_errors.add(operation)
            raise
        finally:
            self.network_operations.add(operation)
            self.network_seconds.observe(time.monotonic() - begun, operation)

    def lines(self) -> Iterator[str]:
        """The text of all instruments."""
        for instrument in vars(self).values():
            yield from instrument.lines()


def code_name(code: grpc.StatusCode) -> str:
    """A code as dashboards have it, which is as Go spells it: NotFound for NOT_FOUND."""
    if code is grpc.StatusCode.OK:
        return "OK"
    if code is grpc.StatusCode.CANCELLED:
        return "Canceled"
    return "".join(part.capitalize() for part in code.name.split("_"))


def _labels(call: Call) -> tuple[str, str, str]:
    return "server_stream" if call.is_stream else "unary", call.service, call.name

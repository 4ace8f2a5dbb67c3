"""A client of CRI: every call by its name, with messages written as JSON objects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
from google.protobuf.json_format import ParseDict

from firkin.cri.calls import calls

__all__ = ["CriClient"]

_CALLS = {call.name: call for call in calls()}
_LARGEST = 64 << 20
_SOON = 50


class CriClient:
    """A connection to the unix socket at `path`.

    A server that is not there yet, or was killed, is tried again soon; with `is_patient` true it is as gRPC has it by
    default: a second later, and who is connected has 20 seconds to say something; its calls wait for that.
    """

    def __init__(self, path: str, *, is_patient: bool = False) -> None:
        waits = ("initial_reconnect_backoff_ms", "min_reconnect_backoff_ms", "max_reconnect_backoff_ms")
        self._waits = True if is_patient else None
        self._channel = grpc.insecure_channel(
            f"unix:{path}",
            options=[
                ("grpc.max_receive_message_length", _LARGEST),
                ("grpc.default_authority", "localhost"),
                # Not one that is shared with other clients of this process.
                ("grpc.use_local_subchannel_pool", 1),
                *((f"grpc.{wait}", _SOON) for wait in waits if not is_patient),
            ],
        )

    def close(self) -> None:
        """End the connection."""
        self._channel.close()

    def wait_ready(self, seconds: float) -> None:
        """Wait until the server answers. Raises grpc.FutureTimeoutError."""
        grpc.channel_ready_future(self._channel).result(seconds)

    def __call__(self, name: str, seconds: float = 60, **request: Any) -> Any:
        """Make the call `name` with the fields of its request. Raises grpc.RpcError."""
        call = _CALLS[name]
        method = self._channel.unary_unary(call.path, call.request.SerializeToString, call.response.FromString)
        return method(ParseDict(request, call.request()), timeout=seconds, wait_for_ready=self._waits)

    def stream(self, name: str, seconds: float = 60, **request: Any) -> Iterator[Any]:
        """The same for a call that is answered with a stream."""
        call = _CALLS[name]
        method = self._channel.unary_stream(call.path, call.request.SerializeToString, call.response.FromString)
        return method(ParseDict(request, call.request()), timeout=seconds, wait_for_ready=self._waits)

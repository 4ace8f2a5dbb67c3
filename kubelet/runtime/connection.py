"""The connection to the runtime: calls by name, with their deadlines and errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from firkin.errors import ConfigError
from firkin.kubelet.runtime.failure import call_error

__all__ = ["Connection"]

_Answer = TypeVar("_Answer", bound=Message)

_LARGEST_MESSAGE = 64 << 20
_OPTIONS = (
    ("grpc.max_receive_message_length", _LARGEST_MESSAGE),
    ("grpc.default_authority", "localhost"),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.enable_http_proxy", 0),
)


class Connection:
    """A channel to `endpoint`, a path or unix:///path; it connects when it is used, and again when it was lost.

    Must be made within the loop that uses it. Raises ConfigError if the endpoint is of another kind.
    """

    def __init__(self, endpoint: str) -> None:
        path = endpoint.removeprefix("unix://")
        if not path.startswith("/"):
            raise ConfigError("kubelet.runtime_endpoint", f"{endpoint!r} is not unix:///PATH", document="configuration")
        self._channel = grpc.aio.insecure_channel(f"unix:{path}", options=_OPTIONS)
        self._calls: dict[str, grpc.aio.UnaryUnaryMultiCallable[Message, Message]] = {}

    async def close(self) -> None:
        """End the connection; calls under way are cancelled."""
        await self._channel.close()

    async def call(self, path: str, request: Message, answer: type[_Answer], seconds: float | None) -> _Answer:
        """Make the call `Service/Method` and wait for its answer, `seconds` at most (None: for ever).

        Raises CallError.
        """
        method = self._calls.get(path)
        if method is None:
            method = self._calls[path] = self._channel.unary_unary(
                f"/runtime.v1.{path}", type(request).SerializeToString, answer.FromString
            )
        try:
            found = await method(request, timeout=seconds)
        except grpc.aio.AioRpcError as error:
            raise call_error(path.partition("/")[2], error) from None
        assert isinstance(found, answer)
        return found

    async def stream(
        self, path: str, request: Message, answer: type[_Answer], on_open: Callable[[], None]
    ) -> AsyncIterator[_Answer]:
        """The messages that `Service/Method` answers with, until it ends. Raises CallError.

        Parameters: `on_open` is called when the other side says that it has begun; not all do before their first
        message.
        """
        method = self._channel.unary_stream(f"/runtime.v1.{path}", type(request).SerializeToString, answer.FromString)
        stream = method(request)
        opening = asyncio.ensure_future(_tell_open(stream, on_open))
        try:
            async for message in stream:
                yield message
        except grpc.aio.AioRpcError as error:
            raise call_error(path.partition("/")[2], error) from None
        finally:
            opening.cancel()
            stream.cancel()


async def _tell_open(stream: grpc.aio.UnaryStreamCall[Message, _Answer], on_open: Callable[[], None]) -> None:
    try:
        await stream.initial_metadata()
    except grpc.aio.AioRpcError:
        # Whoever reads the messages is told.
        return
    on_open()

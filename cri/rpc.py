"""Calls on their way in and out: each is logged, its errors become status codes, and work that was begun ends.

A client that goes away cancels its call, never the work: what changes something runs in a task of its own, so that a
sandbox is either made or undone whoever still listens.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import Message

from firkin import log
from firkin.cri import faults
from firkin.cri.calls import Call, calls
from firkin.cri.codes import code_of, message_of
from firkin.cri.kept import Kept, serialize
from firkin.cri.telemetry.meters import Meters
from firkin.cri.telemetry.observer import Observer

__all__ = ["Answer", "Dispatcher", "Handler", "snake_case"]

Answer: TypeAlias = Awaitable[Message | Kept] | AsyncIterator[Message]
Handler: TypeAlias = Callable[[Any], Answer]
"""A call's body: takes the request, answers with one message, or with several."""

_READS = ("List", "Stream", "Version", "Status", "Get")
_LOGGER = log.to("rpc")


def snake_case(name: str) -> str:
    """`RunPodSandbox` as `run_pod_sandbox`."""
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name).lstrip("_")


class Dispatcher:
    """The calls of a server: `routes` maps the name of each to its body, `meters` count them.

    Raises KeyError if one is missing.
    """

    def __init__(self, routes: Mapping[str, Handler], meters: Meters | None = None) -> None:
        self._work: set[asyncio.Task[Message | Kept]] = set()
        self._observer = Observer(meters or Meters())
        self._methods: dict[str, dict[str, grpc.RpcMethodHandler[Any, Any]]] = {}
        for call in calls():
            self._methods.setdefault(call.service, {})[call.name] = self._method(call, routes[call.name])

    def handlers(self) -> list[grpc.GenericRpcHandler]:
        """What grpc.aio.Server.add_generic_rpc_handlers() takes."""
        return [grpc.method_handlers_generic_handler(*item) for item in self._methods.items()]

    async def drain(self, seconds: float) -> None:
        """Wait until the work that was begun has ended, `seconds` at most."""
        if self._work:
            await asyncio.wait(self._work, timeout=seconds)

    def _method(self, call: Call, body: Handler) -> grpc.RpcMethodHandler[Any, Any]:
        read, write = call.request.FromString, serialize
        if call.is_stream:
            return grpc.unary_stream_rpc_method_handler(self._streamed(call, body), read, write)
        return grpc.unary_unary_rpc_method_handler(self._single(call, body), read, write)

    def _single(self, call: Call, body: Handler) -> Callable[..., Awaitable[Message | Kept]]:
        is_read = _is_read(call)

        async def answer(request: Message, context: grpc.aio.ServicerContext[Any, Any]) -> Message | Kept:
            try:
                with self._observer.watch(call, request, is_read=is_read):
                    work = body(request)
                    assert isinstance(work, Awaitable)
                    return await (work if is_read else self._finish(_passing(work)))
            except Exception as error:
                await context.abort(code_of(error), message_of(error))

        return answer

    async def _finish(self, work: Awaitable[Message | Kept]) -> Message | Kept:
        task = asyncio.ensure_future(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_log_end)
            raise

    def _streamed(self, call: Call, body: Handler) -> Callable[..., AsyncIterator[Message]]:
        is_read = _is_read(call)

        async def answer(request: Message, context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[Message]:
            try:
                with self._observer.watch(call, request, is_read=is_read):
                    messages = body(request)
                    assert isinstance(messages, AsyncIterator)
                    # Says that what happens from now on is told, though nothing has happened yet.
                    await context.send_initial_metadata(())
                    async for message in messages:
                        yield message
            except Exception as error:
                await context.abort(code_of(error), message_of(error))

        return answer


async def _passing(work: Awaitable[Message | Kept]) -> Message | Kept:
    faults.reach("begin")
    message = await work
    faults.reach("answer")
    return message


def _is_read(call: Call) -> bool:
    return call.name.startswith(_READS) or call.name.endswith(("Status", "Stats"))


def _log_end(task: asyncio.Task[Message | Kept]) -> None:
    # Nobody is told the result any more.
    if task.cancelled():
        _LOGGER.info("the work was given up")
    elif (error := task.exception()) is None:
        _LOGGER.info("the work was done all the same")
    else:
        _LOGGER.info("the work failed: %s", message_of(error) if isinstance(error, Exception) else error)

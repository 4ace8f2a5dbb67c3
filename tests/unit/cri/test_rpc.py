"""Calls over a real socket: answers, errors as status codes, and work that outlives its client."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from firkin import errors
from firkin.cri.api.container_pb2 import StopContainerRequest, StopContainerResponse
from firkin.cri.api.image_pb2 import ListImagesRequest, ListImagesResponse
from firkin.cri.api.sandbox_pb2 import StreamPodSandboxesRequest, StreamPodSandboxesResponse
from firkin.cri.calls import Call, calls
from firkin.cri.codes import CODES, code_of
from firkin.cri.rpc import Dispatcher, Handler, snake_case

CALLS = {call.name: call for call in calls()}


def idle(call: Call) -> Handler:
    async def many(_request: Message) -> AsyncIterator[Message]:
        yield call.response()

    async def one(_request: Message) -> Message:
        return call.response()

    return many if call.is_stream else one


class Peer:
    """A server whose calls answer with empty messages, but for `bodies`, and a client of it."""

    def __init__(self, folder: Path, **bodies: Handler) -> None:
        self.dispatcher = Dispatcher({name: idle(call) for name, call in CALLS.items()} | bodies)
        self._address = f"unix:{folder}/cri.sock"
        self._server = grpc.aio.server()

    async def __aenter__(self) -> Peer:
        self._server.add_generic_rpc_handlers(self.dispatcher.handlers())
        self._server.add_insecure_port(self._address)
        await self._server.start()
        self.channel = grpc.aio.insecure_channel(self._address)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.channel.close()
        await self._server.stop(None)

    def call(self, request: Message) -> Any:
        (call,) = [one for one in CALLS.values() if one.request is type(request)]
        kind = self.channel.unary_stream if call.is_stream else self.channel.unary_unary
        return kind(call.path, call.request.SerializeToString, call.response.FromString)(request)


def run(scenario: Callable[[], Awaitable[object]]) -> None:
    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_every_call_needs_a_body() -> None:
    with pytest.raises(KeyError):
        Dispatcher({})


def test_names_of_bodies() -> None:
    assert [snake_case(name) for name in ("Version", "RunPodSandbox")] == ["version", "run_pod_sandbox"]


def test_messages_and_streams_arrive(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Peer(tmp_path) as peer:
            assert await peer.call(ListImagesRequest()) == ListImagesResponse()
            answers = [message async for message in peer.call(StreamPodSandboxesRequest())]
            assert answers == [StreamPodSandboxesResponse()]

    run(scenario)


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (errors.NotFoundError("container x: does not exist"), "NOT_FOUND", "container x: does not exist"),
        (errors.ConfigError("linux.resources", "no"), "INVALID_ARGUMENT", "config.json: linux.resources: no"),
        (errors.DeadlineError("exec: ran for 1 s"), "DEADLINE_EXCEEDED", "exec: ran for 1 s"),
        (errors.KernelError("mount", 1), "INTERNAL", "mount: Operation not permitted [EPERM]"),
        (ValueError("a fault"), "INTERNAL", "ValueError: a fault"),
    ],
)
def test_an_error_becomes_its_code_and_text(tmp_path: Path, error: Exception, code: str, text: str) -> None:
    async def one(_request: Message) -> Message:
        raise error

    async def many(_request: Message) -> AsyncIterator[Message]:
        yield StreamPodSandboxesResponse()
        raise error

    async def scenario() -> None:
        async with Peer(tmp_path, StopContainer=one, StreamPodSandboxes=many) as peer:
            with pytest.raises(grpc.aio.AioRpcError) as single:
                await peer.call(StopContainerRequest())
            with pytest.raises(grpc.aio.AioRpcError) as stream:
                async for _ in peer.call(StreamPodSandboxesRequest()):
                    continue
            for found in (single.value, stream.value):
                assert (found.code().name, found.details()) == (code, text)

    run(scenario)


def test_work_goes_on_when_its_client_has_gone(tmp_path: Path) -> None:
    async def scenario() -> None:
        begun, go, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def stop(_request: Message) -> Message:
            begun.set()
            await go.wait()
            done.set()
            return StopContainerResponse()

        async with Peer(tmp_path, StopContainer=stop) as peer:
            call = peer.call(StopContainerRequest())
            client = asyncio.ensure_future(call)
            await begun.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await client
            go.set()
            await peer.dispatcher.drain(30)
            assert done.is_set()

    run(scenario)


def test_every_error_of_firkin_has_a_code() -> None:
    classes = [
        found for _, found in inspect.getmembers(errors, inspect.isclass) if issubclass(found, errors.FirkinError)
    ]
    assert len(classes) > 20
    for found in classes:
        nearest = next(base for base in found.__mro__ if base in CODES)
        # Only what is a fault of the kernel or of ours may be told as one.
        assert nearest is not errors.FirkinError or found.__name__ in (
            "FirkinError", "KernelError", "HookError", "CgroupError", "CgroupPathError", "CgroupFileError",
            "CgroupReclaimError", "CgroupTopologyError",
        )  # fmt: skip
    assert code_of(OSError()) == grpc.StatusCode.INTERNAL

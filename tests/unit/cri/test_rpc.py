"""Calls over a real socket: answers, errors as status codes, and work that outlives its client."""

from __future__ import annotations

import asyncio
import inspect
import io
import json
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from firkin import errors, log
from firkin.cri.api.container_pb2 import StopContainerRequest, StopContainerResponse
from firkin.cri.api.image_pb2 import ListImagesRequest, ListImagesResponse
from firkin.cri.api.sandbox_pb2 import StreamPodSandboxesRequest, StreamPodSandboxesResponse
from firkin.cri.calls import Call, calls
from firkin.cri.codes import CODES, code_of
from firkin.cri.rpc import Dispatcher, Handler, snake_case
from firkin.cri.telemetry.meters import Meters

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
        self.meters = Meters()
        self.dispatcher = Dispatcher({name: idle(call) for name, call in CALLS.items()} | bodies, self.meters)
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


@pytest.fixture
def json_log(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[dict[str, str]]]]:
    """What is logged, of all levels."""
    said = io.StringIO()
    monkeypatch.setattr(sys, "stderr", said)
    log.set_up(level="debug", style="json")
    yield lambda: [json.loads(line) for line in said.getvalue().splitlines()]
    logger = logging.getLogger("firkin")
    logger.handlers.clear()
    logger.propagate = True
    logger.setLevel(logging.NOTSET)


def test_each_call_is_logged_with_its_number_its_subject_and_its_code(
    tmp_path: Path, json_log: Callable[[], list[dict[str, str]]]
) -> None:
    async def one(request: Message) -> Message:
        if request == StopContainerRequest(container_id="c1"):
            log.to("part").info("at work")
            return StopContainerResponse()
        raise errors.NotFoundError("container c2: does not exist")

    async def many(_request: Message) -> AsyncIterator[Message]:
        yield StreamPodSandboxesResponse()
        raise ValueError("a fault")

    async def scenario() -> None:
        async with Peer(tmp_path, StopContainer=one, StreamPodSandboxes=many) as peer:
            await peer.call(StopContainerRequest(container_id="c1"))
            await peer.call(ListImagesRequest())
            with pytest.raises(grpc.aio.AioRpcError):
                await peer.call(StopContainerRequest(container_id="c2"))
            with pytest.raises(grpc.aio.AioRpcError):
                async for _ in peer.call(StreamPodSandboxesRequest()):
                    continue

    run(scenario)
    work, done, read, refused, failed = json_log()
    assert (work["msg"], work["request"], work["call"], work["container"]) == ("at work", "1", "StopContainer", "c1")
    told = [tuple(one.get(key) for key in ("request", "call", "container", "level", "code", "msg")) for one in
            (done, read, refused, failed)]  # fmt: skip
    assert told == [
        ("1", "StopContainer", "c1", "info", "OK", "done"),
        ("2", "ListImages", None, "debug", "OK", "done"),
        ("3", "StopContainer", "c2", "info", "NOT_FOUND", "refused: container c2: does not exist"),
        ("4", "StreamPodSandboxes", None, "error", "INTERNAL", "failed: ValueError: a fault"),
    ]
    assert all(float(one["ms"]) >= 0 for one in (done, read, refused, failed))
    assert "raise ValueError" in failed["traceback"]


def test_calls_are_counted_by_how_they_ended(tmp_path: Path) -> None:
    async def scenario() -> None:
        begun, done = asyncio.Event(), asyncio.Event()

        async def stop(request: Message) -> Message:
            if request == StopContainerRequest(container_id="gone"):
                raise errors.NotFoundError("container gone: does not exist")
            begun.set()
            await done.wait()
            return StopContainerResponse()

        async with Peer(tmp_path, StopContainer=stop) as peer:
            with pytest.raises(grpc.aio.AioRpcError):
                await peer.call(StopContainerRequest(container_id="gone"))
            call = peer.call(StopContainerRequest())
            client = asyncio.ensure_future(call)
            await begun.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await client
            while 'grpc_code="Canceled"' not in "\n".join(peer.meters.lines()):
                await asyncio.sleep(0.01)
            done.set()
            await peer.dispatcher.drain(30)
            text = "\n".join(peer.meters.lines())
        labels = 'grpc_type="unary",grpc_service="runtime.v1.RuntimeService",grpc_method="StopContainer"'
        assert f"grpc_server_started_total{{{labels}}} 2" in text
        for code in ("NotFound", "Canceled"):
            assert f'grpc_server_handled_total{{{labels},grpc_code="{code}"}} 1' in text

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

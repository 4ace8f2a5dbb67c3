"""Checkpoints: what is asked of the runtime, and what a client is told."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import grpc
import pytest

from firkin.kubelet.api.container import Container
from firkin.kubelet.api.meta import ObjectMeta
from firkin.kubelet.api.pod import Pod, PodSpec
from firkin.kubelet.api.pod_status import ContainerState, ContainerStateRunning, ContainerStatus, PodStatus
from firkin.kubelet.http.message import Request, Response
from firkin.kubelet.runtime.failure import CallError, CallMissingError
from firkin.kubelet.server.checkpoints import Checkpoints
from firkin.kubelet.server.failure import RequestError

RUNNING = ContainerState(running=ContainerStateRunning())


class Recorder:
    """Notes what is asked of it, and fails if it is to."""

    def __init__(self, failure: CallError | None = None) -> None:
        self.asked: list[tuple[str, str, int]] = []
        self._failure = failure

    async def checkpoint_container(self, container_id: str, location: str, timeout: int = 0) -> None:
        self.asked.append((container_id, location, timeout))
        if self._failure:
            raise self._failure


def pod(state: ContainerState = RUNNING) -> Pod:
    return Pod(
        metadata=ObjectMeta(name="web", namespace="shop"),
        spec=PodSpec(containers=[Container(name="main")]),
        status=PodStatus(container_statuses=[ContainerStatus(name="main", container_id="firkin://abc", state=state)]),
    )


def ask(place: Path, runtime: Recorder, query: str = "", container: str = "main", of: Pod | None = None) -> Response:
    request = Request("POST", f"/checkpoint/shop/web/{container}{query}")
    return asyncio.run(Checkpoints(str(place / "new"), runtime).answer(request, of or pod(), container))


def test_the_answer_is_the_path_that_the_runtime_was_given(tmp_path: Path) -> None:
    runtime = Recorder()
    answer = ask(tmp_path, runtime, "?timeout=7")
    assert isinstance(answer.body, bytes)
    [path] = json.loads(answer.body)["items"]
    assert (answer.status, runtime.asked) == (200, [("abc", path, 7)])
    name = r"checkpoint-web_shop-main-\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\.tar"
    assert re.fullmatch(f"{re.escape(str(tmp_path))}/new/{name}", path)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("text", ["-1", "1.5", "x", "9999999999"])
def test_a_timeout_is_a_number_of_seconds(tmp_path: Path, text: str) -> None:
    with pytest.raises(RequestError, match="no number of seconds") as caught:
        ask(tmp_path, Recorder(), f"?timeout={text}")
    assert caught.value.status == 400


def test_a_container_that_is_not_there_or_does_not_run_is_not_found(tmp_path: Path) -> None:
    runtime = Recorder()
    with pytest.raises(RequestError, match="container other does not exist") as caught:
        ask(tmp_path, runtime, container="other")
    assert caught.value.status == 404
    with pytest.raises(RequestError, match="container not found") as caught:
        ask(tmp_path, runtime, of=pod(ContainerState()))
    assert caught.value.status == 404 and runtime.asked == []


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (CallMissingError("CheckpointContainer", grpc.StatusCode.NOT_FOUND, "gone"), 404),
        (CallError("CheckpointContainer", grpc.StatusCode.INTERNAL, "CRIU"), 500),
    ],
)
def test_what_the_runtime_says_is_passed_on(tmp_path: Path, failure: CallError, status: int) -> None:
    with pytest.raises(RequestError, match=r"^checkpointing of shop/web/main failed \(CheckpointContainer: ") as caught:
        ask(tmp_path, Recorder(failure))
    assert caught.value.status == status

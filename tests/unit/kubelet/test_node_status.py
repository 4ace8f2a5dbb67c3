"""The Node: what is said of the machine and of the runtime, and when that changed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from firkin.cri.api.runtime_pb2 import RuntimeCondition, RuntimeStatus, StatusResponse, VersionResponse
from firkin.errors import StateError
from firkin.kubelet.api.event import Event
from firkin.kubelet.api.node import Node
from firkin.kubelet.config import Config
from firkin.kubelet.events.recorder import Recorder
from firkin.kubelet.node import Machine
from firkin.kubelet.node_status import NodeKeeper, ready_condition
from firkin.kubelet.objects.store import Objects
from firkin.kubelet.runtime.client import Runtime


def _status(**conditions: bool) -> StatusResponse:
    made = [
        RuntimeCondition(
            type=f"{name}Ready", status=is_so, reason="" if is_so else "Why", message="" if is_so else "so"
        )
        for name, is_so in conditions.items()
    ]
    return StatusResponse(status=RuntimeStatus(conditions=made))


@pytest.mark.parametrize(
    ("status", "ready", "message"),
    [
        (_status(Runtime=True, Network=True), "True", "kubelet is posting ready status"),
        (_status(Runtime=True, Network=False), "False",
         "container runtime network not ready: NetworkReady=false reason:Why message:so"),
        (_status(Runtime=False, Network=False), "False",
         "[container runtime not ready: RuntimeReady=false reason:Why message:so, container runtime network not ready: "
         "NetworkReady=false reason:Why message:so]"),
        (_status(Runtime=True), "False", "container runtime status is incomplete: NetworkReady is missing"),
    ],
)  # fmt: skip
def test_a_node_is_ready_when_runtime_and_network_are(status: StatusResponse, ready: str, message: str) -> None:
    found = ready_condition(status)
    assert (found.type, found.status, found.message) == ("Ready", ready, message)
    assert found.reason == ("KubeletReady" if ready == "True" else "KubeletNotReady")


class Small:
    """A runtime that is up, or down."""

    is_up = True

    async def status(self) -> StatusResponse:
        if not self.is_up:
            raise StateError("nobody answers")
        return _status(Runtime=True, Network=True)

    async def version(self) -> VersionResponse:
        return VersionResponse(runtime_name="small", runtime_version="1.2")


def test_the_node_is_made_kept_and_has_the_times_of_its_changes(tmp_path: Path) -> None:
    async def body() -> None:
        objects, runtime = Objects(str(tmp_path / "objects.db")), Small()
        machine = Machine(Config(root=str(tmp_path), node_name="n", node_ip="192.0.2.1"))
        start = now = datetime(2026, 1, 1, tzinfo=UTC)
        recorder = Recorder(objects, "kubelet", "n", lambda: now)
        keeper = NodeKeeper(objects, machine, cast(Runtime, runtime), lambda: now, recorder)

        def seen() -> dict[str, tuple[str, datetime | None]]:
            node = objects.get(Node, "", "n")
            assert node
            return {one.type: (one.status, one.last_transition_time) for one in node.status.conditions}

        await keeper.update()
        node = keeper.node()
        assert node.status.capacity["pods"] == "110" and node.status.allocatable["cpu"] == node.status.capacity["cpu"]
        assert [one.address for one in node.status.addresses] == ["192.0.2.1", "n"]
        assert node.status.node_info.container_runtime_version == "small://1.2"
        assert node.metadata.labels["kubernetes.io/hostname"] == "n"
        assert set(seen().values()) == {("False", start), ("True", start)}
        now = start + timedelta(seconds=10)
        await keeper.update()
        # Nothing is new: nothing is written.
        assert objects.get(Node, "", "n") is node or objects.get(Node, "", "n") == node
        keeper.press(frozenset({"DiskPressure"}))
        assert seen()["DiskPressure"] == ("True", now) and seen()["Ready"] == ("True", start)
        runtime.is_up = False
        await keeper.update()
        assert seen()["Ready"] == ("False", now) and seen()["DiskPressure"] == ("True", now)
        told = [(one.reason, one.message, one.count) for one in objects.list(Event)]
        assert sorted(told) == [
            ("NodeNotReady", "Node n status is now: NodeNotReady", 1),
            ("NodeReady", "Node n status is now: NodeReady", 1),
        ]  # fmt: skip
        objects.close()

    asyncio.run(body())

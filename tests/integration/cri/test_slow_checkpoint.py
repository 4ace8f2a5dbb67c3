"""A checkpoint that takes longer than its client waits: it is ended all the same, and nothing is left of it."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from firkin.cgroupfs import Cgroup
from firkin.cri.api.container_pb2 import CheckpointContainerRequest, ContainerConfig
from firkin.cri.containers.checkpoint import checkpoint_container
from firkin.cri.places import Places
from firkin.cri.records.container import Container, ContainerFacts
from firkin.cri.records.database import Database
from firkin.cri.records.table import Table
from firkin.errors import DeadlineError
from firkin.runtime.checkpoint import service
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.requires("root", "cgroup2")


class SlowHandler:
    """Takes until it is let go, and looks at the container meanwhile."""

    def __init__(self, cgroup: Cgroup) -> None:
        self.go = threading.Event()
        self.frozen: list[int | None] = []
        self._cgroup = cgroup

    def dump(self, _container: str, images: str, _work: str) -> None:
        self.frozen.append(self._cgroup.events().get("frozen"))
        os.mkdir(images)
        assert self.go.wait(SECONDS)


def container_of(place: Path, places: Places, cgroup: Cgroup) -> Container:
    (place / "holding/upper").mkdir(parents=True)
    for directory in (places.container("c"), f"{places.runtime}/c"):
        os.mkdir(directory)
    Path(places.runtime, "c", "config.json").write_text(json.dumps({"ociVersion": "1.3.0"}))
    facts = ContainerFacts(sandbox="s", started_at=1, cgroup=Path(cgroup.path).name, snapshot=str(place / "holding"))
    return Container("c", ContainerConfig(), facts, Database(str(place / "records.db")))


def test_who_waits_no_longer_is_told_and_the_container_runs_on(
    cgroup: Cgroup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Who makes checkpoints is looked for first.
    (tmp_path / "criu").touch(0o755)
    monkeypatch.setitem(service.ENVIRONMENT, "PATH", str(tmp_path))
    places, location = Places(str(tmp_path / "state")), tmp_path / "archive.tar"
    handler, containers = SlowHandler(cgroup), Table[Container]("container")
    container = container_of(tmp_path, places, cgroup)
    containers.add(container)
    node: Any = SimpleNamespace(containers=containers, places=places, handler_of=lambda _container: handler)

    def ask(timeout: int) -> Any:
        request = CheckpointContainerRequest(container_id="c", location=str(location), timeout=timeout)
        return checkpoint_container(node, request)

    async def script() -> None:
        with pytest.raises(DeadlineError, match="takes longer than 1 s"):
            await ask(1)
        assert cgroup.events()["frozen"] == 1
        handler.go.set()
        # The next one waits for the end of the first.
        async with asyncio.timeout(SECONDS):
            async with container.lock:
                assert not location.exists() and not Path(places.container("c"), "checkpoint").exists()
                assert cgroup.events()["frozen"] == 0
            await ask(0)
        assert location.exists() and cgroup.events()["frozen"] == 0

    with cgroup.spawn(["sleep", "1000"]):
        asyncio.run(script())
    assert handler.frozen == [1, 1]
    assert [path.name for path in tmp_path.glob(".archive*")] == []

"""Lists, filters and statuses of sandboxes and containers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict

from firkin.cri.api.container_pb2 import ContainerConfig, ContainerFilter, ContainerState
from firkin.cri.api.pod_pb2 import PodSandboxConfig
from firkin.cri.api.sandbox_pb2 import PodSandboxFilter, PodSandboxState
from firkin.cri.containers import query as containers
from firkin.cri.records.container import Container, ContainerFacts
from firkin.cri.records.database import Database
from firkin.cri.records.sandbox import Sandbox, SandboxFacts
from firkin.cri.sandboxes import query as sandboxes


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(str(tmp_path / "records.db"))


def sandbox(id: str, database: Database, labels: dict[str, str] | None = None, **facts: Any) -> Sandbox:
    config = ParseDict({"metadata": {"name": id, "uid": "u"}, "labels": labels or {}}, PodSandboxConfig())
    return Sandbox(id, config, SandboxFacts(created_at=7, **facts), database)


def container(id: str, database: Database, config: dict[str, Any] | None = None, **facts: Any) -> Container:
    wanted = {"metadata": {"name": id}, "image": {"image": "web", "user_specified_image": "web:1"}, **(config or {})}
    return Container(id, ParseDict(wanted, ContainerConfig()), ContainerFacts(**{"sandbox": "s", **facts}), database)


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({}, ["ab1", "ac2"]),
        ({"id": "ab"}, ["ab1"]),
        ({"id": "x"}, []),
        ({"state": {"state": 0}}, ["ab1"]),
        ({"state": {"state": 1}}, ["ac2"]),
        ({"label_selector": {"app": "web"}}, ["ab1", "ac2"]),
        ({"label_selector": {"app": "web", "tier": ""}}, ["ac2"]),
        ({"id": "a", "state": {"state": 0}, "label_selector": {"tier": ""}}, []),
    ],
)
def test_sandboxes_meet_all_conditions(database: Database, wanted: dict[str, Any], ids: list[str]) -> None:
    found = [
        sandbox("ab1", database, {"app": "web"}, is_ready=True),
        sandbox("ac2", database, {"app": "web", "tier": ""}),
    ]
    assert [one.id for one in sandboxes.select(found, ParseDict(wanted, PodSandboxFilter()))] == ids


def test_a_sandbox_shows_its_addresses_while_it_is_ready(database: Database) -> None:
    one = sandbox("a", database, is_ready=True, addresses=("10.0.0.2", "fd00::2"), handler="runc")
    status = sandboxes.status_of(one)
    assert (status.network.ip, [extra.ip for extra in status.network.additional_ips]) == ("10.0.0.2", ["fd00::2"])
    assert (status.state, status.created_at, status.runtime_handler) == (PodSandboxState.SANDBOX_READY, 7, "runc")
    one.update(is_ready=False)
    status = sandboxes.status_of(one)
    assert (status.network.ip, len(status.network.additional_ips)) == ("", 0)
    assert sandboxes.listed(one).state == PodSandboxState.SANDBOX_NOTREADY


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({}, ["c1", "d2"]),
        ({"pod_sandbox_id": "s"}, ["c1"]),
        ({"state": {"state": 1}}, ["d2"]),
        ({"id": "c", "state": {"state": 1}}, []),
        ({"label_selector": {"a": "b"}}, ["c1"]),
    ],
)
def test_containers_meet_all_conditions(database: Database, wanted: dict[str, Any], ids: list[str]) -> None:
    found = [
        container("c1", database, {"labels": {"a": "b"}}),
        container("d2", database, sandbox="t", started_at=3),
    ]
    assert [one.id for one in containers.select(found, ParseDict(wanted, ContainerFilter()))] == ids


def test_a_container_shows_one_image_everywhere(database: Database) -> None:
    facts: dict[str, Any] = {"image_id": "sha256:1", "image_name": "docker.io/library/web:1", "user": (1, 2, 3, 4)}
    one = container("c", database, started_at=1, finished_at=2, exit_code=137, reason="OOMKilled", **facts)
    status, shown = containers.status_of(one), containers.listed(one)
    assert {status.image_ref, status.image_id, shown.image_ref, shown.image_id} == {"sha256:1"}
    assert (status.image.image, status.image.user_specified_image) == ("docker.io/library/web:1", "web:1")
    assert (status.state, status.exit_code, status.reason) == (ContainerState.CONTAINER_EXITED, 137, "OOMKilled")
    user = status.user.linux
    assert (user.uid, user.gid, list(user.supplemental_groups)) == (1, 2, [3, 4])


def test_an_image_that_is_mounted_is_shown_with_its_id(database: Database) -> None:
    mounts = [{"container_path": "/data", "host_path": "/h"}, {"container_path": "/m", "image": {"image": "model:1"}}]
    one = container("a", database, {"mounts": mounts}, mounted_images={"/m": "sha256:12"})
    bound, image = containers.status_of(one).mounts
    assert (image.image.image, image.image.image_ref) == ("model:1", "sha256:12")
    assert not bound.HasField("image") and not one.config.mounts[1].image.image_ref

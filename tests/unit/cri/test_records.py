"""Records: kept over a restart, found by prefix, made once however often they are asked for."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from firkin.cri.api.container_pb2 import ContainerConfig, ContainerMetadata, ContainerState
from firkin.cri.api.pod_pb2 import PodSandboxConfig, PodSandboxMetadata
from firkin.cri.records.container import Container, ContainerFacts
from firkin.cri.records.creations import Creations, check_same
from firkin.cri.records.database import Database, Row
from firkin.cri.records.facts import facts_from_text
from firkin.cri.records.sandbox import Sandbox, SandboxFacts
from firkin.cri.records.table import Table, new_id
from firkin.errors import AlreadyExistsError, NotFoundError, StateError, UsageError


def pod(name: str = "web", *, attempt: int = 0) -> PodSandboxConfig:
    return PodSandboxConfig(metadata=PodSandboxMetadata(name=name, namespace="default", uid="u1", attempt=attempt))


def database(path: Path) -> Database:
    return Database(str(path / "records.db"))


def test_a_record_is_the_same_after_a_restart(tmp_path: Path) -> None:
    first = database(tmp_path)
    sandbox = Sandbox(new_id(), pod(), SandboxFacts(created_at=5), first)
    sandbox.update(is_ready=True, addresses=("10.0.0.2", "fd00::2"), namespaces={"network": "/n"}, init=(7, 8))
    first.close()
    second = database(tmp_path)
    (row,) = second.rows("sandbox")
    loaded = Sandbox.load(row, second)
    assert (loaded.id, loaded.config, loaded.facts) == (sandbox.id, sandbox.config, sandbox.facts)
    loaded.forget()
    assert list(second.rows("sandbox")) == []


def test_two_servers_do_not_share_a_database(tmp_path: Path) -> None:
    first = database(tmp_path)
    with pytest.raises(StateError, match="another firkin uses it"):
        database(tmp_path)
    first.close()
    database(tmp_path).close()


def test_two_records_of_a_kind_can_not_have_one_name(tmp_path: Path) -> None:
    held = database(tmp_path)
    held.put(Row("a", "sandbox", "web", b"", "{}"))
    held.put(Row("b", "container", "web", b"", "{}"))
    with pytest.raises(AlreadyExistsError, match="sandbox web: there is a record of this name"):
        held.put(Row("c", "sandbox", "web", b"", "{}"))


def test_a_database_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    held = database(tmp_path)
    held._db.execute("PRAGMA user_version = 99")
    held.close()
    with pytest.raises(StateError, match="schema 99"):
        database(tmp_path)


def test_facts_of_other_versions_are_understood() -> None:
    text = '{"sandbox":"s","exit_code":3,"user":[1,2],"something_new":1}'
    assert facts_from_text(ContainerFacts, text) == ContainerFacts("s", exit_code=3, user=(1, 2))
    with pytest.raises(StateError, match="damaged"):
        facts_from_text(ContainerFacts, "[]")
    with pytest.raises(StateError, match="damaged"):
        facts_from_text(ContainerFacts, "{}")


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        (ContainerFacts("s"), ContainerState.CONTAINER_CREATED),
        (ContainerFacts("s", started_at=1), ContainerState.CONTAINER_RUNNING),
        (ContainerFacts("s", started_at=1, finished_at=2), ContainerState.CONTAINER_EXITED),
        (ContainerFacts("s", finished_at=2), ContainerState.CONTAINER_EXITED),
        (ContainerFacts("s", started_at=1, is_lost=True), ContainerState.CONTAINER_UNKNOWN),
    ],
)
def test_the_state_follows_from_the_times(facts: ContainerFacts, state: ContainerState) -> None:
    assert facts.state == state


def table_of(tmp_path: Path, *ids: str) -> Table[Container]:
    table: Table[Container] = Table("container")
    held = database(tmp_path)
    for id in ids:
        config = ContainerConfig(metadata=ContainerMetadata(name=id))
        table.add(Container(id, config, ContainerFacts("s"), held))
    return table


def test_a_unique_prefix_is_enough(tmp_path: Path) -> None:
    table = table_of(tmp_path, "abc1", "abd2", "f")
    assert [table.get(id).id for id in ("abc1", "abc", "abd", "f")] == ["abc1", "abc1", "abd2", "f"]
    with pytest.raises(UsageError, match="several ids begin so"):
        table.get("ab")
    with pytest.raises(UsageError, match="empty"):
        table.get("")
    with pytest.raises(NotFoundError, match="container b: does not exist"):
        table.get("b")


def test_what_is_discarded_is_not_found_by_any_name(tmp_path: Path) -> None:
    table = table_of(tmp_path, "abc1", "abd2")
    gone = table.get("abc1")
    table.discard(gone)
    table.discard(gone)
    assert (len(table), table.by_name(gone.name), table.find("abc"), table.get("ab").id) == (1, None, None, "abd2")


def test_who_asks_again_joins_the_creation_that_runs() -> None:
    made = []

    async def scenario() -> str:
        creations, go = Creations(), asyncio.Event()

        async def make() -> str:
            await go.wait()
            made.append(1)
            return "id"

        first = asyncio.create_task(creations.join("web", pod(), make))
        second = asyncio.create_task(creations.join("web", pod(), make))
        await asyncio.sleep(0)
        with pytest.raises(AlreadyExistsError, match="another configuration"):
            await creations.join("web", pod("other"), make)
        first.cancel()
        go.set()
        return await second

    assert asyncio.run(scenario()) == "id"
    assert made == [1]


def test_a_creation_that_failed_can_be_tried_again() -> None:
    async def fail() -> str:
        raise StateError("no")

    async def succeed() -> str:
        return "id"

    async def scenario() -> str:
        creations = Creations()
        with pytest.raises(StateError):
            await creations.join("web", pod(), fail)
        return await creations.join("web", pod(), succeed)

    assert asyncio.run(scenario()) == "id"


def test_only_an_equal_configuration_may_have_the_same_name() -> None:
    check_same("pod sandbox", "a", pod(), pod())
    with pytest.raises(AlreadyExistsError, match="pod sandbox a has this name"):
        check_same("pod sandbox", "a", pod(), pod(attempt=1))

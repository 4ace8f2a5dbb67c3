"""Objects are seen whole by everybody, outlive a crash, and tell of their changes."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from firkin.errors import AlreadyExistsError, KernelError, NotFoundError, StateError
from firkin.kubelet.api.config import ConfigMap
from firkin.kubelet.api.meta import LabelSelector, ObjectMeta, Resource
from firkin.kubelet.api.pod import Pod, PodSpec
from firkin.kubelet.api.pod_status import PodStatus
from firkin.kubelet.objects.changes import ADDED, Change, History
from firkin.kubelet.objects.errors import ConflictError, ExpiredError
from firkin.kubelet.objects.selectors import parse_selector, selector_of
from firkin.kubelet.objects.store import Objects

NOW = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
SECOND = NOW.replace(microsecond=0)


@pytest.fixture
def objects(tmp_path: Path) -> Iterator[Objects]:
    store = Objects(str(tmp_path / "kubelet" / "objects.db"), clock=lambda: NOW)
    yield store
    store.close()


def pod(name: str = "web", **labels: str) -> Pod:
    return Pod(metadata=ObjectMeta(name=name, namespace="default", labels=labels))


def config(name: str = "c", **data: str) -> ConfigMap:
    return ConfigMap(metadata=ObjectMeta(name=name, namespace="default"), data=data)


def test_what_is_created_has_an_identity(objects: Objects) -> None:
    made = objects.create(pod())
    assert made.metadata.creation_timestamp == SECOND
    assert (made.metadata.generation, made.metadata.resource_version) == (1, "1")
    assert objects.by_uid(Pod, made.metadata.uid) == objects.get(Pod, "default", "web") == made
    assert objects.by_uid(ConfigMap, made.metadata.uid) is None
    with pytest.raises(AlreadyExistsError, match='pods "web" already exists'):
        objects.create(pod())


def test_a_name_is_generated(objects: Objects) -> None:
    names = {
        objects.create(Pod(metadata=ObjectMeta(generate_name="web-", namespace="a"))).metadata.name for _ in range(9)
    }
    assert len(names) == 9
    assert all(name.startswith("web-") and len(name) == 9 for name in names)


def test_a_given_uid_is_kept_and_unique(objects: Objects) -> None:
    fixed = msgspec.structs.replace(pod(), metadata=ObjectMeta(name="a", namespace="x", uid="1"))
    assert objects.create(fixed).metadata.uid == "1"
    with pytest.raises(AlreadyExistsError, match="uid 1 is taken"):
        objects.create(msgspec.structs.replace(fixed, metadata=ObjectMeta(name="b", namespace="x", uid="1")))


def test_lists_are_of_a_namespace_and_a_selector(objects: Objects) -> None:
    for name in ("b", "a"):
        objects.create(pod(name, app=name))
    objects.create(Pod(metadata=ObjectMeta(name="c", namespace="other", labels={"app": "a"})))

    def names(namespace: str = "", selector: str = "") -> list[str]:
        return [item.metadata.name for item in objects.list(Pod, namespace, parse_selector(selector))]

    assert names() == ["a", "b", "c"]
    assert names("default") == ["a", "b"]
    assert names("", "app=a") == ["a", "c"]
    assert names("", "app notin (a),app") == ["b"]
    chosen = objects.list(Pod, "other", selector_of(LabelSelector(match_labels={"app": "a"})))
    assert [item.metadata.name for item in chosen] == ["c"]


@pytest.mark.parametrize("text", ["a in b", "=x", "a=b c", "a ~ (b)", "!"])
def test_what_is_no_selector_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="unable to parse requirement"):
        parse_selector(text)


def test_replacing_needs_the_state_that_was_read(objects: Objects) -> None:
    read = objects.create(config(a="1"))
    written = objects.replace(msgspec.structs.replace(read, data={"a": "2"}))
    assert int(written.metadata.resource_version) > int(read.metadata.resource_version)
    with pytest.raises(ConflictError, match="the object has been modified"):
        objects.replace(msgspec.structs.replace(read, data={"a": "3"}))
    assert objects.replace(config(a="4")).metadata.uid == read.metadata.uid
    with pytest.raises(NotFoundError, match='configmaps "none" not found'):
        objects.replace(config("none"))


def test_only_a_change_of_what_is_wanted_counts_as_a_generation(objects: Objects) -> None:
    made = objects.create(pod())
    status = objects.set_status(Pod, "default", "web", PodStatus(phase="Running"))
    assert status is not None and status.metadata.generation == 1
    changed = objects.change(
        Pod, "default", "web", lambda item: msgspec.structs.replace(item, spec=PodSpec(node_name="n"))
    )
    assert changed is not None and changed.metadata.generation == 2
    assert changed.status.phase == "Running"
    same = objects.change(Pod, "default", "web", lambda item: item)
    assert same is changed
    assert objects.set_status(Pod, "default", "web", PodStatus(), uid="another") is None
    assert objects.change(Pod, "default", "none", lambda item: made) is None


def test_a_pod_that_is_deleted_stays_until_it_is_removed(objects: Objects) -> None:
    objects.create(pod())
    marked = objects.delete(Pod, "default", "web")
    assert marked is not None
    assert marked.metadata.deletion_timestamp == SECOND + timedelta(seconds=30)
    assert objects.delete(Pod, "default", "web", 60) == marked
    shorter = objects.delete(Pod, "default", "web", 5)
    assert shorter is not None and shorter.metadata.deletion_grace_period_seconds == 5
    assert objects.remove(Pod, "default", "web", uid="another") is None
    assert objects.remove(Pod, "default", "web", uid=marked.metadata.uid) is not None
    assert objects.get(Pod, "default", "web") is None
    assert objects.delete(Pod, "default", "web") is None


def test_what_has_no_grace_is_gone_at_once(objects: Objects) -> None:
    objects.create(pod())
    gone = objects.delete(Pod, "default", "web", 0)
    assert gone is not None and gone.metadata.deletion_grace_period_seconds == 0
    objects.create(config())
    objects.delete(ConfigMap, "default", "c")
    assert not objects.list(Pod) and not objects.list(ConfigMap)


def test_a_finalizer_holds_an_object_until_it_is_taken_off(objects: Objects) -> None:
    held = ConfigMap(metadata=ObjectMeta(name="c", namespace="default", finalizers=["x"]))
    objects.create(held)
    objects.delete(ConfigMap, "default", "c")
    assert objects.get(ConfigMap, "default", "c") is not None
    objects.replace(config())
    assert objects.get(ConfigMap, "default", "c") is None


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    path = str(tmp_path / "objects.db")
    store = Objects(path)
    made = store.create(pod())
    store.create(config())
    store.delete(ConfigMap, "default", "c")
    status = store.set_status(Pod, "default", "web", PodStatus(phase="Running"))
    with pytest.raises(StateError, match="another node agent has it"):
        Objects(path)
    store.close()
    again = Objects(path)
    assert again.list(Pod) == [status]
    assert again.list(ConfigMap) == []
    assert again.by_uid(Pod, made.metadata.uid) == status
    assert int(again.create(config()).metadata.resource_version) == 5
    again.close()


def test_a_row_that_can_not_be_read_is_named_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "objects.db"
    Objects(str(path)).close()
    with sqlite3.connect(path) as database:
        database.execute("INSERT INTO objects VALUES ('Pod', 'default', 'broken', CAST('{\"spec\": 1}' AS BLOB))")
        database.execute("INSERT INTO objects VALUES ('Future', 'default', 'x', CAST('{}' AS BLOB))")
    database.close()
    warnings: list[str] = []
    store = Objects(str(path), warn=warnings.append)
    assert [line.partition(" can not")[0] for line in warnings] == ["Future default/x", "Pod default/broken"]
    store.create(pod())
    store.close()
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT count(*) FROM objects").fetchone() == (3,)
    database.close()


def test_what_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "objects.db"
    path.write_bytes(b"no database" * 100)
    with pytest.raises(StateError, match=r"objects\.db: file is not a database .*move it away"):
        Objects(str(path))
    assert path.read_bytes() == b"no database" * 100


def test_a_database_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "objects.db"
    Objects(str(path)).close()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 9")
    database.close()
    with pytest.raises(StateError, match="has version 9, this firkin knows 1 at most"):
        Objects(str(path))


def test_status_is_kept_in_memory_while_it_can_not_be_written(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(objects, "_warn", warnings.append)
    objects.create(pod())
    size = objects._database._db.execute("PRAGMA page_count").fetchone()[0]
    objects._database._db.execute(f"PRAGMA max_page_count = {size}")
    long = PodStatus(message="x" * 100_000)
    for phase in ("Pending", "Running"):
        objects.set_status(Pod, "default", "web", msgspec.structs.replace(long, phase=phase))
    assert len(warnings) == 1 and "No space left" in warnings[0]
    with pytest.raises(KernelError, match="No space left"):
        objects.create(config(text="x" * 100_000))
    assert objects.get(ConfigMap, "default", "c") is None
    objects._database._db.execute("PRAGMA max_page_count = 1000000")
    objects.create(config())
    path = objects._database.path
    objects.close()
    again = Objects(path)
    (read,) = again.list(Pod)
    assert (read.status.phase, len(read.status.message)) == ("Running", 100_000)
    again.close()


def test_a_subscription_begins_with_what_is_there_and_tells_in_order(objects: Objects) -> None:
    async def run() -> list[tuple[str, str]]:
        objects.create(pod("a"))
        objects.create(config())
        seen = []
        with objects.subscribe(Pod) as changes:
            asyncio.get_running_loop().call_later(0.01, objects.create, pod("b"))
            asyncio.get_running_loop().call_later(0.02, objects.delete, Pod, "default", "a", 0)
            async for change in changes:
                seen.append((change.type, change.object.metadata.name))
                if len(seen) == 3:
                    break
        return seen

    assert asyncio.run(run()) == [("ADDED", "a"), ("ADDED", "b"), ("DELETED", "a")]


def test_who_is_slow_sees_the_last_state_alone(objects: Objects) -> None:
    objects.create(pod("there"))
    subscription = objects.subscribe(Pod)
    assert len(subscription.take()) == 1
    for number in range(20):
        objects.set_status(Pod, "default", "there", PodStatus(message=str(number)))
        objects.create(pod("passing"))
        objects.delete(Pod, "default", "passing", 0)
    objects.create(pod("new"))
    objects.set_status(Pod, "default", "new", PodStatus(phase="Running"))
    waiting = subscription.take()
    assert [(change.type, change.object.metadata.name) for change in waiting] == [
        ("MODIFIED", "there"),
        ("ADDED", "new"),
    ]
    assert (waiting[0].object.status.message, waiting[1].object.status.phase) == ("19", "Running")
    objects.delete(Pod, "default", "there", 0)
    assert [change.type for change in subscription.take()] == ["DELETED"]


def test_a_closed_subscription_ends(objects: Objects) -> None:
    async def run() -> None:
        subscription = objects.subscribe(Pod, ConfigMap)
        asyncio.get_running_loop().call_soon(subscription.close)
        assert [change async for change in subscription] == []

    asyncio.run(run())
    objects.create(pod())


def test_a_watch_goes_on_from_a_version(objects: Objects) -> None:
    objects.create(pod("a"))
    version = objects.version
    objects.create(config())
    objects.create(pod("b"))
    assert [change.object.metadata.name for change in objects.subscribe_since(version, Pod).take()] == ["b"]
    assert objects.subscribe_since(objects.version, Pod).take() == []
    with pytest.raises(ExpiredError):
        objects.subscribe_since("9999", Pod)


def test_old_changes_are_forgotten() -> None:
    history = History(7, limit=3)
    assert history.since(7) == []
    changes: list[Change[Resource]] = [Change(ADDED, pod(str(number))) for number in range(8, 13)]
    for number, change in enumerate(changes, 8):
        history.add(number, change)
    assert history.since(9) == changes[-3:]
    assert history.since(12) == []
    for version in (8, 13):
        with pytest.raises(ExpiredError, match="too old resource version"):
            history.since(version)

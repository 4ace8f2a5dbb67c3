"""The store: blobs are whole or not there, downloads go on, what is referred to stays."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from firkin.errors import ImageError, KernelError, NotFoundError, StateError
from firkin.oci.image.digest import digest_of
from firkin.oci.image.manifest import Descriptor
from firkin.oci.store.content import ContentStore
from firkin.oci.store.images import ImageStore
from firkin.oci.store.ingest import Ingest
from firkin.oci.store.metadata import Metadata, Snapshot

DATA = b"0123456789" * 1000


def described(data: bytes) -> Descriptor:
    return Descriptor(media_type="x", digest=digest_of(data), size=len(data))


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore(str(tmp_path / "store"))


async def fetch(store: ContentStore, data: bytes, log: list[str], *, name: str = "") -> None:
    async with store.ingest(described(data)) as ingest:
        if ingest is None:
            log.append(f"{name}there")
            return
        log.append(f"{name}from {ingest.offset}")
        await asyncio.sleep(0)
        ingest.write(data[ingest.offset :])
        ingest.commit()


def test_a_blob_is_written_once(store: ContentStore) -> None:
    log: list[str] = []
    asyncio.run(fetch(store, DATA, log))
    asyncio.run(fetch(store, DATA, log))
    assert log == ["from 0", "there"]
    assert store.read(digest_of(DATA), 10_000) == DATA
    assert list(store.digests()) == [digest_of(DATA)]
    assert os.stat(store.path(digest_of(DATA))).st_mode & 0o777 == 0o444


def test_a_second_download_waits_for_the_first(store: ContentStore) -> None:
    async def both(log: list[str]) -> None:
        await asyncio.gather(*(fetch(store, DATA, log) for _ in range(5)))

    log: list[str] = []
    asyncio.run(both(log))
    assert sorted(log) == ["from 0", *["there"] * 4]


def test_a_download_goes_on_where_it_was_cut(store: ContentStore) -> None:
    async def cut() -> None:
        async with store.ingest(described(DATA)) as ingest:
            assert ingest
            ingest.write(DATA[:3000])

    log: list[str] = []
    asyncio.run(cut())
    assert not store.has(digest_of(DATA))
    asyncio.run(fetch(store, DATA, log))
    assert log == ["from 3000"]
    assert store.read(digest_of(DATA), 10_000) == DATA


@pytest.mark.parametrize(
    ("data", "message"), [(DATA + b"x", "is longer"), (DATA[:-1] + b"x", "digest"), (b"", "has 0")]
)
def test_wrong_bytes_are_no_blob(store: ContentStore, data: bytes, message: str) -> None:
    async def write() -> None:
        async with store.ingest(described(DATA)) as ingest:
            assert ingest
            ingest.write(data)
            ingest.commit()

    with pytest.raises(ImageError, match=message):
        asyncio.run(write())
    assert not store.has(digest_of(DATA))
    log: list[str] = []
    asyncio.run(fetch(store, DATA, log))
    assert log == ["from 0"]


def test_of_nothing_nothing_is_left(store: ContentStore) -> None:
    async def waiting() -> list[int]:
        async def one() -> int:
            async with store.ingest(described(DATA)) as ingest:
                assert ingest
                await asyncio.sleep(0)
                return len(os.listdir(f"{store.root}/ingest"))

        return await asyncio.gather(*(one() for _ in range(3)))

    # Whoever waited for one that was left empty gets one of its own.
    assert asyncio.run(waiting()) == [1, 1, 1]
    assert os.listdir(f"{store.root}/ingest") == []


def test_what_nobody_goes_on_with_is_dropped(store: ContentStore) -> None:
    async def two() -> int:
        async with store.ingest(described(DATA)) as first:
            assert first
            async with store.ingest(described(b"other")) as second:
                assert second
                second.write(b"o")
            return store.drop_ingests()

    assert asyncio.run(two()) == 1


def test_a_blob_that_is_not_there(store: ContentStore) -> None:
    with pytest.raises(NotFoundError, match="pull the image again"):
        store.open(digest_of(b"none"))
    assert store.remove(digest_of(b"none")) == 0
    digest = store.put(DATA)
    with pytest.raises(ImageError, match="more than the 5"):
        store.read(digest, 5)
    assert store.remove(digest) == len(DATA)


KILLED = """
import asyncio, sys
from firkin.oci.image.digest import digest_of
from firkin.oci.image.manifest import Descriptor
from firkin.oci.store.content import ContentStore
data = b"0123456789" * 200_000
async def main():
    store = ContentStore(sys.argv[1])
    async with store.ingest(Descriptor(media_type="x", digest=digest_of(data), size=len(data))) as ingest:
        print("ready", flush=True)
        while ingest and ingest.offset < len(data):
            ingest.write(data[ingest.offset : ingest.offset + 1000])
        ingest.commit()
asyncio.run(main())
"""


def test_killed_at_any_byte_the_next_one_finishes(store: ContentStore) -> None:
    data = b"0123456789" * 200_000
    for seconds in (0.0, 0.001, 0.003, 0.005):
        child = subprocess.Popen([sys.executable, "-P", "-c", KILLED, store.root], stdout=subprocess.PIPE)
        assert child.stdout and child.stdout.readline() == b"ready\n"
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    asyncio.run(fetch(store, data, []))
    assert store.read(digest_of(data), len(data)) == data
    assert os.listdir(f"{store.root}/ingest") == []


def test_an_ingest_that_is_too_long_starts_anew(tmp_path: Path) -> None:
    path = tmp_path / "ingest"
    path.write_bytes(DATA + b"more")
    fd = os.open(path, os.O_RDWR)
    ingest = Ingest(fd, str(path), str(tmp_path / "blob"), digest_of(DATA), len(DATA))
    assert ingest.offset == 0
    ingest.close()


@pytest.fixture
def metadata(tmp_path: Path) -> Metadata:
    return Metadata(str(tmp_path / "metadata.db"))


def test_images_by_name(metadata: Metadata) -> None:
    metadata.set_image("a/b:1", "sha256:x", "m", 5)
    metadata.set_image("a/b:1", "sha256:y", "m", 6)
    assert (metadata.image("a/b:1").digest, [image.name for image in metadata.images()]) == ("sha256:y", ["a/b:1"])
    metadata.remove_image("a/b:1")
    with pytest.raises(NotFoundError, match="firkin pull a/b:1"):
        metadata.image("a/b:1")
    with pytest.raises(NotFoundError):
        metadata.remove_image("a/b:1")


def test_what_is_reachable_is_kept(metadata: Metadata) -> None:
    metadata.set_image("i", "index", "m", 1)
    metadata.refer("index", ["manifest"])
    metadata.refer("manifest", ["config", "layer", "snapshot/top"])
    metadata.refer("gone", ["other"])
    metadata.add_lease("l")
    metadata.lease_item("l", "leased")
    assert metadata.reachable() == {"index", "manifest", "config", "layer", "snapshot/top", "leased"}
    metadata.end_lease("l")
    metadata.remove_image("i")
    assert metadata.reachable() == set()
    with pytest.raises(NotFoundError, match="is over"):
        metadata.lease_item("l", "x")


def test_a_transaction_is_all_or_nothing(metadata: Metadata) -> None:
    with pytest.raises(RuntimeError), metadata.transaction():
        metadata.set_image("x", "d", "m", 1)
        raise RuntimeError
    assert metadata.images() == []


def test_snapshots(metadata: Metadata) -> None:
    snapshot = Snapshot("layer-x", 5, 6, True, "boot")
    metadata.add_snapshot(Snapshot("layer-x", 1, 1, False, "before"))
    metadata.add_snapshot(snapshot)
    assert metadata.snapshot("layer-x") == snapshot and metadata.snapshots() == [snapshot]
    metadata.settle_snapshots(["layer-x", "layer-y"])
    assert metadata.snapshot("layer-x") == snapshot._replace(boot="")
    metadata.remove_snapshot("layer-x")
    assert metadata.snapshot("layer-x") is None


def test_a_database_without_room_says_so_and_stays_as_it_was(tmp_path: Path) -> None:
    database = Metadata(str(tmp_path / "metadata.db"))
    (pages,) = database._db.execute("PRAGMA page_count").fetchone()
    database._db.execute(f"PRAGMA max_page_count = {pages + 2}")
    with (
        pytest.raises(KernelError, match=rf"write {tmp_path}/metadata.db: No space left") as raised,
        database.transaction(),
    ):
        for number in range(10_000):
            database.set_image(f"a/{number}:1", "sha256:x", "m", 5)
    assert raised.value.errno == errno.ENOSPC and database.images() == []
    database.set_image("a/b:1", "sha256:x", "m", 5)
    database._db.execute("PRAGMA query_only = ON")
    with pytest.raises(KernelError, match="Read-only"):
        database.remove_image("a/b:1")
    assert [image.name for image in database.images()] == ["a/b:1"]


LEASES = """
import sys, time
from firkin.oci.store.images import ImageStore
with ImageStore(sys.argv[1]) as store, store.lease() as lease:
    store.metadata.lease_item(lease, "kept")
    print(lease, flush=True)
    time.sleep(600)
"""


def test_a_lease_ends_with_its_process(tmp_path: Path) -> None:
    with ImageStore(str(tmp_path)) as store, store.lease() as own:
        argv = [sys.executable, "-P", "-c", LEASES, str(tmp_path)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            lease = process.stdout.readline().strip()
            store.prune()
            assert set(store.metadata.leases()) == {own, lease} and "kept" in store.metadata.reachable()
            process.kill()
        store.prune()
        assert store.metadata.leases() == [own] == os.listdir(store.leases)
        assert "kept" not in store.metadata.reachable()
        # A crash may leave a file before there is a row, and the other way round.
        (tmp_path / "leases/left").touch()
        store.metadata.add_lease("gone")
        store.prune()
        assert store.metadata.leases() == [own] == os.listdir(store.leases)
    with ImageStore(str(tmp_path)) as store:
        assert store.metadata.leases() == os.listdir(store.leases) == []


def test_a_lease_that_can_not_be_ended_hides_nothing(tmp_path: Path) -> None:
    with ImageStore(str(tmp_path)) as store:
        with pytest.raises(ValueError, match="what went wrong"), store.lease():
            store.metadata._db.execute("PRAGMA query_only = ON")
            raise ValueError("what went wrong")
        with pytest.raises(KernelError, match="Read-only"), store.lease():
            pass


def test_a_database_of_a_later_version_or_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "metadata.db"
    Metadata(str(path)).close()
    assert Metadata(str(path)).check() == []
    import sqlite3

    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(StateError, match="has version 99"):
        Metadata(str(path))
    (tmp_path / "text").write_text("this is no database" * 100)
    with pytest.raises(StateError, match="not a database"):
        Metadata(str(tmp_path / "text"))

"""Layers are unpacked while they are downloaded, and believed when both of their digests are verified."""

from __future__ import annotations

import asyncio
import gzip
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from firkin.errors import FirkinError, ImageError, KernelError, RegistryError
from firkin.oci.image.digest import digest_of
from firkin.oci.image.manifest import Descriptor
from firkin.oci.layers.arrival import Arrivals
from firkin.oci.layers.program import Job, Limits, Unpacked
from firkin.oci.layers.unpack import unpack_arriving
from firkin.oci.store.content import ContentStore
from tests.support.archives import Archive
from tests.support.children import children
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.requires("root")

# What does not get shorter when it is compressed, so that half of the blob is half of the archive.
RANDOM = os.urandom(1 << 20)
ARCHIVE = Archive().add("first", RANDOM).add("second", RANDOM).add("last", b"1").finish()
BLOB = gzip.compress(ARCHIVE, 1)
MORE = len(BLOB) * 3 // 4
"""Enough for the first file, and some of the second."""


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No process and no descriptor, however it ends."""
    before, others = len(os.listdir("/proc/self/fd")), children()
    yield
    assert children() == others
    assert len(os.listdir("/proc/self/fd")) == before


class CutError(Exception):
    """A download that ends before the blob does."""


class Way:
    """A layer on its way: what a test sends is written to the store as a download is."""

    def __init__(self, place: Path, blob: bytes = BLOB, digest: str = "") -> None:
        self.descriptor = Descriptor(media_type="x", digest=digest or digest_of(blob), size=len(blob))
        self.content = ContentStore(str(place / "store"))
        self.root = place / "root"
        self.root.mkdir(exist_ok=True)
        self.ingest: Any

    @asynccontextmanager
    async def unpacking(self, **more: Any) -> AsyncIterator[asyncio.Task[Unpacked]]:
        """The task that unpacks what arrives; it is at its end when this is left."""
        values = {"compression": "gzip", "diff_id": digest_of(ARCHIVE), **more}
        fd = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        with Arrivals(self.content, [self.descriptor]) as self.arrivals:
            job = Job(directory=fd, whiteouts="overlay", name="layer x", **values)
            task = asyncio.create_task(unpack_arriving(self.arrivals[self.descriptor.digest], job))
            try:
                yield task
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                os.close(fd)

    @asynccontextmanager
    async def downloading(self) -> AsyncIterator[None]:
        """The blob comes by `send`. What is cut by `CutError` may go on later, other errors are told to who waits."""
        try:
            async with self.arrivals.ingest(self.descriptor) as self.ingest:
                yield
        except CutError:
            return
        except FirkinError as error:
            self.arrivals.fail(error)

    async def send(self, data: bytes) -> None:
        """Some more bytes, from a thread as in a download."""
        await asyncio.to_thread(self.ingest.write, data)

    async def seen(self, name: str) -> None:
        """Until the file is there."""
        async with asyncio.timeout(SECONDS):
            while not (self.root / name).exists():
                await asyncio.sleep(0.01)


@pytest.fixture
def way(tmp_path: Path) -> Way:
    return Way(tmp_path)


def test_files_are_there_before_the_blob_is(way: Way) -> None:
    async def work() -> None:
        async with way.unpacking() as task:
            async with way.downloading():
                await way.send(BLOB[:MORE])
                await way.seen("first")
                assert not (way.root / "last").exists()
                await way.send(BLOB[MORE:])
                await way.seen("last")
                # It waits for the digest of the blob.
                assert not task.done()
                way.ingest.commit()
            assert (await task).entries == 3

    asyncio.run(work())
    assert (way.root / "second").read_bytes() == RANDOM


def test_what_is_here_is_read_from_its_file(way: Way) -> None:
    async def work() -> None:
        async with way.unpacking() as task:
            assert (await task).entries == 3
            async with way.downloading():
                assert way.ingest is None

    way.content.put(BLOB)
    asyncio.run(work())


def test_a_download_that_another_process_made(way: Way) -> None:
    async def work() -> None:
        async with way.unpacking() as task:
            await asyncio.sleep(0)
            way.content.put(BLOB)
            async with way.downloading():
                assert way.ingest is None
            assert (await task).entries == 3

    asyncio.run(work())


def test_a_download_that_fails_is_what_is_told(way: Way) -> None:
    async def work() -> None:
        async with way.unpacking() as task:
            async with way.downloading():
                await way.send(BLOB[:MORE])
                await way.seen("first")
                raise RegistryError("blob: is cut off", host="h")
            with pytest.raises(RegistryError, match="blob: is cut off"):
                await task

    asyncio.run(work())


def test_bytes_that_are_not_those_of_the_digest_are_not_the_layers_fault(tmp_path: Path) -> None:
    broken = BLOB[:MORE] + bytes(len(BLOB) - MORE)
    way = Way(tmp_path, broken, digest_of(BLOB))

    async def work() -> None:
        async with way.unpacking() as task:
            async with way.downloading():
                await way.send(broken)
                await way.seen("first")
                way.ingest.commit()
            with pytest.raises(ImageError, match=r"blob .*: its bytes have the digest"):
                await task

    asyncio.run(work())


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"limits": Limits(entries=1)}, "more entries than are allowed"),
        ({"diff_id": f"sha256:{'0' * 64}"}, "its archive has the digest"),
        ({"compression": "zstd"}, "is no zstd data"),
    ],
    ids=["limits", "digest", "compression"],
)
def test_a_layer_that_is_wrong_in_a_blob_that_is_right(way: Way, more: dict[str, Any], message: str) -> None:
    async def work() -> None:
        async with way.unpacking(**more) as task:
            async with way.downloading():
                await way.send(BLOB)
                way.ingest.commit()
            with pytest.raises(ImageError, match=message):
                await task

    asyncio.run(work())


def test_a_full_disk_is_told_at_once(way: Way) -> None:
    async def work() -> None:
        async with way.unpacking() as task, way.downloading():
            await way.send(BLOB[:MORE])
            with pytest.raises(KernelError, match="unpack layer x: 'first': No space left on device"):
                await task
            raise CutError

    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", way.root], check=True)
    try:
        asyncio.run(work())
    finally:
        subprocess.run(["umount", way.root], check=True)


def test_a_download_that_starts_again(way: Way) -> None:
    async def work() -> None:
        async with way.unpacking() as task:
            async with way.downloading():
                await way.send(BLOB[:MORE])
                await way.seen("first")
                await asyncio.to_thread(way.ingest.restart)
                for start in range(0, len(BLOB), 100_000):
                    await way.send(BLOB[start : start + 100_000])
                way.ingest.commit()
            assert (await task).entries == 3

    asyncio.run(work())


def test_a_download_that_goes_on_elsewhere(way: Way) -> None:
    async def work() -> None:
        async with way.unpacking() as task:
            async with way.downloading():
                await way.send(BLOB[:MORE])
                raise CutError
            await way.seen("first")
            async with way.downloading():
                assert way.ingest.offset == MORE
                await way.send(BLOB[MORE:])
                way.ingest.commit()
            assert (await task).entries == 3

    asyncio.run(work())


def test_a_download_that_was_begun_earlier(way: Way) -> None:
    async def begin() -> None:
        async with way.unpacking(), way.downloading():
            await way.send(BLOB[:MORE])
            raise CutError

    async def go_on() -> None:
        async with way.unpacking() as task:
            async with way.downloading():
                await way.seen("first")
                await way.send(BLOB[MORE:])
                way.ingest.commit()
            assert (await task).entries == 3

    asyncio.run(begin())
    asyncio.run(go_on())


def test_who_is_cancelled_writes_no_more(way: Way) -> None:
    others = children()

    async def work() -> None:
        async with way.unpacking() as task, way.downloading():
            await way.send(BLOB[:MORE])
            await way.seen("first")
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert children() == others
            raise CutError

    asyncio.run(work())

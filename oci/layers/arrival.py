"""Blobs that are read while they are downloaded.

What has come of a blob lies in its ingest's file, from which it is read: whoever unpacks may be slower than the
network without holding it up, and nothing is kept in memory for them.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from io import FileIO
from typing import TYPE_CHECKING, NamedTuple, Self

from firkin.oci.image.manifest import Descriptor
from firkin.oci.store.content import ContentStore
from firkin.oci.store.ingest import Ingest

if TYPE_CHECKING:
    from firkin.oci.image.config import ImageConfig
    from firkin.oci.store.images import Layer

__all__ = ["Arrival", "Arrivals", "Arriving"]

# What one turn of the loop hands on; the kernel moves pages, it copies nothing.
_STRIDE = 256 << 10


class Arrival:
    """One blob, `there` bytes of which can be read."""

    def __init__(self, content: ContentStore, descriptor: Descriptor) -> None:
        self.descriptor = descriptor
        self.there = 0
        self.is_whole = False
        self._content = content
        self._files: list[int] = []
        self._failure: Exception | None = None
        self._loop = asyncio.get_running_loop()
        self._waiting: set[asyncio.Future[None]] = set()

    def open(self) -> int:
        """A descriptor of the caller's own to read the whole blob, when it is here. Raises NotFoundError."""
        return self._content.open(self.descriptor.digest)

    async def whole(self) -> None:
        """Wait until the blob is here and verified. Raises what the download failed of."""
        while not self.is_whole:
            await self._change()

    async def feed(self, pipe: FileIO) -> None:
        """Write the blob into the pipe as it comes, and close that; a reader that has gone is no error.

        Raises what the download failed of.
        """
        os.set_blocking(pipe.fileno(), False)
        position = 0
        try:
            while position < self.descriptor.size:
                if self.there > position:
                    position += await self._send(pipe, position)
                else:
                    # A download that had to start again comes back to here with the same bytes, or is found out by
                    # the digest of the archive.
                    await self._change()
        except BrokenPipeError:
            return
        finally:
            pipe.close()

    async def _send(self, pipe: FileIO, position: int) -> int:
        try:
            # What was written just now is in memory: this does not wait for a disk.
            return os.sendfile(pipe.fileno(), self._files[-1], position, min(_STRIDE, self.there - position))
        except BlockingIOError:
            await _writable(pipe)
            return 0

    async def _change(self) -> None:
        if self._failure is not None:
            raise self._failure
        future = self._loop.create_future()
        self._waiting.add(future)
        try:
            await future
        finally:
            self._waiting.discard(future)

    def grow(self, there: int) -> None:
        """So many bytes are there now. Called from any thread."""
        self.there = there
        self._loop.call_soon_threadsafe(self._wake)

    def follow(self, fd: int) -> None:
        """Read from the open file `fd`, which is closed with the arrival."""
        self._files.append(fd)

    def finish(self) -> None:
        """All of it is there, and verified."""
        self.follow(self.open())
        self.there = self.descriptor.size
        self.is_whole = True
        self._wake()

    def fail(self, error: Exception) -> None:
        """What is missing will not come, unless all of it is there."""
        if not self.is_whole:
            self._failure = error
            self._wake()

    def _wake(self) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    def close(self) -> None:
        """Close what was opened; nobody must read any more."""
        while self._files:
            os.close(self._files.pop())


async def _writable(pipe: FileIO) -> None:
    loop = asyncio.get_running_loop()
    event = asyncio.Event()
    loop.add_writer(pipe, event.set)
    try:
        await event.wait()
    finally:
        loop.remove_writer(pipe)


class Arrivals:
    """A store of blobs, as the registry's client wants one, over the content store.

    `descriptors` are the blobs that are read while they come. To be made in a running loop; a context manager.
    """

    def __init__(self, content: ContentStore, descriptors: Iterable[Descriptor]) -> None:
        self._content = content
        self._arrivals = {descriptor.digest: Arrival(content, descriptor) for descriptor in descriptors}

    def __enter__(self) -> Self:
        # What is here already need not wait for its turn.
        for digest, arrival in self._arrivals.items():
            if self._content.has(digest):
                arrival.finish()
        return self

    def __exit__(self, *exception: object) -> None:
        for arrival in self._arrivals.values():
            arrival.close()

    def __getitem__(self, digest: str) -> Arrival:
        return self._arrivals[digest]

    @asynccontextmanager
    async def ingest(self, descriptor: Descriptor) -> AsyncIterator[Ingest | _Followed | None]:
        """As `ContentStore.ingest`."""
        arrival = self._arrivals.get(descriptor.digest)
        async with self._content.ingest(descriptor) as ingest:
            if arrival is None or ingest is None:
                yield ingest
            else:
                arrival.follow(ingest.open_reader())
                yield _Followed(ingest, arrival)
        if arrival is not None and not arrival.is_whole:
            arrival.finish()

    def fail(self, error: Exception) -> None:
        """What is missing will not come."""
        for arrival in self._arrivals.values():
            arrival.fail(error)


class _Followed:
    # An ingest that tells how far it is.
    def __init__(self, ingest: Ingest, arrival: Arrival) -> None:
        self._ingest = ingest
        self._arrival = arrival
        self._tell()

    def _tell(self) -> None:
        self.offset = self._ingest.offset
        self._arrival.grow(self.offset)

    def write(self, data: bytes | memoryview) -> None:
        self._ingest.write(data)
        self._tell()

    def restart(self) -> None:
        self._ingest.restart()
        self._tell()

    def commit(self) -> None:
        self._ingest.commit()

    def close(self) -> None:
        self._ingest.close()


class Arriving(NamedTuple):
    """An image whose layers are on their way: `arrivals` has those, by their digests."""

    name: str
    config: ImageConfig
    layers: tuple[Layer, ...]
    arrivals: Arrivals

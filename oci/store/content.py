"""Blobs by digest.

    ROOT/blobs/ALGORITHM/HEX      a whole, verified blob, never changed
    ROOT/ingest/ALGORITHM-HEX     a blob that is being written, locked by who writes it

A crash at any moment leaves an ingest at most, from which the next try goes on.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from firkin.errors import ImageError, KernelError, NotFoundError
from firkin.oci.image.digest import check_digest, digest_of
from firkin.oci.image.manifest import Descriptor
from firkin.oci.store.ingest import Ingest

__all__ = ["ContentStore"]


class ContentStore:
    """The blobs below the directory `root`, which is made if it is missing, for its owner alone."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._ingests = f"{root}/ingest"
        for path in (f"{root}/blobs", self._ingests):
            os.makedirs(path, 0o700, exist_ok=True)

    def path(self, digest: str) -> str:
        """Where the blob is, or would be. Raises ImageError for a malformed digest."""
        algorithm, _, encoded = check_digest(digest).partition(":")
        return f"{self.root}/blobs/{algorithm}/{encoded}"

    def has(self, digest: str) -> bool:
        """Whether the blob is there, whole."""
        return os.path.exists(self.path(digest))

    def open(self, digest: str) -> int:
        """A descriptor to read the blob. Raises NotFoundError."""
        try:
            return os.open(self.path(digest), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            raise NotFoundError(f"blob {digest}: is not in {self.root}", hint="pull the image again") from None

    def read(self, digest: str, most: int) -> bytes:
        """A small blob as a whole. Raises NotFoundError, ImageError if it has more than `most` bytes."""
        fd = self.open(digest)
        try:
            size = os.fstat(fd).st_size
            if size > most:
                raise ImageError(f"blob {digest}: has {size} bytes, more than the {most} that are read at most")
            return os.pread(fd, size, 0)
        finally:
            os.close(fd)

    def put(self, data: bytes, algorithm: str = "sha256") -> str:
        """Store bytes that are there: their digest. Raises KernelError."""
        digest = digest_of(data, algorithm)
        with self.claim(digest, len(data)) as ingest:
            if ingest is not None:
                ingest.restart()
                ingest.write(data)
                ingest.commit()
        return digest

    @contextmanager
    def claim(self, digest: str, size: int) -> Iterator[Ingest | None]:
        """As `ingest`, for whoever may block."""
        ingest = self._try_ingest(digest, size, wait=True)
        try:
            yield ingest
        finally:
            if ingest is not None:
                ingest.close()

    @property
    def scratch(self) -> str:
        """A directory on the same disk for files without a name."""
        return self._ingests

    @asynccontextmanager
    async def ingest(self, descriptor: Descriptor) -> AsyncIterator[Ingest | None]:
        """Write the blob of `descriptor`; None if it is there already.

        Where somebody else is writing it, of this process or another, their end is waited for first.
        Raises ImageError, KernelError.
        """
        # Whoever only reads has no event loop.
        import asyncio

        ingest = await asyncio.to_thread(self._try_ingest, descriptor.digest, descriptor.size, wait=True)
        try:
            yield ingest
        finally:
            if ingest is not None:
                ingest.close()

    def _try_ingest(self, digest: str, size: int, *, wait: bool) -> Ingest | None:
        blob = self.path(digest)
        path = f"{self._ingests}/{digest.replace(':', '-')}"
        while not os.path.exists(blob):
            try:
                os.makedirs(os.path.dirname(blob), 0o700, exist_ok=True)
                fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            except OSError as error:
                raise KernelError(f"make {path}", error.errno or 0) from error
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
                if _is_same(fd, path) and not os.path.exists(blob):
                    return Ingest(fd, path, blob, digest, size)
            except BaseException:
                os.close(fd)
                raise
            # It became a blob, or was dropped, while its lock was waited for.
            os.close(fd)
        return None

    def remove(self, digest: str) -> int:
        """Remove a blob, which may be gone: how many bytes that freed."""
        path = self.path(digest)
        try:
            size = os.stat(path).st_size
            os.unlink(path)
        except FileNotFoundError:
            return 0
        return size

    def digests(self) -> Iterator[str]:
        """The digests of all blobs."""
        for algorithm in sorted(os.listdir(f"{self.root}/blobs")):
            for encoded in sorted(os.listdir(f"{self.root}/blobs/{algorithm}")):
                yield f"{algorithm}:{encoded}"

    def usage(self) -> tuple[int, int]:
        """Bytes and number of all blobs."""
        size = count = 0
        for algorithm in os.listdir(f"{self.root}/blobs"):
            with os.scandir(f"{self.root}/blobs/{algorithm}") as entries:
                for entry in entries:
                    try:
                        size += entry.stat(follow_symlinks=False).st_size
                    except FileNotFoundError:
                        continue
                    count += 1
        return size, count

    def drop_ingests(self) -> int:
        """Remove what downloads left that nobody goes on with: how many."""
        dropped = 0
        for name in os.listdir(self._ingests):
            path = f"{self._ingests}/{name}"
            try:
                fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            except FileNotFoundError:
                # It became a blob meanwhile.
                continue
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_same(fd, path):
                    os.unlink(path)
                    dropped += 1
            except BlockingIOError:
                continue
            finally:
                os.close(fd)
        return dropped


def _is_same(fd: int, path: str) -> bool:
    try:
        there = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return there.st_ino == os.fstat(fd).st_ino

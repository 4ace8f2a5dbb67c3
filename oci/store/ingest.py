"""A blob that is being written: hashed on the way, and only a blob once it is whole and what its digest says."""

from __future__ import annotations

import os
from contextlib import suppress

from firkin.errors import ImageError, KernelError
from firkin.oci.image.digest import Verifier

__all__ = ["Ingest"]

_CHUNK = 1 << 20


class Ingest:
    """The file of one ingest, locked by this process.

    `offset` is how many bytes are there already: of an earlier download that was cut.
    """

    def __init__(self, fd: int, path: str, blob: str, digest: str, size: int) -> None:
        self._fd = fd
        self._path = path
        self._blob = blob
        self._size = size
        self._digest = digest
        self._is_blob = False
        self.offset = 0
        self._verifier = Verifier(digest, size)
        self._resume()

    def open_reader(self) -> int:
        """A descriptor to read what is there, also when it has become a blob. Raises OSError."""
        return os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)

    def _resume(self) -> None:
        # The hash is not kept between runs: what is there is read again, which is faster than to fetch it again.
        if os.fstat(self._fd).st_size > self._size:
            os.ftruncate(self._fd, 0)
        while data := os.pread(self._fd, _CHUNK, self.offset):
            self._verifier.update(data)
            self.offset += len(data)

    def write(self, data: bytes | memoryview) -> None:
        """Append. Raises ImageError if the blob would be longer than its descriptor says, KernelError."""
        self._verifier.update(data)
        view = memoryview(data)
        try:
            while view:
                done = os.pwrite(self._fd, view, self.offset)
                self.offset += done
                view = view[done:]
        except OSError as error:
            raise self._failed(error) from error

    def restart(self) -> None:
        """Forget what is there, where a server can not go on from it."""
        os.ftruncate(self._fd, 0)
        self._verifier = Verifier(self._digest, self._size)
        self.offset = 0

    def commit(self) -> None:
        """Make it a blob: verified, on disk, under its name in one step.

        Raises ImageError if size or digest is another; then it is as after `restart`. Raises KernelError.
        """
        try:
            self._verifier.finish()
        except ImageError:
            self.restart()
            raise
        try:
            os.fchmod(self._fd, 0o444)
            os.fsync(self._fd)
            os.rename(self._path, self._blob)
            self._is_blob = True
            _sync_directory(os.path.dirname(self._blob))
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> KernelError:
        return KernelError(f"write blob {self._digest[:19]} to {os.path.dirname(self._path)}", error.errno or 0)

    def close(self) -> None:
        """Release the file and its lock; what is not committed stays for the next try."""
        if self._fd < 0:
            return
        if not self.offset and not self._is_blob:
            # Whoever waits for the lock sees then that the file is not the one of this name any more.
            with suppress(FileNotFoundError):
                os.unlink(self._path)
        os.close(self._fd)
        self._fd = -1


def _sync_directory(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)

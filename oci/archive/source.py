"""The files of an archive or a directory that images are read from, by name."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from firkin.errors import ImageError, KernelError
from firkin.oci._resolve import lib
from firkin.oci.archive.tar_index import index_of

__all__ = ["Directory", "File", "Source", "Tar", "read"]

_CHUNK = 1 << 20
_HEAD = 16
_MOST_LINKS = 40


class File:
    """`size` bytes of an open file, from `offset` on; `name` is for errors."""

    def __init__(self, fd: int, offset: int, size: int, name: str) -> None:
        self.size = size
        self.name = name
        self._fd = fd
        self._offset = offset

    def chunks(self, start: int = 0) -> Iterator[bytes]:
        """The bytes from `start` on, in pieces. Raises ImageError if the file got shorter."""
        while start < self.size:
            data = os.pread(self._fd, min(_CHUNK, self.size - start), self._offset + start)
            if not data:
                raise ImageError(f"{self.name}: ends at byte {start} of {self.size}")
            start += len(data)
            yield data

    def head(self) -> bytes:
        """The first bytes, which tell how it is compressed."""
        return os.pread(self._fd, min(self.size, _HEAD), self._offset)


class Source(Protocol):
    """Files by name. `name` is that of the whole, for errors."""

    name: str

    def has(self, path: str) -> bool:
        """Whether there is a file of that name."""

    def open(self, path: str) -> AbstractContextManager[File]:
        """A file. Raises ImageError if there is none, or it is no regular one."""


class Tar:
    """The files of the tar archive of `size` bytes that is open as `fd`. Raises ImageError as `index_of`."""

    def __init__(self, fd: int, size: int, name: str) -> None:
        self.name = name
        self._fd = fd
        self._members = index_of(fd, size, name)

    def has(self, path: str) -> bool:
        """Whether there is a file of that name, or a link."""
        return path in self._members

    @contextmanager
    def open(self, path: str) -> Iterator[File]:
        """A file, links followed inside of the archive."""
        name = path
        for _ in range(_MOST_LINKS):
            member = self._members.get(name)
            if member is None:
                through = "" if name == path else f", which is a link to {name!r},"
                raise ImageError(f"{self.name}: {path}{through} is not in it")
            if not member.target:
                yield File(self._fd, member.offset, member.size, f"{self.name}: {path}")
                return
            name = member.target
        raise ImageError(f"{self.name}: {path}: is a link that leads nowhere")


class Directory:
    """The files below the open directory `fd`: every name and link is resolved inside of it."""

    def __init__(self, fd: int, name: str) -> None:
        self.name = name
        self._fd = fd

    def has(self, path: str) -> bool:
        """Whether there is a file of that name."""
        fd = lib.resolve_open(self._fd, path.encode(), os.O_PATH)
        if fd >= 0:
            os.close(fd)
        return fd >= 0

    @contextmanager
    def open(self, path: str) -> Iterator[File]:
        """A file."""
        # A fifo would wait for a writer.
        fd = lib.resolve_open(self._fd, path.encode(), os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        if fd in (-errno.ENOENT, -errno.ENOTDIR, -errno.ELOOP):
            raise ImageError(f"{self.name}: {path} is not in it")
        if fd < 0:
            raise KernelError(f"open {self.name}/{path}", -fd)
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise ImageError(f"{self.name}: {path}: is no regular file")
            yield File(fd, 0, status.st_size, f"{self.name}: {path}")
        finally:
            os.close(fd)


def read(source: Source, path: str, most: int) -> bytes:
    """A small file as a whole. Raises ImageError if it has more than `most` bytes."""
    with source.open(path) as file:
        if file.size > most:
            raise ImageError(f"{file.name}: has {file.size} bytes, more than the {most} that are read at most")
        return b"".join(file.chunks())

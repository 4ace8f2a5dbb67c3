"""Where an image is written to: a tar archive or a directory. The same files make the same bytes."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterable
from typing import Protocol

from firkin.errors import AlreadyExistsError, KernelError

__all__ = ["DirectorySink", "Sink", "TarSink"]

_BLOCK = 512


class Sink(Protocol):
    """Takes files, each after the directories that it is in."""

    def directory(self, path: str) -> None:
        """Make a directory."""

    def file(self, path: str, size: int, chunks: Iterable[bytes]) -> None:
        """Write a file of `size` bytes. Raises KernelError."""


class TarSink:
    """A tar archive that is written to `fd`, which may be a pipe. `name` is for errors."""

    def __init__(self, fd: int, name: str) -> None:
        self._fd = fd
        self._name = name

    def directory(self, path: str) -> None:
        """Add a directory."""
        self._write(_header(path, 0, tarfile.DIRTYPE, 0o755))

    def file(self, path: str, size: int, chunks: Iterable[bytes]) -> None:
        """Add a file."""
        self._write(_header(path, size, tarfile.REGTYPE, 0o644))
        for chunk in chunks:
            self._write(chunk)
        self._write(bytes(-size % _BLOCK))

    def finish(self) -> None:
        """Add what ends the archive."""
        self._write(bytes(2 * _BLOCK))

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._fd, view) :]
        except OSError as error:
            raise KernelError(f"write {self._name}", error.errno or 0) from error


class DirectorySink:
    """The new directory `path`. Raises AlreadyExistsError, KernelError."""

    def __init__(self, path: str) -> None:
        self._path = path
        try:
            os.mkdir(path)
        except FileExistsError:
            raise AlreadyExistsError(f"write {path}: it exists already", hint="name a directory to make") from None
        except OSError as error:
            raise KernelError(f"make {path}", error.errno or 0) from error

    def directory(self, path: str) -> None:
        """Make a directory."""
        try:
            os.mkdir(f"{self._path}/{path}")
        except OSError as error:
            raise KernelError(f"make {self._path}/{path}", error.errno or 0) from error

    def file(self, path: str, size: int, chunks: Iterable[bytes]) -> None:
        """Write a file."""
        try:
            with open(f"{self._path}/{path}", "xb") as file:
                for chunk in chunks:
                    file.write(chunk)
        except OSError as error:
            raise KernelError(f"write {self._path}/{path}", error.errno or 0) from error


def _header(path: str, size: int, kind: bytes, mode: int) -> bytes:
    entry = tarfile.TarInfo(path)
    entry.size, entry.type, entry.mode = size, kind, mode
    return entry.tobuf(tarfile.PAX_FORMAT)

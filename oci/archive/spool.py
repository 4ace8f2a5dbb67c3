"""An archive that can be read at any place: what is piped or compressed goes to a file without a name first.

The kernel removes that file when it is closed, also after SIGKILL.
"""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import contextmanager

from firkin.errors import ImageError, KernelError
from firkin.oci.archive.compressed import compression_by, decompressed
from firkin.oci.archive.source import Directory, Tar
from firkin.oci.layers.unpack import DEFAULT_LIMITS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from firkin.oci.archive.source import Source

__all__ = ["open_source"]

_CHUNK = 1 << 20
_HEAD = 16


@contextmanager
def open_source(
    fd: int,
    name: str,
    scratch: str,
    *,
    most: int = DEFAULT_LIMITS.bytes,
    progress: Callable[[int], None] = lambda done: None,
) -> Iterator[Source]:
    """The files of what is open as `fd`: a directory, or a tar archive, perhaps compressed, perhaps a pipe.

    Parameters: `name` is for errors; in the directory `scratch` at most `most` bytes are laid down; `progress` hears
    how many are. Raises ImageError for what is no archive, KernelError.
    """
    status = os.fstat(fd)
    if stat.S_ISDIR(status.st_mode):
        yield Directory(fd, name)
        return
    is_at_start = stat.S_ISREG(status.st_mode) and not os.lseek(fd, 0, os.SEEK_CUR)
    if is_at_start and not compression_by(os.pread(fd, _HEAD, 0)):
        yield Tar(fd, status.st_size, name)
        return
    try:
        file = tempfile.TemporaryFile(dir=scratch, buffering=0)
    except OSError as error:
        raise KernelError(f"make a file in {scratch}", error.errno or 0) from error
    with file:
        copy = file.fileno()
        yield Tar(copy, _lay_down(fd, copy, name, scratch, most, progress), name)


def _lay_down(fd: int, copy: int, name: str, scratch: str, most: int, progress: Callable[[int], None]) -> int:
    chunks = _read_on(fd, name)
    first = b""
    for chunk in chunks:
        first += chunk
        if len(first) >= _HEAD:
            break
    size = 0
    for piece in decompressed(_joined(first, chunks), compression_by(first), name):
        if size + len(piece) > most:
            raise ImageError(f"{name}: holds more than {most} bytes")
        view = memoryview(piece)
        try:
            while view:
                view = view[os.write(copy, view) :]
        except OSError as error:
            raise KernelError(f"copy {name} to {scratch}", error.errno or 0) from error
        size += len(piece)
        progress(size)
    return size


def _read_on(fd: int, name: str) -> Iterator[bytes]:
    try:
        while data := os.read(fd, _CHUNK):
            yield data
    except OSError as error:
        raise KernelError(f"read {name}", error.errno or 0) from error


def _joined(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest

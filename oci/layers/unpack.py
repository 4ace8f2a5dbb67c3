"""A layer below a directory: read, inflated and hashed by a thread, written by `firkin-unpack` at the same time.

The program (csrc/unpack_main.c) is what touches the archive's names: it resolves all of them inside of the directory.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from firkin.errors import ImageError, KernelError
from firkin.oci.image.digest import Verifier
from firkin.oci.layers.inflate import inflate

__all__ = ["DEFAULT_LIMITS", "Limits", "MissingTargetError", "Unpacked", "file_chunks", "unpack"]

_CHUNK = 1 << 20
_PIPE = 1 << 20
_F_SETPIPE_SZ = 1031
# What is wrong with the machine, not with the layer.
_ENVIRONMENT = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM, errno.ENOMEM, errno.ENFILE}
)


_NO_TARGET = "a hard link to what is not in the layer"


class MissingTargetError(ImageError):
    """A hard link to what the layer does not have itself; it may be one to a file of a lower layer."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a layer may hold: a bomb is an error, not a full disk."""

    entries: int = 1_000_000
    bytes: int = 64 << 30


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What was written: entries, bytes of all files, attributes that were left out.

    `implied` are the directories that the layer does not have itself: what they are in lower layers holds.
    """

    entries: int
    bytes: int
    ignored: int
    implied: tuple[str, ...]


def file_chunks(fd: int) -> Iterable[bytes]:
    """The bytes of an open file, from its start."""
    offset = 0
    while data := os.pread(fd, _CHUNK, offset):
        offset += len(data)
        yield data


def unpack(
    chunks: Iterable[bytes],
    compression: str,
    diff_id: str,
    directory: int,
    *,
    whiteouts: Literal["overlay", "remove"],
    name: str,
    limits: Limits = DEFAULT_LIMITS,
) -> Unpacked:
    """Write a layer below the open `directory`. Blocks; the interpreter's lock is free for most of the time.

    Parameters: `chunks` are the layer's bytes, compressed as `compression` says; `diff_id` is the digest of the
    uncompressed archive; `name` is the layer's in errors.
    Raises ImageError for what is wrong with the layer, KernelError for the machine; what was written stays.
    """
    verifier = Verifier(diff_id)
    stream, sink = os.pipe2(os.O_CLOEXEC)
    records, output = os.pipe2(os.O_CLOEXEC)
    try:
        _widen(sink)
        pid = _start(stream, output, directory, whiteouts, limits)
    except BaseException:
        for fd in (sink, records):
            os.close(fd)
        raise
    finally:
        os.close(stream)
        os.close(output)
    try:
        _pump(inflate(chunks, compression, name), verifier, sink)
        sink = _closed(sink)
        said = _read_all(records)
    finally:
        _closed(sink)
        os.close(records)
        os.waitpid(pid, 0)
    result = _result(said, name)
    verifier.finish()
    return result


def _widen(pipe: int) -> None:
    import fcntl

    try:
        fcntl.fcntl(pipe, _F_SETPIPE_SZ, _PIPE)
    except PermissionError:
        # The user has as much of pipes as is allowed: it is slower, and works.
        return


def _start(stream: int, output: int, directory: int, whiteouts: str, limits: Limits) -> int:
    program = f"{os.path.dirname(os.path.dirname(__file__))}/firkin-unpack"
    argv = [program, whiteouts, str(limits.entries), str(limits.bytes)]
    # The directory last: its place may be that of another one until then.
    actions = [(os.POSIX_SPAWN_DUP2, stream, 0), (os.POSIX_SPAWN_DUP2, output, 1), (os.POSIX_SPAWN_DUP2, directory, 3)]
    try:
        return os.posix_spawn(program, argv, {}, file_actions=actions, setsigmask=[], setsigdef=range(1, 32))
    except OSError as error:
        raise KernelError(f"execute {program}", error.errno or 0) from error


def _pump(pieces: Iterable[bytes], verifier: Verifier, sink: int) -> None:
    try:
        for piece in pieces:
            verifier.update(piece)
            view = memoryview(piece)
            while view:
                view = view[os.write(sink, view) :]
    except BrokenPipeError:
        # It has stopped, and says why.
        return


def _closed(fd: int) -> int:
    if fd >= 0:
        os.close(fd)
    return -1


def _read_all(fd: int) -> list[str]:
    parts = []
    while data := os.read(fd, 65536):
        parts.append(data)
    return os.fsdecode(b"".join(parts)).split("\0")[:-1]


def _result(said: list[str], name: str) -> Unpacked:
    last = said[-1] if said else ""
    if last.startswith("done "):
        entries, total, ignored = (int(word) for word in last.split()[1:])
        return Unpacked(entries, total, ignored, tuple(record.partition("\t")[2] for record in said[:-1]))
    if not last.startswith("error "):
        raise ImageError(f"{name}: firkin-unpack was ended before it was done")
    number, reason, entry = last.removeprefix("error ").split("\t", 2)
    what = f"{name}: {entry!r}" if entry else name
    if not reason and int(number) in _ENVIRONMENT:
        raise KernelError(f"unpack {what}", int(number))
    kind = MissingTargetError if reason == _NO_TARGET else ImageError
    raise kind(f"{what}: {reason or os.strerror(int(number))}")

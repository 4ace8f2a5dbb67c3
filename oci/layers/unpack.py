"""A layer below a directory: `firkin-unpack` inflates the blob, computes the archive's digest and writes what is in it.

The program (csrc/unpack_main.c) is what touches hostile bytes, compressed ones and names: it resolves all names inside
of the directory. It dies with the thread that started it.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from firkin.errors import ImageError, KernelError
from firkin.oci.image.digest import check_digest

__all__ = ["DEFAULT_LIMITS", "Limits", "Unpacked", "Whiteouts", "file_chunks", "unpack"]

Whiteouts = Literal["overlay", "remove"]

_CHUNK = 1 << 20
_PIPE = 1 << 20
_F_SETPIPE_SZ = 1031
_SIGKILL = 9
# What is wrong with the machine, not with the layer.
_ENVIRONMENT = frozenset(
    {
        errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM, errno.ENOMEM, errno.ENFILE,
        errno.EMFILE,
    }
)  # fmt: skip


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
    blob: int | Iterable[bytes],
    compression: str,
    diff_id: str,
    directory: int,
    *,
    whiteouts: Whiteouts,
    name: str,
    limits: Limits = DEFAULT_LIMITS,
) -> Unpacked:
    """Write a layer below the open `directory`. Blocks; the interpreter's lock is free for most of the time.

    Parameters: `blob` is an open file, read from where it stands, or pieces, which may be still on their way; it is
    compressed as `compression` says: "", gzip or zstd. `whiteouts` become those of overlayfs, or remove what is there.
    `diff_id` is the digest of the uncompressed archive; `name` is the layer's in errors.
    Raises ImageError for what is wrong with the layer, KernelError for the machine, and what `blob` raises; what was
    written stays, and is not to be used.
    """
    algorithm = check_digest(diff_id).partition(":")[0]
    words = [whiteouts, compression or "none", algorithm, str(limits.entries), str(limits.bytes)]
    said = _run(words, blob, directory) if isinstance(blob, int) else _run_fed(words, blob, directory)
    result, digest = _result(said, name)
    if f"{algorithm}:{digest}" != diff_id:
        raise ImageError(f"{name}: its archive has the digest {algorithm}:{digest}, the image says {diff_id}")
    return result


def _run(words: list[str], blob: int, directory: int) -> list[str]:
    process = _Process(words, blob, directory)
    try:
        return process.said()
    finally:
        process.close()


def _run_fed(words: list[str], pieces: Iterable[bytes], directory: int) -> list[str]:
    stream, sink = os.pipe2(os.O_CLOEXEC)
    process = None
    try:
        _widen(sink)
        try:
            process = _Process(words, stream, directory)
        finally:
            os.close(stream)
        _pump(pieces, sink)
        sink = _closed(sink)
        return process.said()
    finally:
        _closed(sink)
        if process is not None:
            process.close()


class _Process:
    # firkin-unpack, and the pipe that it speaks through.
    def __init__(self, words: list[str], blob: int, directory: int) -> None:
        self._records, output = os.pipe2(os.O_CLOEXEC)
        try:
            self._pid = _start(words, blob, output, directory)
        except BaseException:
            os.close(self._records)
            raise
        finally:
            os.close(output)

    def said(self) -> list[str]:
        parts = []
        while data := os.read(self._records, 65536):
            parts.append(data)
        return os.fsdecode(b"".join(parts)).split("\0")[:-1]

    def close(self) -> None:
        # Whoever was interrupted does not wait for a layer to its end.
        os.kill(self._pid, _SIGKILL)
        os.close(self._records)
        os.waitpid(self._pid, 0)


def _start(words: list[str], blob: int, output: int, directory: int) -> int:
    program = f"{os.path.dirname(os.path.dirname(__file__))}/firkin-unpack"
    # The directory last: its place may be that of another one until then.
    actions = [(os.POSIX_SPAWN_DUP2, blob, 0), (os.POSIX_SPAWN_DUP2, output, 1), (os.POSIX_SPAWN_DUP2, directory, 3)]
    try:
        argv = [program, *words]
        return os.posix_spawn(program, argv, {}, file_actions=actions, setsigmask=[], setsigdef=range(1, 32))
    except OSError as error:
        raise KernelError(f"execute {program}", error.errno or 0) from error


def _widen(pipe: int) -> None:
    import fcntl

    try:
        fcntl.fcntl(pipe, _F_SETPIPE_SZ, _PIPE)
    except PermissionError:
        # The user has as much of pipes as is allowed: it is slower, and works.
        return


def _pump(pieces: Iterable[bytes], sink: int) -> None:
    try:
        for piece in pieces:
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


def _result(said: list[str], name: str) -> tuple[Unpacked, str]:
    last = said[-1] if said else ""
    if last.startswith("done "):
        entries, total, ignored, digest = last.split()[1:]
        implied = tuple(record.partition("\t")[2] for record in said[:-1])
        return Unpacked(int(entries), int(total), int(ignored), implied), digest
    if not last.startswith("error "):
        raise ImageError(f"{name}: firkin-unpack was ended before it was done")
    number, reason, entry = last.removeprefix("error ").split("\t", 2)
    what = f"{name}: {entry!r}" if entry else name
    if not reason and int(number) in _ENVIRONMENT:
        raise KernelError(f"unpack {what}", int(number))
    raise ImageError(f"{what}: {reason or os.strerror(int(number))}")

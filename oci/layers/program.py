"""`firkin-unpack`, the program that writes layers: how it is started, and what it says.

Source: csrc/unpack_main.c.
"""

from __future__ import annotations

import asyncio
import errno
import os
from dataclasses import dataclass
from typing import Literal

from firkin.errors import ImageError, KernelError
from firkin.oci.image.digest import check_digest

__all__ = [
    "DEFAULT_LIMITS", "Job", "Limits", "MissingTargetError", "Program", "Unpacked", "Whiteouts", "feeding_pipe",
]  # fmt: skip

Whiteouts = Literal["overlay", "remove"]

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


@dataclass(frozen=True, slots=True)
class Job:
    """A layer to write below the open `directory`.

    Parameters: the blob is compressed as `compression` says: "", gzip or zstd; `diff_id` is the digest of the
    uncompressed archive. `whiteouts` become those of overlayfs, or remove what is there. `name` is the layer's in
    errors.
    """

    compression: str
    diff_id: str
    directory: int
    whiteouts: Whiteouts
    name: str
    limits: Limits = DEFAULT_LIMITS

    def words(self) -> list[str]:
        """The program's arguments. Raises ImageError for a malformed digest."""
        algorithm = check_digest(self.diff_id).partition(":")[0]
        limits = self.limits
        return [self.whiteouts, self.compression or "none", algorithm, str(limits.entries), str(limits.bytes)]

    def result(self, said: bytes) -> Unpacked:
        """What the program said when it ended. Raises ImageError for the layer, KernelError for the machine."""
        records = os.fsdecode(said).split("\0")[:-1]
        last = records[-1] if records else ""
        if last.startswith("error "):
            raise self._error(last.removeprefix("error "))
        if not last.startswith("done "):
            raise ImageError(f"{self.name}: firkin-unpack was ended before it was done")
        entries, total, ignored, encoded = last.split()[1:]
        digest = f"{self.diff_id.partition(':')[0]}:{encoded}"
        if digest != self.diff_id:
            raise ImageError(f"{self.name}: its archive has the digest {digest}, the image says {self.diff_id}")
        implied = tuple(record.partition("\t")[2] for record in records[:-1])
        return Unpacked(int(entries), int(total), int(ignored), implied)

    def _error(self, text: str) -> ImageError | KernelError:
        number, reason, entry = text.split("\t", 2)
        what = f"{self.name}: {entry!r}" if entry else self.name
        if not reason and int(number) in _ENVIRONMENT:
            return KernelError(f"unpack {what}", int(number))
        kind = MissingTargetError if reason == _NO_TARGET else ImageError
        return kind(f"{what}: {reason or os.strerror(int(number))}")


class Program:
    """The running program, whose standard input is the open file or pipe `blob`.

    It dies with the thread that started it. Close it. Raises KernelError if it can not be started, ImageError.
    """

    def __init__(self, job: Job, blob: int) -> None:
        self._records, output = os.pipe2(os.O_CLOEXEC)
        try:
            self._pid = _start(job.words(), blob, output, job.directory)
        except BaseException:
            os.close(self._records)
            raise
        finally:
            os.close(output)

    def said(self) -> bytes:
        """All that it says until it ends. Blocks."""
        return b"".join(iter(lambda: os.read(self._records, 65536), b""))

    async def said_async(self) -> bytes:
        """The same in a running loop."""
        os.set_blocking(self._records, False)
        loop = asyncio.get_running_loop()
        parts: list[bytes] = []
        ended = loop.create_future()

        def read() -> None:
            parts.append(os.read(self._records, 65536))
            if not parts[-1]:
                loop.remove_reader(self._records)
                ended.set_result(None)

        loop.add_reader(self._records, read)
        try:
            await ended
        finally:
            loop.remove_reader(self._records)
        return b"".join(parts)

    def close(self) -> None:
        """Let go of it; if it is not done, it is ended."""
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


def feeding_pipe() -> tuple[int, int]:
    """A pipe for a blob that is no open file, as wide as is allowed: the ends to read and to write."""
    import fcntl

    stream, sink = os.pipe2(os.O_CLOEXEC)
    try:
        fcntl.fcntl(sink, _F_SETPIPE_SZ, _PIPE)
    except PermissionError:
        # The user has as much of pipes as is allowed: it is slower, and works.
        pass
    return stream, sink

"""Reads a log as clients want it, and follows it, also when it is rotated."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any

from firkin.errors import KernelError
from firkin.kubelet.inotify import CREATE, MODIFY, MOVED_TO, FileNotices
from firkin.kubelet.logs.line import nanoseconds, parse_line
from firkin.kubelet.logs.options import LogOptions

__all__ = ["read_log", "tail_offset"]

_PIECE = 1 << 16
_STAMP = len("2006-01-02T15:04:05")


async def read_log(
    path: str, options: LogOptions, ended: Callable[[], Awaitable[object]] | None = None
) -> AsyncGenerator[bytes, None]:
    """The content of a log in pieces.

    Parameters: with `ended` the log is followed until that has returned, and then read to its end.
    Raises KernelError if there is no log at `path`.
    """
    chosen = _Chosen(options)
    with _Log(path) as log:
        log.seek(tail_offset(log.fd, options.tail) if options.tail is not None else 0)
        if ended is None:
            async for piece in _read_to_end(log, chosen):
                yield piece
            return
        end = asyncio.ensure_future(ended())
        try:
            with FileNotices() as notices:
                notices.watch(os.path.dirname(path), CREATE | MOVED_TO | MODIFY)
                async for piece in _follow(log, chosen, notices, end):
                    yield piece
        finally:
            end.cancel()
            await asyncio.gather(end, return_exceptions=True)


async def _follow(log: _Log, chosen: _Chosen, notices: FileNotices, end: asyncio.Future[Any]) -> AsyncIterator[bytes]:
    while True:
        is_over = end.done()
        async for piece in _read_to_end(log, chosen):
            yield piece
        if chosen.is_full:
            break
        if log.move_on():
            continue
        if is_over:
            break
        more: asyncio.Future[Any] = asyncio.ensure_future(notices.read())
        try:
            await asyncio.wait([more, end], return_when=asyncio.FIRST_COMPLETED)
        finally:
            more.cancel()


async def _read_to_end(log: _Log, chosen: _Chosen) -> AsyncIterator[bytes]:
    while not chosen.is_full and (lines := log.lines()):
        if piece := chosen.of(lines):
            yield piece
        # Others of the loop are not held up by a log that is long.
        await asyncio.sleep(0)


class _Log:
    # The file at a path, which another one may take the place of.

    def __init__(self, path: str) -> None:
        self._path = path
        self._rest = b""
        self.fd = self._open()

    def _open(self) -> int:
        try:
            return os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise KernelError(f"open log {self._path}", error.errno or 0) from error

    def __enter__(self) -> _Log:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)

    def seek(self, offset: int) -> None:
        os.lseek(self.fd, offset, os.SEEK_SET)

    def lines(self) -> list[bytes]:
        # The next lines that are complete; none at the end.
        while data := os.read(self.fd, _PIECE):
            *lines, rest = (self._rest + data).split(b"\n")
            self._rest = rest
            if lines:
                return lines
        return []

    def move_on(self) -> bool:
        # Goes to the file that took the place of this one, which has been read to its end.
        try:
            now, mine = os.stat(self._path), os.fstat(self.fd)
        except FileNotFoundError:
            # It was renamed, and its successor is about to be made.
            return False
        if (now.st_dev, now.st_ino) == (mine.st_dev, mine.st_ino):
            return False
        if mine.st_size > os.lseek(self.fd, 0, os.SEEK_CUR):
            return True
        fd = self._open()
        os.close(self.fd)
        self.fd, self._rest = fd, b""
        return True


class _Chosen:
    # What of the lines is wanted, in the form that is wanted.

    def __init__(self, options: LogOptions) -> None:
        self._options = options
        self._room = options.limit
        self._begins_line = True

    @property
    def is_full(self) -> bool:
        return self._room == 0

    def of(self, lines: list[bytes]) -> bytes:
        out = b"".join(self._line(line) for line in lines)
        if self._room is not None:
            out = out[: self._room]
            self._room -= len(out)
        return out

    def _line(self, raw: bytes) -> bytes:
        options = self._options
        line = parse_line(raw + b"\n")
        if line is None or options.stream not in (None, line.stream):
            return b""
        if options.since is not None and _is_older(line.timestamp, options.since):
            return b""
        prefix = _full_stamp(line.timestamp) + b" " if options.timestamps and self._begins_line else b""
        self._begins_line = line.content.endswith(b"\n") or not line.content
        return prefix + line.content


def _is_older(timestamp: bytes, since: int) -> bool:
    try:
        return nanoseconds(timestamp.decode("ascii")) < since
    except ValueError:
        # Nobody can tell how old it is.
        return False


def _full_stamp(timestamp: bytes) -> bytes:
    # With nine digits of the second, whatever the runtime wrote.
    head, rest = timestamp[:_STAMP], timestamp[_STAMP:].removeprefix(b".")
    zone = rest.lstrip(b"0123456789")
    return head + b"." + rest[: len(rest) - len(zone)].ljust(9, b"0") + zone


def tail_offset(fd: int, count: int) -> int:
    """Where the last `count` lines of a file begin."""
    end = os.lseek(fd, 0, os.SEEK_END)
    if not count:
        return end
    # The line feed at the very end ends a line, and begins none.
    at = end - 1
    while at > 0:
        size = min(_PIECE, at)
        at -= size
        piece = os.pread(fd, size, at)
        here = piece.count(b"\n")
        if here >= count:
            return at + _nth_from_end(piece, count) + 1
        count -= here
    return 0


def _nth_from_end(piece: bytes, number: int) -> int:
    # The position of the line feed that is the `number`th from the end.
    position = len(piece)
    for _ in range(number):
        position = piece.rindex(b"\n", 0, position)
    return position

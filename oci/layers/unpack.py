"""A layer below a directory: `firkin-unpack` inflates the blob, computes the archive's digest and writes what is in it.

The program is what touches hostile bytes, compressed ones and names: it resolves all names inside of the directory.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager

from firkin.errors import ImageError
from firkin.oci.layers.arrival import Arrival
from firkin.oci.layers.program import (
    DEFAULT_LIMITS,
    Job,
    Limits,
    MissingTargetError,
    Program,
    Unpacked,
    Whiteouts,
    feeding_pipe,
)

__all__ = [
    "DEFAULT_LIMITS", "Job", "Limits", "MissingTargetError", "Unpacked", "file_chunks", "unpack", "unpack_arriving",
]  # fmt: skip

_CHUNK = 1 << 20


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

    Parameters: `blob` is an open file, read from where it stands, or pieces; the others are those of `Job`.
    Raises ImageError for what is wrong with the layer, KernelError for the machine, and what `blob` raises; what was
    written stays, and is not to be used.
    """
    job = Job(compression, diff_id, directory, whiteouts, name, limits)
    return job.result(_run(job, blob) if isinstance(blob, int) else _run_fed(job, blob))


def _run(job: Job, blob: int) -> bytes:
    program = Program(job, blob)
    try:
        return program.said()
    finally:
        program.close()


def _run_fed(job: Job, pieces: Iterable[bytes]) -> bytes:
    stream, sink = feeding_pipe()
    program = None
    try:
        try:
            program = Program(job, stream)
        finally:
            os.close(stream)
        _pump(pieces, sink)
        sink = _closed(sink)
        return program.said()
    finally:
        _closed(sink)
        if program is not None:
            program.close()


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


async def unpack_arriving(arrival: Arrival, job: Job) -> Unpacked:
    """Write a layer whose blob may be still on its way. When this returns, both its digests are verified.

    Raises what the download failed of, ImageError for what is wrong with the layer, KernelError for the machine; what
    was written stays, and is not to be used. When it is cancelled, nothing is written any more.
    """
    try:
        if arrival.is_whole:
            result = job.result(await _said_of_whole(job, arrival))
        else:
            result = job.result(await _said_while_feeding(job, arrival))
    except ImageError:
        # What is not what its digest says is not the layer's fault.
        await arrival.whole()
        raise
    await arrival.whole()
    return result


async def _said_of_whole(job: Job, arrival: Arrival) -> bytes:
    blob = arrival.open()
    try:
        program = Program(job, blob)
    finally:
        os.close(blob)
    try:
        return await program.said_async()
    finally:
        program.close()


async def _said_while_feeding(job: Job, arrival: Arrival) -> bytes:
    stream, sink = feeding_pipe()
    with open(sink, "wb", buffering=0) as pipe:
        try:
            program = Program(job, stream)
        finally:
            os.close(stream)
        try:
            async with _beside(arrival.feed(pipe)):
                return await program.said_async()
        finally:
            program.close()


@asynccontextmanager
async def _beside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    # What becomes of it is seen elsewhere.
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

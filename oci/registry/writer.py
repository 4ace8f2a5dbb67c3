"""Writes beside the network: one piece is hashed and written in a thread while the next one comes in."""

from __future__ import annotations

import asyncio
from typing import Self

from firkin.oci.registry.sink import Ingest

__all__ = ["Writer"]

_PIECE = 1 << 20
# A server that sends byte by byte must not cost an object for each.
_CHUNKS = 1 << 10


class Writer:
    """Gathers chunks to pieces and appends them to an ingest, in order; holds two pieces at most.

    When it is left, all that it was given is written, or an error of the ingest is raised.
    """

    def __init__(self, ingest: Ingest) -> None:
        self._ingest = ingest
        self._piece: list[bytes | memoryview] = []
        self._length = 0
        self._writing: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def write(self, chunk: bytes | memoryview) -> None:
        """Append. Raises what the ingest raises, perhaps for an earlier chunk."""
        self._piece.append(chunk)
        self._length += len(chunk)
        if self._length >= _PIECE or len(self._piece) >= _CHUNKS:
            await self._flush()

    async def __aexit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        # The thread must be done with the ingest before its owner closes it, also when this task is cancelled.
        if kind is None or issubclass(kind, Exception):
            await self._flush()
        await self._settle()

    async def _flush(self) -> None:
        await self._settle()
        piece, self._piece, self._length = self._piece, [], 0
        if piece:
            loop = asyncio.get_running_loop()
            self._writing = loop.run_in_executor(None, _append, self._ingest, piece)

    async def _settle(self) -> None:
        writing, self._writing = self._writing, None
        if writing is None:
            return
        cancelled: asyncio.CancelledError | None = None
        while not writing.done():
            try:
                await asyncio.wait([writing])
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled
        writing.result()


def _append(ingest: Ingest, piece: list[bytes | memoryview]) -> None:
    for chunk in piece:
        ingest.write(chunk)

"""A large blob in parts that are fetched side by side, and written in their order.

A connection alone is often not as fast as the line: a server or a network between shares out by connection.

Source: RFC 9110, section 14.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from dataclasses import replace

from firkin.oci.image.manifest import Descriptor
from firkin.oci.registry.caller import Caller
from firkin.oci.registry.endpoint import Endpoint
from firkin.oci.registry.failure import clean, protocol_error
from firkin.oci.registry.progress import Progress
from firkin.oci.registry.reply import Reply
from firkin.oci.registry.request import Request
from firkin.oci.registry.sink import Ingest
from firkin.oci.registry.writer import Writer

__all__ = ["LARGE", "PART", "Ranges", "check_range"]

LARGE = 32 << 20
"""Bytes from which on a blob is worth more than one connection."""
PART = 2 << 20
"""Bytes of one part, so many of which are in memory as are fetched at once."""

_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19}|\*)")
_STATUSES = frozenset({200, 206})


def check_range(reply: Reply, start: int, size: int) -> int:
    """How many bytes an answer of status 206 has, which begin at `start` of `size`. Raises RegistryError."""
    text = reply.headers.get("Content-Range", "")
    found = _CONTENT_RANGE.fullmatch(text)
    if found is None or int(found[1]) != start or not start <= int(found[2]) < size or found[3] not in ("*", str(size)):
        raise protocol_error(
            reply.what, reply.host, f"Content-Range {clean(text, 80)!r} is not from byte {start} of {size}"
        )
    return int(found[2]) + 1 - start


class Ranges:
    """The parts of the blob that `request` asks for, each fetched with so many attempts."""

    def __init__(
        self, caller: Caller, endpoint: Endpoint, request: Request, descriptor: Descriptor, attempts: int
    ) -> None:
        self._caller = caller
        self._endpoint = endpoint
        self._request = request
        self._size = descriptor.size
        self._digest = descriptor.digest
        self._attempts = attempts

    async def fetch(self, ingest: Ingest, parallel: int, progress: Progress) -> None:
        """Append all that is missing; nothing if the server does not know ranges. Raises RegistryError, KernelError."""
        done = ingest.offset
        first = await self._part(done)
        if first is None:
            return
        waiting: deque[asyncio.Task[bytearray | None]] = deque()
        begun = done + len(first)
        try:
            async with Writer(ingest) as writer:
                part: bytearray | None = first
                while part is not None:
                    await writer.write(memoryview(part))
                    done += len(part)
                    progress(self._digest, done, self._size)
                    while len(waiting) < parallel and begun < self._size:
                        waiting.append(asyncio.create_task(self._part(begun)))
                        begun = min(begun + PART, self._size)
                    part = await waiting.popleft() if waiting else None
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _part(self, start: int) -> bytearray | None:
        length = min(PART, self._size - start)

        async def consume(reply: Reply) -> bytearray | None:
            if reply.status == 200:
                return None
            told = check_range(reply, start, self._size)
            if told != length:
                raise protocol_error(reply.what, reply.host, f"sends {told} bytes of a range of {length}")
            body = await reply.gather(length)
            if len(body) != length:
                raise protocol_error(reply.what, reply.host, f"ends {length - len(body)} bytes early", transient=True)
            return body

        request = replace(self._request, headers={"Range": f"bytes={start}-{start + length - 1}"})
        return await self._caller.call(self._endpoint, request, consume, good=_STATUSES, attempts=self._attempts)

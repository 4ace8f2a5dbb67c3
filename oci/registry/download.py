"""One blob from one endpoint into an ingest: resumed where it was cut, in parts side by side where it is large.

Source: distribution-spec spec.md, "Pulling blobs"; RFC 9110, section 14.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from firkin.errors import ImageError, RegistryError
from firkin.oci.image.manifest import Descriptor
from firkin.oci.registry.caller import Caller
from firkin.oci.registry.endpoint import Endpoint
from firkin.oci.registry.failure import protocol_error
from firkin.oci.registry.progress import Progress, silent
from firkin.oci.registry.ranges import LARGE, Ranges, check_range
from firkin.oci.registry.reply import Reply
from firkin.oci.registry.request import Request
from firkin.oci.registry.sink import Ingest
from firkin.oci.registry.writer import Writer

__all__ = ["download"]

_STATUSES = frozenset({200, 206, 416})
# Less than this on a connection is no reason to begin counting failures anew.
_WORTH = 1 << 20


async def download(
    caller: Caller,
    endpoint: Endpoint,
    request: Request,
    descriptor: Descriptor,
    ingest: Ingest,
    *,
    attempts: int,
    ranges: int = 1,
    progress: Progress = silent,
) -> None:
    """Fetch what is missing of the blob, and commit it.

    `attempts` is how often a connection may fail without progress; `ranges` how many parts of a large blob are fetched
    at once, if the server can do that. Where an earlier download left bytes, and the whole turns out to be wrong, all
    of it is fetched again. Raises RegistryError, also if the bytes are not those of the descriptor, KernelError of
    the ingest.
    """
    is_resumed = ingest.offset > 0
    while True:
        if ranges > 1 and descriptor.size - ingest.offset >= LARGE:
            await Ranges(caller, endpoint, request, descriptor, attempts).fetch(ingest, ranges, progress)
        await _complete(caller, endpoint, request, descriptor, ingest, attempts, progress)
        try:
            await asyncio.to_thread(ingest.commit)
            return
        except ImageError as error:
            if not is_resumed:
                raise protocol_error(request.what, endpoint.host, error.message) from error
        # The part that is wrong may have come from elsewhere, earlier.
        is_resumed = False


async def _complete(
    caller: Caller,
    endpoint: Endpoint,
    request: Request,
    descriptor: Descriptor,
    ingest: Ingest,
    attempts: int,
    progress: Progress,
) -> None:
    failures = 0
    before = ingest.offset
    while ingest.offset < descriptor.size or not descriptor.size:
        part = _Part(descriptor, ingest, progress)
        headers = {"Range": f"bytes={ingest.offset}-"} if ingest.offset else {}
        try:
            await caller.once(endpoint, replace(request, headers=headers), part.take, good=_STATUSES)
            if not descriptor.size:
                break
        except RegistryError as error:
            failures = 1 if ingest.offset - before >= _WORTH else failures + 1
            before = ingest.offset
            await caller.wait(error, failures, attempts)


class _Part:
    # One answer, from where the ingest is to the end of the blob or of the answer.
    def __init__(self, descriptor: Descriptor, ingest: Ingest, progress: Progress) -> None:
        self._descriptor = descriptor
        self._ingest = ingest
        self._progress = progress

    async def take(self, reply: Reply) -> None:
        reply.check_encoding()
        start = self._start(reply)
        left = self._descriptor.size - start
        self._check_length(reply, left)
        async with Writer(self._ingest) as writer:
            async for chunk in reply.chunks():
                left -= len(chunk)
                if left < 0:
                    raise protocol_error(
                        reply.what, reply.host, f"sends more than the {self._descriptor.size} bytes of it"
                    )
                await writer.write(chunk)
                self._progress(self._descriptor.digest, self._descriptor.size - left, self._descriptor.size)
        if left:
            reason = f"ends {left} bytes before the {self._descriptor.size} of it"
            raise protocol_error(reply.what, reply.host, reason, transient=True)

    def _start(self, reply: Reply) -> int:
        if reply.status == 206:
            check_range(reply, self._ingest.offset, self._descriptor.size)
            return self._ingest.offset
        if self._ingest.offset:
            # The server does not know ranges, or not this one: all that is left is the start.
            self._ingest.restart()
            self._progress(self._descriptor.digest, 0, self._descriptor.size)
        if reply.status == 416:
            raise protocol_error(reply.what, reply.host, "answers 416 to a range of it", transient=True)
        return 0

    def _check_length(self, reply: Reply, left: int) -> None:
        length = reply.length
        if length is not None and length > left:
            reason = f"wants to send {length} bytes, its descriptor leaves {left}"
            raise protocol_error(reply.what, reply.host, reason)

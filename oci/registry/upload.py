"""One upload of a blob: in one request if it is small, else in chunks, each of which can be sent again.

Source: distribution-spec spec.md, "Pushing blobs".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from yarl import URL

from firkin.errors import RegistryError
from firkin.oci.image.manifest import Descriptor
from firkin.oci.registry.caller import Caller
from firkin.oci.registry.endpoint import Endpoint
from firkin.oci.registry.failure import clean, protocol_error
from firkin.oci.registry.redirect import target
from firkin.oci.registry.reply import Reply
from firkin.oci.registry.request import FileRange, Request

__all__ = ["Upload"]

_ACCEPTED = frozenset({202})
_CREATED = frozenset({201})
_STATUS = frozenset({200, 202, 204})
_RANGE = re.compile(r"(?:bytes=)?0-([0-9]{1,19})")


class Upload:
    """The upload that `request`, with the method PUT, ends. `fd` has the blob; `advance` hears how much is sent."""

    def __init__(
        self,
        caller: Caller,
        endpoint: Endpoint,
        request: Request,
        descriptor: Descriptor,
        fd: int,
        advance: Callable[[int], None],
    ) -> None:
        self._caller = caller
        self._endpoint = endpoint
        self._request = request
        self._size = descriptor.size
        self._digest = descriptor.digest
        self._fd = fd
        self._advance = advance
        self._url = request.url
        self._offset = 0

    async def send(self, chunk: int) -> None:
        """Send all of it, in requests of `chunk` bytes if one does not do. Raises RegistryError, OSError."""
        if self._size <= chunk:
            await self._finish(self._range(0, self._size) if self._size else b"")
            return
        failures = 0
        while self._offset < self._size:
            try:
                await self._send_chunk(min(chunk, self._size - self._offset))
                failures = 0
            except RegistryError as error:
                failures += 1
                await self._caller.wait(error, failures, self._caller.limits.attempts)
                await self._ask_offset()
        await self._finish(b"")

    async def _send_chunk(self, length: int) -> None:
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Range": f"{self._offset}-{self._offset + length - 1}",
        }
        body = self._range(self._offset, length)
        request = replace(self._request, method="PATCH", url=self._url, headers=headers, body=body)
        await self._caller.once(self._endpoint, request, self._take_state, good=_ACCEPTED)

    async def _ask_offset(self) -> None:
        # What of a failed chunk has arrived, only the registry knows.
        request = replace(self._request, method="GET", url=self._url)
        await self._caller.call(self._endpoint, request, self._take_state, good=_STATUS)

    async def _take_state(self, reply: Reply) -> None:
        text = reply.headers.get("Range", "")
        found = _RANGE.fullmatch(text)
        # Of nothing a registry says 0-0, as it does of one byte; the empty answer is none of this protocol.
        end = int(found[1]) + 1 if found else -1
        end = 0 if end == 1 else end
        if not 0 <= end <= self._size:
            reason = f"Range {clean(text, 80)!r} is not what was sent of {self._size} bytes"
            raise protocol_error(reply.what, reply.host, reason)
        self._offset = end
        if "Location" in reply.headers:
            self._url = target(reply.url, reply.headers["Location"], reply.what)

    async def _finish(self, body: FileRange | bytes) -> None:
        headers = {"Content-Type": "application/octet-stream"}
        url = self._with_digest(self._url)
        request = replace(self._request, url=url, headers=headers, body=body)
        await self._caller.call(self._endpoint, request, _created, good=_CREATED)

    def _with_digest(self, url: URL) -> URL:
        # The query of the location is the registry's own, signed perhaps, and stays as it is.
        separator = "&" if url.raw_query_string else "?"
        return URL(f"{url}{separator}digest={self._digest}", encoded=True)

    def _range(self, offset: int, length: int) -> FileRange:
        sent = offset

        def advance(count: int) -> None:
            nonlocal sent
            sent += count
            self._advance(sent)

        return FileRange(self._fd, offset, length, advance)


async def _created(reply: Reply) -> None:
    return None

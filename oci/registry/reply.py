"""The answer to one request, read with limits of size and of patience."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import aiohttp

from firkin.oci.registry.endpoint import name_of
from firkin.oci.registry.failure import connection_error, protocol_error, silence_error

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy
    from yarl import URL

    from firkin.oci.registry.limits import Limits

__all__ = ["Reply"]


class Reply:
    """What came back: `status`, `headers`, and the body still to be read. `url` is who answered in the end."""

    def __init__(self, response: aiohttp.ClientResponse, url: URL, what: str, limits: Limits) -> None:
        self.status = response.status
        self.headers: CIMultiDictProxy[str] = response.headers
        self.url = url
        self.what = what
        self._response = response
        self._limits = limits

    @property
    def host(self) -> str:
        """Who answered."""
        return name_of(self.url)

    @property
    def length(self) -> int | None:
        """The length of the body as the server tells it. Raises RegistryError for one that is none."""
        text = self.headers.get("Content-Length")
        if text is None:
            return None
        if not (text.isascii() and text.isdigit()):
            raise protocol_error(self.what, self.host, f"Content-Length {text[:40]!r} is no number")
        return int(text)

    def check_encoding(self) -> None:
        """Refuse a body that is compressed beyond what it is by itself. Raises RegistryError."""
        encoding = self.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in ("", "identity"):
            reason = f"sends Content-Encoding {encoding[:40]!r}, which was not asked for"
            raise protocol_error(self.what, self.host, reason)

    async def read(self, most: int) -> bytes:
        """The whole body of a document, which has at most `most` bytes. Raises RegistryError."""
        return bytes(await self.gather(most))

    async def gather(self, most: int) -> bytearray:
        """The same without a copy."""
        self.check_encoding()
        if (self.length or 0) > most:
            reason = f"wants to send {self.length} bytes, more than the {most} that are read at most"
            raise protocol_error(self.what, self.host, reason)
        body = bytearray()
        try:
            async with asyncio.timeout(self._limits.whole):
                async for chunk in self.chunks():
                    body += chunk
                    if len(body) > most:
                        raise protocol_error(
                            self.what, self.host, f"sends more than the {most} bytes that are read at most"
                        )
        except TimeoutError:
            raise silence_error(self.what, self.host, self._limits.whole) from None
        return body

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises RegistryError if it breaks off, or comes too slowly."""
        content = self._response.content
        clock = asyncio.get_running_loop().time
        waited, got = 0.0, 0
        while True:
            before = clock()
            try:
                async with asyncio.timeout(self._limits.silence - waited):
                    chunk = await content.readany()
            except TimeoutError:
                raise silence_error(self.what, self.host, self._limits.silence) from None
            except (aiohttp.ClientError, OSError) as error:
                raise connection_error(self.what, self.host, error, plain=self.url.scheme == "http") from error
            if not chunk:
                return
            waited, got = waited + clock() - before, got + len(chunk)
            if got >= self._limits.stride:
                waited, got = 0.0, 0
            yield chunk

"""Bodies: read by length or in chunks, written in chunks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from firkin.kubelet.http.message import BadRequestError

__all__ = ["chunk", "read_body"]

_LONGEST_LINE = 1024


async def read_body(reader: asyncio.StreamReader, headers: Mapping[str, str], most: int) -> bytes:
    """The body behind a head, of `most` bytes at most. Raises BadRequestError, IncompleteReadError."""
    encoding = headers.get("transfer-encoding")
    length = headers.get("content-length")
    if encoding is not None:
        # Both are how requests are smuggled past proxies (RFC 9112, section 6.3).
        if length is not None or encoding.lower() != "chunked":
            raise BadRequestError(400, "the length of the body is not clear")
        return await _read_chunks(reader, most)
    if length is None:
        return b""
    if not (length.isascii() and length.isdecimal()) or len(length) > 18:
        raise BadRequestError(400, "content-length is no number")
    if int(length) > most:
        raise BadRequestError(413, f"the body is longer than {most} bytes")
    return await reader.readexactly(int(length))


async def _read_chunks(reader: asyncio.StreamReader, most: int) -> bytes:
    parts, total = [], 0
    while size := await _chunk_size(reader):
        total += size
        if total > most:
            raise BadRequestError(413, f"the body is longer than {most} bytes")
        parts.append(await reader.readexactly(size))
        if await reader.readexactly(2) != b"\r\n":
            raise BadRequestError(400, "a chunk does not end where it should")
    for _ in range(100):
        if not await _line(reader):
            return b"".join(parts)
    raise BadRequestError(431, "there are too many trailers")


async def _chunk_size(reader: asyncio.StreamReader) -> int:
    text = (await _line(reader)).partition(b";")[0].strip()
    if not text or len(text) > 8 or not set(text) <= set(b"0123456789abcdefABCDEF"):
        raise BadRequestError(400, "a chunk has no size")
    return int(text, 16)


async def _line(reader: asyncio.StreamReader) -> bytes:
    line = await reader.readuntil(b"\r\n")
    if len(line) > _LONGEST_LINE:
        raise BadRequestError(400, "a line of a chunk is too long")
    return line[:-2]


def chunk(part: bytes) -> bytes:
    """A part of a body as a chunk; the empty one is the last (RFC 9112, section 7.1)."""
    return b"%x\r\n%b\r\n" % (len(part), part)

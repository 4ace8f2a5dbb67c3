"""Decompression of layers, at the speed of the best libraries: gzip by ISA-L, zstd by its own.

Source: RFC 1952 (gzip, several members), RFC 8878 (zstd, several and skippable frames).
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import IO, cast

from firkin.errors import ImageError

__all__ = ["inflate"]

_WINDOW = 1 << 27
"""Bytes that a zstd frame may ask to be remembered: what `zstd --long` makes without further options."""
_PIECE = 1 << 20
"""Bytes that come out at a time: a bomb must not become one piece in memory."""


def inflate(chunks: Iterable[bytes], compression: str, name: str) -> Iterator[bytes]:
    """The decompressed bytes of `chunks`, in pieces of bounded size.

    Parameters: `compression` is "", gzip or zstd; `name` is the layer's in errors.
    Raises ImageError for data that is damaged, cut off, or goes on behind its end.
    """
    if not compression:
        yield from chunks
    elif compression == "gzip":
        yield from _gunzip(chunks, name)
    else:
        yield from _unzstd(chunks, name)


def _gunzip(chunks: Iterable[bytes], name: str) -> Iterator[bytes]:
    from isal import isal_zlib
    from isal.igzip_lib import IsalError

    member = None
    try:
        for chunk in chunks:
            data = chunk
            while data:
                if member is None:
                    # What pads the file behind the last member.
                    data = data.lstrip(b"\0") if data[:1] == b"\0" else data
                    if not data:
                        break
                    member = isal_zlib.decompressobj(wbits=31)
                if piece := member.decompress(data, _PIECE):
                    yield piece
                data = member.unconsumed_tail
                if member.eof:
                    data = member.unused_data
                    member = None
    except IsalError as error:  # type: ignore[misc] # its stub says that it is an instance
        raise ImageError(f"{name}: is no gzip data, or it is damaged: {error}") from None
    if member is not None:
        raise ImageError(f"{name}: its gzip data is cut off")


def _unzstd(chunks: Iterable[bytes], name: str) -> Iterator[bytes]:
    import zstandard

    decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
    try:
        # That it is cut off the library does not tell; whoever compares the digest does.
        with decompressor.stream_reader(
            cast("IO[bytes]", _Source(chunks)), read_size=_PIECE, read_across_frames=True
        ) as reader:
            while piece := reader.read(_PIECE):
                yield piece
    except zstandard.ZstdError as error:
        raise ImageError(f"{name}: is no zstd data, or it is damaged: {error}") from None


class _Source(io.RawIOBase):
    # What the reader of zstandard reads from.
    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")

    def read(self, size: int = -1) -> bytes:
        if not self._rest:
            self._rest = memoryview(next(self._chunks, b""))
        data, self._rest = self._rest[:size], self._rest[size:]
        return bytes(data)

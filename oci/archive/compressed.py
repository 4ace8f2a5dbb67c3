"""How a file is compressed, by its first bytes, and what it holds."""

from __future__ import annotations

import bz2
import lzma

from firkin.errors import ImageError
from firkin.oci.layers.inflate import inflate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["compression_by", "decompressed"]

_MARKS = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\xfd7zXZ\0": "xz",
    b"BZh": "bzip2",
}
_PIECE = 1 << 20
# What files of `xz -9` need is half of it.
_XZ_MEMORY = 128 << 20


def compression_by(head: bytes) -> str:
    """How a file that begins like this is compressed: gzip, zstd, xz, bzip2, or "" if it is not."""
    return next((name for mark, name in _MARKS.items() if head.startswith(mark)), "")


def decompressed(chunks: Iterable[bytes], compression: str, name: str) -> Iterator[bytes]:
    """The bytes that `chunks` hold, in pieces of bounded size; `name` is for errors.

    Raises ImageError for data that are damaged, cut off, or go on behind their end.
    """
    if compression not in ("xz", "bzip2"):
        yield from inflate(chunks, compression, name)
        return
    unpacker: lzma.LZMADecompressor | bz2.BZ2Decompressor | None = None
    for data in chunks:
        while data or (unpacker and not unpacker.needs_input):
            # Both know files of several parts, each with an end of its own.
            unpacker = unpacker or _unpacker(compression)
            try:
                piece = unpacker.decompress(data, _PIECE)
            except (OSError, lzma.LZMAError) as error:
                raise ImageError(f"{name}: is no {compression} data, or it is damaged: {error}") from None
            data = unpacker.unused_data if unpacker.eof else b""
            unpacker = None if unpacker.eof else unpacker
            yield piece
    if unpacker is not None:
        raise ImageError(f"{name}: its {compression} data is cut off")


def _unpacker(compression: str) -> lzma.LZMADecompressor | bz2.BZ2Decompressor:
    return bz2.BZ2Decompressor() if compression == "bzip2" else lzma.LZMADecompressor(memlimit=_XZ_MEMORY)

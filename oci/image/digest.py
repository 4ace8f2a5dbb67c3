"""Digests: what a blob's name says about its bytes.

Source: image-spec descriptor.md, "Digests".
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from firkin.errors import ImageError

if TYPE_CHECKING:
    from hashlib import _Hash

__all__ = ["Verifier", "check_digest", "digest_of"]

_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}
_HEX = frozenset("0123456789abcdef")


def check_digest(text: str, what: str = "digest") -> str:
    """The digest itself, `ALGORITHM:HEX`, which is then safe as the name of a file.

    Raises ImageError for one that is malformed or of an algorithm that is not registered.
    """
    algorithm, _, encoded = text.partition(":")
    if algorithm not in _LENGTHS:
        raise ImageError(f"{what} {text[:100]!r}: the algorithm is none of {', '.join(_LENGTHS)}")
    if len(encoded) != _LENGTHS[algorithm] or not _HEX.issuperset(encoded):
        raise ImageError(f"{what} {text[:200]!r}: is not {_LENGTHS[algorithm]} lower-case hexadecimal digits")
    return text


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    """The digest of `data`."""
    return f"{algorithm}:{hashlib.new(algorithm, data, usedforsecurity=True).hexdigest()}"


class Verifier:
    """Hashes what passes by and compares at the end.

    Parameters: `digest` is the expected one, `size` the expected number of bytes, None if it is not known.
    """

    def __init__(self, digest: str, size: int | None = None) -> None:
        self.digest = check_digest(digest)
        self.size = size
        self.seen = 0
        self._hash: _Hash = hashlib.new(digest.partition(":")[0])

    def update(self, data: bytes | memoryview) -> None:
        """Count and hash some more bytes. Raises ImageError as soon as there are more than expected."""
        self.seen += len(data)
        if self.size is not None and self.seen > self.size:
            raise ImageError(f"blob {self.digest}: is longer than the {self.size} bytes that its descriptor says")
        self._hash.update(data)

    def finish(self) -> None:
        """Compare. Raises ImageError if size or digest is another."""
        if self.size is not None and self.seen != self.size:
            raise ImageError(f"blob {self.digest}: has {self.seen} bytes, its descriptor says {self.size}")
        found = f"{self.digest.partition(':')[0]}:{self._hash.hexdigest()}"
        if found != self.digest:
            raise ImageError(f"blob {self.digest}: its bytes have the digest {found}")

"""Where the bytes of a blob go."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from firkin.oci.image.manifest import Descriptor

__all__ = ["Ingest", "Store"]


class Ingest(Protocol):
    """A blob that is being written. `offset` is how many of its bytes are there already."""

    offset: int

    def write(self, data: bytes | memoryview) -> None:
        """Append. Raises ImageError on more bytes than the blob has."""

    def restart(self) -> None:
        """Forget what is there."""

    def commit(self) -> None:
        """Keep it if size and digest are right, else `restart` and raise ImageError."""

    def close(self) -> None:
        """Let go; what is not committed stays for the next try."""


class Store(Protocol):
    """Takes blobs."""

    def ingest(self, descriptor: Descriptor) -> AbstractAsyncContextManager[Ingest | None]:
        """Begin, or go on with, the blob of `descriptor`; None if it is there already."""

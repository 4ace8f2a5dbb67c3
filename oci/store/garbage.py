"""Garbage collection: what no image and no lease keeps is removed.

It holds the lock of the database's writer all the while. Who pulls takes a lease on a blob before looking whether it
is there, so a blob is either leased in time, or seen to be gone.
"""

from __future__ import annotations

from typing import NamedTuple

from firkin.oci.store.content import ContentStore
from firkin.oci.store.leases import end_dead_leases
from firkin.oci.store.metadata import Metadata

__all__ = ["Collected", "collect"]


class Collected(NamedTuple):
    """What was removed: blobs, their bytes, and downloads that nobody goes on with."""

    blobs: int
    bytes: int
    ingests: int


def collect(content: ContentStore, metadata: Metadata, leases: str, *, ingests: bool = False) -> Collected:
    """Remove blobs that nothing keeps, with `ingests` also what cut downloads left; `leases` is where their files are.

    Raises OSError, KernelError, StateError.
    """
    blobs = freed = 0
    # First, as the database may need room on a full disk.
    dropped = content.drop_ingests() if ingests else 0
    with metadata.transaction():
        end_dead_leases(metadata, leases)
        kept = metadata.reachable()
        gone = [digest for digest in content.digests() if digest not in kept]
        # The edges last: a crash leaves them, and the next collection finds the same blobs unreachable.
        for digest in gone:
            freed += content.remove(digest)
            blobs += 1
        metadata.forget_edges(gone)
    return Collected(blobs, freed, dropped)

"""Pushing an image: its blobs, then its manifest, then the index that names it, under the tag at last.

Nobody who asks the registry meanwhile finds an image of which something is missing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial

from firkin.errors import ImageError
from firkin.oci.image.manifest import INDEX_TYPES, Descriptor, Platform, decode_manifest
from firkin.oci.image.reference import Reference, parse_reference
from firkin.oci.registry.client import Registry
from firkin.oci.registry.progress import Progress, silent
from firkin.oci.registry.push import Pusher
from firkin.oci.registry.side_by_side import side_by_side
from firkin.oci.store.images import ImageStore

__all__ = ["push"]

_PARALLEL = 3


async def push(
    reference: Reference,
    destination: Reference,
    store: ImageStore,
    registry: Registry,
    platform: Platform | None,
    progress: Progress = silent,
) -> str:
    """Have the image that is here as `reference` in the registry as `destination`: the digest it has there.

    Parameters: `platform` chooses one image of an index; None stands for the index with all its images.
    Raises RegistryError, NotFoundError if something of it is not here, ImageError, KernelError.
    """
    documents = store.closure(reference) if platform is None else store.documents(reference, platform)[-1:]
    top = documents[-1][0]
    if destination.digest and destination.digest != top.digest:
        raise ImageError(f"push {reference} to {destination}: its digest is {top.digest}")
    blobs = {blob.digest: blob for blob in _blobs(documents, str(reference))}
    with store.lease() as lease:
        for digest in (*blobs, *(document.digest for document, _ in documents)):
            store.metadata.lease_item(lease, digest)
        pusher = Pusher(registry, destination, progress=progress)
        known = _elsewhere(store, destination)
        await side_by_side((partial(_send, pusher, store, blob, known) for blob in blobs.values()), _PARALLEL)
        for document, data in documents[:-1]:
            await pusher.manifest(document.media_type, data, digest=document.digest)
        await pusher.manifest(top.media_type, documents[-1][1], digest=top.digest, tag=destination.tag)
    return top.digest


async def _send(pusher: Pusher, store: ImageStore, blob: Descriptor, known: dict[str, str]) -> None:
    fd = store.content.open(blob.digest)
    try:
        await pusher.blob(blob, fd, mount_from=known.get(blob.digest, ""))
    finally:
        os.close(fd)


def _blobs(documents: list[tuple[Descriptor, bytes]], name: str) -> Iterator[Descriptor]:
    for document, data in documents:
        if document.media_type not in INDEX_TYPES:
            manifest = decode_manifest(data, name)
            yield from (manifest.config, *manifest.layers)


def _elsewhere(store: ImageStore, destination: Reference) -> dict[str, str]:
    # Blobs that the registry has probably, by the path of the repository: images of it that are here were there.
    known: dict[str, str] = {}
    for image in store.metadata.images():
        other = parse_reference(image.name)
        if other.host == destination.host and other.path != destination.path:
            for digest in store.metadata.descendants(image.digest):
                known.setdefault(digest, other.path)
    return known

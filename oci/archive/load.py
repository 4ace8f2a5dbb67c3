"""Importing images from a file or a directory: read, verified, and stored as those of a registry are.

A crash before the names are set leaves blobs that the next try finds, or garbage collection removes.
"""

from __future__ import annotations

from firkin.errors import ImageError
from firkin.oci.archive.docker import DOCKER_MANIFEST, packed_by_docker
from firkin.oci.archive.layout import MARKER, packed_in_layout
from firkin.oci.image.config import decode_config
from firkin.oci.image.manifest import INDEX_TYPES, MOST_METADATA, Descriptor, Platform, decode_manifest
from firkin.oci.image.platform import check_platform
from firkin.oci.policy.policy import Policy
from firkin.oci.registry.progress import silent
from firkin.oci.store.images import layers_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from firkin.oci.archive.packed import Contents, Packed
    from firkin.oci.archive.source import File, Source
    from firkin.oci.image.reference import Reference
    from firkin.oci.registry.progress import Progress
    from firkin.oci.store.images import ImageStore
    from firkin.oci.store.ingest import Ingest

__all__ = ["Imported", "load", "packed"]

Imported = tuple["Reference", str]
"""A name that an image has now, and its digest."""

_LEGACY = "repositories"
_MOST_NAMES = 1000


def packed(source: Source) -> list[Packed]:
    """The images that a source has, be it a layout or what Docker saves. Raises ImageError, ConfigError."""
    # What Docker writes today is both; the layout is what has manifests.
    if source.has(MARKER):
        return packed_in_layout(source)
    if source.has(DOCKER_MANIFEST):
        return packed_by_docker(source)
    if source.has(_LEGACY):
        raise ImageError(f"{source.name}: is of Docker before 1.10", hint="save it again with a newer one")
    raise ImageError(f"{source.name}: is neither an OCI image layout nor an archive of docker save")


def load(
    store: ImageStore,
    source: Source,
    platform: Platform | None,
    *,
    name: Reference | None = None,
    wanted: str = "",
    policy: Policy | None = None,
    progress: Progress = silent,
) -> list[Imported]:
    """Have the images of a source in the store, under the names that they have in it: these names.

    Parameters: `platform` chooses one image of an index, None stands for the index with all of them; `name` is the
    name that the only image gets instead; `wanted` is what the source calls the one that is meant; `policy` is that of
    this machine if it is not given.
    Raises ImageError and ConfigError for what is wrong with the source, PolicyError, OSError.
    """
    policy = policy or Policy()
    chosen = list(_chosen(source, packed(source), name, wanted))
    names = [reference for _, references in chosen for reference in references]
    if len(names) > _MOST_NAMES:
        raise ImageError(f"{source.name}: has {len(names)} names of images, more than {_MOST_NAMES}")
    for reference in names:
        policy.check_name(reference)
    # Each image is read twice, as so many as there may be would not fit into memory.
    for image, references in chosen:
        content = image.read(platform)
        for reference in references:
            _check_digest(source, content, reference)
            policy.check(reference, content.documents)
    imported: list[Imported] = []
    with store.lease() as lease:
        for image, references in chosen:
            content = image.read(platform)
            _take(store, lease, source, content, platform, progress)
            for reference in references:
                store.add(str(reference), content.documents)
                imported.append((reference, content.documents[0][0].digest))
    return imported


def _chosen(
    source: Source, images: Sequence[Packed], name: Reference | None, wanted: str
) -> Iterator[tuple[Packed, list[Reference]]]:
    found = [image for image in images if not wanted or wanted in (*image.names, image.key)]
    there = "; ".join(image.label for image in images) or "none"
    if not found:
        reason = f"has no image {wanted!r}" if wanted else "has no image"
        raise ImageError(f"{source.name}: {reason}", hint=f"there are {there}")
    if name is not None and len(found) > 1:
        raise ImageError(f"{source.name}: has {len(found)} images", hint=f"choose one with --image: {there}")
    for image in found:
        references = [name] if name is not None else image.references()
        if not references:
            raise ImageError(f"{source.name}: {image.label}: is not the full name of an image", hint="give it one")
        yield image, references


def _check_digest(source: Source, content: Contents, reference: Reference) -> None:
    top = content.documents[0][0]
    if reference.digest and reference.digest != top.digest:
        raise ImageError(f"{source.name}: {reference}: has the digest {top.digest}")


def _take(
    store: ImageStore, lease: str, source: Source, content: Contents, platform: Platform | None, progress: Progress
) -> None:
    for document, data in content.documents:
        name = f"{source.name}: {document.digest}"
        store.metadata.lease_item(lease, document.digest)
        if document.media_type in INDEX_TYPES:
            continue
        manifest = decode_manifest(data, name)
        for blob in (manifest.config, *manifest.layers):
            store.metadata.lease_item(lease, blob.digest)
        _copy(store, source, content, manifest.config, progress)
        if platform is not None:
            config = decode_config(store.content.read(manifest.config.digest, MOST_METADATA), f"{name}: config")
            found = Platform(os=config.os, architecture=config.architecture, variant=config.variant)
            check_platform(found, platform, name)
            layers_of(manifest, config, name)
        for layer in manifest.layers:
            _copy(store, source, content, layer, progress)
    for document, data in content.documents:
        store.content.put(data, document.digest.partition(":")[0])


def _copy(store: ImageStore, source: Source, content: Contents, blob: Descriptor, progress: Progress) -> None:
    with store.content.claim(blob.digest, blob.size) as ingest:
        if ingest is not None:
            with source.open(content.places[blob.digest]) as file:
                if file.size != blob.size:
                    raise ImageError(f"{file.name}: has {file.size} bytes, its descriptor says {blob.size}")
                _fill(ingest, file, blob, progress)
    progress(blob.digest, blob.size, blob.size)


def _fill(ingest: Ingest, file: File, blob: Descriptor, progress: Progress) -> None:
    is_resumed = ingest.offset > 0
    while True:
        for chunk in file.chunks(ingest.offset):
            ingest.write(chunk)
            progress(blob.digest, ingest.offset, blob.size)
        try:
            ingest.commit()
            return
        except ImageError as error:
            if not is_resumed:
                raise ImageError(f"{file.name}: {error.message}") from None
        # The part that is wrong may have come from elsewhere, earlier.
        is_resumed = False

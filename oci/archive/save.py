"""Exporting an image that is here: as an OCI image layout, or as `docker save` writes it.

Nothing in what is written tells when, where or by whom it was.
"""

from __future__ import annotations

import os

from firkin.errors import ImageError
from firkin.oci.archive.docker import DOCKER_MANIFEST, DockerImage
from firkin.oci.archive.layout import CONTAINERD_NAME, INDEX, MARKER, REF_NAME, VERSION, blob_path
from firkin.oci.encoding import encode
from firkin.oci.image.digest import Verifier
from firkin.oci.image.manifest import INDEX_TYPES, Platform, decode_manifest
from firkin.oci.json_text import dump
from firkin.oci.layers.inflate import inflate
from firkin.oci.layers.unpack import DEFAULT_LIMITS, file_chunks
from firkin.oci.record import replace
from firkin.oci.registry.progress import silent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from firkin.oci.archive.sink import Sink
    from firkin.oci.image.reference import Reference
    from firkin.oci.registry.progress import Progress
    from firkin.oci.store.images import ImageStore, Layer

__all__ = ["save_for_docker", "save_layout"]


def save_layout(
    store: ImageStore, reference: Reference, platform: Platform | None, sink: Sink, progress: Progress = silent
) -> None:
    """Write a layout with one image.

    Parameters: `platform` chooses it from an index; None stands for the index with all its images.
    Raises NotFoundError for what is not here, ImageError, KernelError.
    """
    documents = store.closure(reference) if platform is None else store.documents(reference, platform)[-1:]
    top = documents[-1][0]
    sizes = {document.digest: document.size for document, _ in documents}
    for document, data in documents:
        if document.media_type not in INDEX_TYPES:
            manifest = decode_manifest(data, str(reference))
            sizes |= {blob.digest: blob.size for blob in (manifest.config, *manifest.layers)}
    for path in ("blobs", *sorted({f"blobs/{digest.partition(':')[0]}" for digest in sizes})):
        sink.directory(path)
    for digest, size in sorted(sizes.items()):
        sink.file(blob_path(digest), size, _blob(store, digest, size, progress))
    _text(sink, MARKER, {"imageLayoutVersion": VERSION})
    # The index last: what is cut off is no layout.
    named = replace(top, annotations={**top.annotations, **_annotations(reference)})
    _text(sink, INDEX, {"schemaVersion": 2, "manifests": [encode(named)]})


def save_for_docker(
    store: ImageStore, reference: Reference, platform: Platform, sink: Sink, progress: Progress = silent
) -> None:
    """Write what `docker load` takes: the configuration as it is, and the layers inflated.

    Raises NotFoundError for what is not here, ImageError, KernelError.
    """
    image = store.find(reference, platform)
    # An archive says how long a file is before its bytes come: each layer is inflated twice.
    sizes = {layer.diff_id: _inflated_size(store, layer, image.name) for layer in image.layers}
    config = image.manifest.config
    config_path = f"{config.digest.partition(':')[2]}.json"
    sink.file(config_path, config.size, _blob(store, config.digest, config.size, progress))
    layers = {layer.diff_id: layer for layer in image.layers}
    for diff_id, layer in layers.items():
        pieces = _counted(_inflated(store, layer, image.name), diff_id, sizes[diff_id], progress)
        sink.file(_layer_path(diff_id), sizes[diff_id], pieces)
    names = (f"{reference.repository}:{reference.tag}",) if reference.tag else ()
    entry = DockerImage(
        config=config_path, repo_tags=names, layers=tuple(_layer_path(layer.diff_id) for layer in image.layers)
    )
    _text(sink, DOCKER_MANIFEST, [encode(entry)])


def _annotations(reference: Reference) -> dict[str, str]:
    return {CONTAINERD_NAME: str(reference), **({REF_NAME: reference.tag} if reference.tag else {})}


def _layer_path(diff_id: str) -> str:
    return f"{diff_id.partition(':')[2]}.tar"


def _text(sink: Sink, path: str, value: object) -> None:
    data = dump(value).encode()
    sink.file(path, len(data), [data])


def _blob(store: ImageStore, digest: str, size: int, progress: Progress) -> Iterator[bytes]:
    fd = store.content.open(digest)
    try:
        if (found := os.fstat(fd).st_size) != size:
            raise ImageError(f"blob {digest}: has {found} bytes, its descriptor says {size}", hint="firkin fsck")
        yield from _counted(file_chunks(fd), digest, size, progress)
    finally:
        os.close(fd)


def _counted(chunks: Iterable[bytes], digest: str, size: int, progress: Progress) -> Iterator[bytes]:
    # A blob that changed on disk is not passed on.
    verifier = Verifier(digest, size)
    for chunk in chunks:
        verifier.update(chunk)
        yield chunk
        progress(digest, verifier.seen, size)
    verifier.finish()


def _inflated(store: ImageStore, layer: Layer, name: str) -> Iterator[bytes]:
    fd = store.content.open(layer.blob.digest)
    try:
        yield from inflate(file_chunks(fd), layer.compression, f"{name}: layer {layer.diff_id[:19]}")
    finally:
        os.close(fd)


def _inflated_size(store: ImageStore, layer: Layer, name: str) -> int:
    verifier = Verifier(layer.diff_id)
    for piece in _inflated(store, layer, name):
        verifier.update(piece)
        if verifier.seen > DEFAULT_LIMITS.bytes:
            raise ImageError(f"{name}: layer {layer.diff_id[:19]}: has more than {DEFAULT_LIMITS.bytes} bytes")
    verifier.finish()
    return verifier.seen

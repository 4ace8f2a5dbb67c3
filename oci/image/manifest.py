"""Descriptors, manifests and indexes, of the OCI and of Docker's schema 2.

Source: image-spec descriptor.md, manifest.md, image-index.md; Docker's Image Manifest Version 2, Schema 2.
"""

from __future__ import annotations

from firkin.errors import ImageError
from firkin.oci.image.digest import check_digest
from firkin.oci.json_text import parse
from firkin.oci.record import NOTHING, Record, decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeVar

    from firkin.oci.record import Int64, Uint16

    _R = TypeVar("_R", bound=Record)

__all__ = [
    "INDEX_TYPES",
    "LAYER_TYPES",
    "MANIFEST_TYPES",
    "MOST_METADATA",
    "OCI_MANIFEST",
    "Descriptor",
    "Index",
    "Manifest",
    "Platform",
    "compression_of",
    "decode_document",
    "decode_index",
    "decode_manifest",
]

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
MANIFEST_TYPES = (OCI_MANIFEST, DOCKER_MANIFEST)
INDEX_TYPES = (OCI_INDEX, DOCKER_LIST)
LAYER_TYPES = {
    "application/vnd.oci.image.layer.v1.tar": "",
    "application/vnd.oci.image.layer.v1.tar+gzip": "gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd": "zstd",
    "application/vnd.oci.image.layer.nondistributable.v1.tar": "",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip": "gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd": "zstd",
    "application/vnd.docker.image.rootfs.diff.tar": "",
    "application/vnd.docker.image.rootfs.diff.tar.gzip": "gzip",
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip": "gzip",
}
"""Media types of layers, with how they are compressed."""

MOST_METADATA = 4 << 20
"""Bytes of a manifest, index or configuration, beyond which none is read: what registries allow at most."""
_MOST_LAYERS = 500


class Platform(Record, os_version="os.version", os_features="os.features"):
    """The platform that an image is for."""

    architecture: str
    os: str
    os_version: str = ""
    os_features: tuple[str, ...] = ()
    variant: str = ""


class Descriptor(Record):
    """A blob by digest, with its type and size in bytes."""

    media_type: str
    digest: str
    size: Int64
    urls: tuple[str, ...] = ()
    annotations: Mapping[str, str] = NOTHING
    data: str = ""
    artifact_type: str = ""
    platform: Platform | None = None


class Manifest(Record):
    """An image: its configuration and its layers, the lowest first."""

    schema_version: Uint16
    media_type: str = ""
    artifact_type: str = ""
    config: Descriptor
    layers: tuple[Descriptor, ...] = ()
    subject: Descriptor | None = None
    annotations: Mapping[str, str] = NOTHING


class Index(Record):
    """Images of several platforms, or other indexes."""

    schema_version: Uint16
    media_type: str = ""
    artifact_type: str = ""
    manifests: tuple[Descriptor, ...] = ()
    subject: Descriptor | None = None
    annotations: Mapping[str, str] = NOTHING


def decode_document(cls: type[_R], data: bytes, name: str) -> _R:
    """A record of class `cls` from the bytes of a document called `name` in errors.

    Raises ConfigError with the JSON path of what is wrong, ImageError if the document is too long.
    """
    if len(data) > MOST_METADATA:
        raise ImageError(f"{name}: has {len(data)} bytes, more than the {MOST_METADATA} that are read at most")
    return decode(cls, parse(data, name), document=name)


def decode_manifest(data: bytes, name: str) -> Manifest:
    """A manifest with well-formed digests and sizes. Raises ConfigError, ImageError."""
    manifest = decode_document(Manifest, data, name)
    _check_schema(manifest.schema_version, manifest.media_type, MANIFEST_TYPES, name)
    if len(manifest.layers) > _MOST_LAYERS:
        raise ImageError(f"{name}: layers: has {len(manifest.layers)}, more than {_MOST_LAYERS}")
    _check_descriptor(manifest.config, f"{name}: config")
    for number, layer in enumerate(manifest.layers):
        _check_descriptor(layer, f"{name}: layers[{number}]")
    return manifest


def decode_index(data: bytes, name: str) -> Index:
    """An index with well-formed digests and sizes. Raises ConfigError, ImageError."""
    index = decode_document(Index, data, name)
    _check_schema(index.schema_version, index.media_type, INDEX_TYPES, name)
    for number, descriptor in enumerate(index.manifests):
        _check_descriptor(descriptor, f"{name}: manifests[{number}]")
    return index


def compression_of(layer: Descriptor, name: str) -> str:
    """How a layer is compressed: "", gzip or zstd. Raises ImageError if it is no layer of a file system."""
    compression = LAYER_TYPES.get(layer.media_type)
    if compression is None:
        raise ImageError(f"{name}: {layer.media_type!r} is no layer of a file system", hint="is it an image?")
    return compression


def _check_schema(version: int, media_type: str, types: tuple[str, ...], name: str) -> None:
    if version != 2:
        raise ImageError(f"{name}: schemaVersion: is {version}, only 2 is supported")
    if media_type and media_type not in types:
        raise ImageError(f"{name}: mediaType: {media_type!r} is not one of {', '.join(types)}")


def _check_descriptor(descriptor: Descriptor, place: str) -> None:
    check_digest(descriptor.digest, f"{place}.digest:")
    if descriptor.size < 0:
        raise ImageError(f"{place}.size: {descriptor.size} is negative")

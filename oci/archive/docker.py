"""What `docker save` writes, and others in its form: `manifest.json`, configurations, and layers that are archives.

It has no manifests; one is made, always the same for the same archive.

Source: moby image/tarexport, image/spec/v1.2.md ("Combined Image JSON + Filesystem Changeset Format").
"""

from __future__ import annotations

import hashlib
from functools import partial

from firkin.errors import ImageError
from firkin.oci.archive.compressed import compression_by
from firkin.oci.archive.packed import Contents, Packed
from firkin.oci.archive.source import read
from firkin.oci.archive.tar_index import clean_name
from firkin.oci.encoding import encode
from firkin.oci.image.config import decode_config
from firkin.oci.image.digest import digest_of
from firkin.oci.image.manifest import MOST_METADATA, OCI_MANIFEST, Descriptor, Manifest, decode_manifest
from firkin.oci.json_text import dump, parse
from firkin.oci.record import Record, decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.oci.archive.source import File, Source
    from firkin.oci.image.manifest import Platform

__all__ = ["DOCKER_MANIFEST", "DockerImage", "packed_by_docker"]

DOCKER_MANIFEST = "manifest.json"
"""The file that lists the images."""
_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_LAYER_TYPES = {
    "": "application/vnd.oci.image.layer.v1.tar",
    "gzip": "application/vnd.oci.image.layer.v1.tar+gzip",
    "zstd": "application/vnd.oci.image.layer.v1.tar+zstd",
}
_HEX = frozenset("0123456789abcdef")


class DockerImage(Record, config="Config", repo_tags="RepoTags", layers="Layers"):
    """An entry of `manifest.json`: the file of the configuration, names, and the files of the layers, lowest first."""

    config: str
    repo_tags: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()


def packed_by_docker(source: Source) -> list[Packed]:
    """The images of an archive, in their order. Raises ImageError, ConfigError."""
    name = f"{source.name}: {DOCKER_MANIFEST}"
    entries = parse(read(source, DOCKER_MANIFEST, MOST_METADATA), name)
    if not isinstance(entries, list):
        raise ImageError(f"{name}: is not a list")
    images = [decode(DockerImage, entry, f"[{number}]", document=name) for number, entry in enumerate(entries)]
    return [Packed(image.repo_tags, image.config, partial(_contents, source, image)) for image in images]


def _contents(source: Source, image: DockerImage, platform: Platform | None) -> Contents:
    path = _path(source, image.config)
    data = read(source, path, MOST_METADATA)
    name = f"{source.name}: {path}"
    config = Descriptor(media_type=_CONFIG_TYPE, digest=digest_of(data), size=len(data))
    told = path.rpartition("/")[2].removesuffix(".json")
    if len(told) == 64 and _HEX.issuperset(told) and config.digest != f"sha256:{told}":
        raise ImageError(f"{name}: has the digest {config.digest}")
    diff_ids = decode_config(data, name).rootfs.diff_ids
    if len(diff_ids) != len(image.layers):
        raise ImageError(f"{name}: has {len(diff_ids)} layers, {DOCKER_MANIFEST} has {len(image.layers)}")
    places = {config.digest: path}
    layers = []
    for layer, diff_id in zip(image.layers, diff_ids, strict=True):
        with source.open(_path(source, layer)) as file:
            descriptor = _layer(file, diff_id)
        places[descriptor.digest] = _path(source, layer)
        layers.append(descriptor)
    manifest = Manifest(schema_version=2, media_type=OCI_MANIFEST, config=config, layers=tuple(layers))
    document = dump(encode(manifest)).encode()
    decode_manifest(document, name)
    top = Descriptor(media_type=OCI_MANIFEST, digest=digest_of(document), size=len(document))
    return Contents([(top, document)], places)


def _path(source: Source, path: str) -> str:
    name = clean_name(path)
    if not name or "\0" in name:
        raise ImageError(f"{source.name}: {DOCKER_MANIFEST}: {path[:200]!r} leads out of it")
    return name


def _layer(file: File, diff_id: str) -> Descriptor:
    # What is not compressed has the digest that the configuration says, which is compared when it is copied.
    compression = compression_by(file.head())
    if compression not in _LAYER_TYPES:
        raise ImageError(f"{file.name}: is compressed by {compression}, which no layer of an image may be")
    digest = _digest(file) if compression else diff_id
    return Descriptor(media_type=_LAYER_TYPES[compression], digest=digest, size=file.size)


def _digest(file: File) -> str:
    hash = hashlib.sha256()
    for chunk in file.chunks():
        hash.update(chunk)
    return f"sha256:{hash.hexdigest()}"

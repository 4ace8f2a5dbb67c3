"""The images that are here: content and metadata together."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from firkin.errors import ConfigError, FirkinError, ImageError, NotFoundError
from firkin.oci.image.config import ImageConfig, decode_config
from firkin.oci.image.manifest import (
    INDEX_TYPES,
    MOST_METADATA,
    Descriptor,
    Manifest,
    Platform,
    compression_of,
    decode_index,
    decode_manifest,
)
from firkin.oci.image.platform import choose, host_platform
from firkin.oci.image.reference import Reference
from firkin.oci.store.content import ContentStore
from firkin.oci.store.garbage import Collected, collect
from firkin.oci.store.leases import lease_file
from firkin.oci.store.metadata import Image, Metadata

__all__ = ["ImageStore", "Layer", "Local", "default_root", "layers_of"]


class Layer(NamedTuple):
    """A layer of an image: its blob, how it is compressed, and the digest of its uncompressed archive."""

    blob: Descriptor
    compression: str
    diff_id: str


class Local(NamedTuple):
    """An image that is here whole."""

    name: str
    digest: str
    manifest: Manifest
    config: ImageConfig
    layers: tuple[Layer, ...]


def default_root() -> str:
    """Where images are: /var/lib/firkin for root, $XDG_DATA_HOME/firkin for others."""
    if os.geteuid() == 0:
        return "/var/lib/firkin"
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return f"{data}/firkin"


def layers_of(manifest: Manifest, config: ImageConfig, name: str) -> tuple[Layer, ...]:
    """The layers, the lowest first. Raises ImageError if manifest and configuration do not agree on them."""
    diff_ids = config.rootfs.diff_ids
    if len(diff_ids) != len(manifest.layers):
        raise ImageError(f"{name}: has {len(manifest.layers)} layers, its configuration says {len(diff_ids)}")
    pairs = zip(manifest.layers, diff_ids, strict=True)
    return tuple(Layer(blob, compression_of(blob, name), diff_id) for blob, diff_id in pairs)


class ImageStore:
    """The images below the directory `root`. Close it, or use it as a context manager.

    Raises StateError for a database of a later version, OSError.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self.content = ContentStore(f"{root}/content")
        self.metadata = Metadata(f"{root}/metadata.db")
        self.leases = f"{root}/leases"

    def __enter__(self) -> ImageStore:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the database."""
        self.metadata.close()

    @contextmanager
    def lease(self) -> Iterator[str]:
        """A lease that ends with the context, or with the process. Raises KernelError, StateError."""
        with lease_file(self.leases) as id:
            self.metadata.add_lease(id)
            try:
                yield id
            except BaseException:
                # What went wrong may be that nothing can be written: the lease ends by itself then.
                with suppress(FirkinError):
                    self.metadata.end_lease(id)
                raise
            self.metadata.end_lease(id)

    def add(self, name: str, documents: list[tuple[Descriptor, bytes]]) -> None:
        """Let `name` stand for an image whose blobs are here: its index first if it has one, and manifests of that."""
        top = documents[0][0]
        with self.metadata.transaction():
            self.metadata.refer(top.digest, [child.digest for child, _ in documents[1:]])
            for descriptor, data in documents:
                if descriptor.media_type not in INDEX_TYPES:
                    manifest = decode_manifest(data, name)
                    blobs = (manifest.config, *manifest.layers)
                    self.metadata.refer(descriptor.digest, [blob.digest for blob in blobs])
            self.metadata.set_image(name, top.digest, top.media_type, top.size)

    def find(self, reference: Reference, platform: Platform | None = None) -> Local:
        """The image with this name. Raises NotFoundError, ImageError for what is damaged."""
        name = str(reference)
        descriptor, data = self.documents(reference, platform)[-1]
        manifest = decode_manifest(data, name)
        config = decode_config(self.content.read(manifest.config.digest, MOST_METADATA), f"{name}: config")
        return Local(name, descriptor.digest, manifest, config, layers_of(manifest, config, name))

    def documents(self, reference: Reference, platform: Platform | None = None) -> list[tuple[Descriptor, bytes]]:
        """The manifest of the image with this name, last, after the index that it is in, if it is in one.

        Raises NotFoundError, ImageError for what is damaged.
        """
        name = str(reference)
        found = [self._top(name)]
        if found[0][0].media_type in INDEX_TYPES:
            # Of an index only what was pulled is here.
            here = [entry for entry in decode_index(found[0][1], name).manifests if self.content.has(entry.digest)]
            chosen = choose(here, platform or host_platform(), name)
            found.append((chosen, self.content.read(chosen.digest, MOST_METADATA)))
        return found

    def closure(self, reference: Reference) -> list[tuple[Descriptor, bytes]]:
        """All manifests of the image with this name, and at last, if it is one, the index that they are in.

        Raises NotFoundError if one is not here, ImageError for what is damaged.
        """
        name = str(reference)
        top = self._top(name)
        if top[0].media_type not in INDEX_TYPES:
            return [top]
        entries = decode_index(top[1], name).manifests
        if missing := [entry.digest for entry in entries if not self.content.has(entry.digest)]:
            reason = f"manifest {missing[0][:19]} of its index is not here"
            raise NotFoundError(f"image {name}: {reason}", hint="pull it for each platform")
        return [*((entry, self.content.read(entry.digest, MOST_METADATA)) for entry in entries), top]

    def _top(self, name: str) -> tuple[Descriptor, bytes]:
        image = self.metadata.image(name)
        top = Descriptor(media_type=image.media_type, digest=image.digest, size=image.size)
        return top, self.content.read(top.digest, MOST_METADATA)

    def tag(self, reference: Reference, new: Reference) -> None:
        """Let `new` stand for what `reference` stands for. Raises NotFoundError, ImageError for another digest."""
        with self.metadata.transaction():
            image = self.metadata.image(str(reference))
            if new.digest and new.digest != image.digest:
                raise ImageError(f"tag {reference} as {new}: its digest is {image.digest}")
            self.metadata.set_image(str(new), image.digest, image.media_type, image.size)

    def images(self) -> Iterator[tuple[Image, int]]:
        """All images with the bytes of their blobs, compressed; an image that is damaged has what is left of it."""
        for image in self.metadata.images():
            yield image, sum(self._sizes(image.digest, set()))

    def _sizes(self, digest: str, seen: set[str]) -> Iterator[int]:
        if digest in seen:
            return
        seen.add(digest)
        try:
            yield os.stat(self.content.path(digest)).st_size
        except FileNotFoundError:
            return
        for child in self._blobs(digest):
            yield from self._sizes(child, seen)

    def _blobs(self, digest: str) -> list[str]:
        # A configuration keeps its unpacked layers, too.
        return [child for child in self.metadata.children(digest) if not child.startswith("snapshot/")]

    def remove(self, reference: Reference) -> Collected:
        """Forget a name, and remove what nothing else keeps. Raises NotFoundError."""
        self.metadata.remove_image(str(reference))
        return collect(self.content, self.metadata, self.leases)

    def prune(self) -> Collected:
        """Remove what nothing keeps, with what cut downloads left."""
        return collect(self.content, self.metadata, self.leases, ingests=True)

    def check(self) -> Iterator[str]:
        """What is wrong with the store, a line each: every blob is read and compared with its digest."""
        yield from (f"{self.metadata.path}: {text}" for text in self.metadata.check())
        for digest in self.content.digests():
            yield from self._check_blob(digest)
        for image in self.metadata.images():
            for digest in self._missing(image.digest, set()):
                yield f"image {image.name}: blob {digest} is missing"

    def _check_blob(self, digest: str) -> Iterator[str]:
        from firkin.oci.image.digest import Verifier
        from firkin.oci.layers.unpack import file_chunks

        try:
            verifier = Verifier(digest)
            fd = self.content.open(digest)
        except (ImageError, NotFoundError, ConfigError) as error:
            yield str(error)
            return
        try:
            for chunk in file_chunks(fd):
                verifier.update(chunk)
            verifier.finish()
        except (ImageError, OSError) as error:
            yield str(error)
        finally:
            os.close(fd)

    def _missing(self, digest: str, seen: set[str]) -> Iterator[str]:
        if digest in seen:
            return
        seen.add(digest)
        if not self.content.has(digest):
            yield digest
        for child in self._blobs(digest):
            yield from self._missing(child, seen)

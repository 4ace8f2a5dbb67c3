"""OCI image layouts.

Source: image-spec image-layout.md; annotations.md for `org.opencontainers.image.ref.name`. containerd and Docker put
the whole name into `io.containerd.image.name`.
"""

from __future__ import annotations

from functools import partial

from firkin.errors import ImageError
from firkin.oci.archive.packed import Contents, Packed
from firkin.oci.archive.source import read
from firkin.oci.image.document import check_document
from firkin.oci.image.manifest import INDEX_TYPES, MOST_METADATA, Descriptor, Platform, decode_index, decode_manifest
from firkin.oci.image.platform import choose
from firkin.oci.json_text import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from firkin.oci.archive.packed import Documents
    from firkin.oci.archive.source import Source

__all__ = ["CONTAINERD_NAME", "INDEX", "MARKER", "REF_NAME", "VERSION", "blob_path", "packed_in_layout"]

MARKER = "oci-layout"
"""The file that says that it is a layout, and of which version."""
VERSION = "1.0.0"
INDEX = "index.json"
REF_NAME = "org.opencontainers.image.ref.name"
CONTAINERD_NAME = "io.containerd.image.name"

# Of one index, as all of them are in memory.
_MOST_DOCUMENTS = 16 << 20


def blob_path(digest: str) -> str:
    """Where a layout has a blob."""
    return f"blobs/{digest.replace(':', '/', 1)}"


def packed_in_layout(source: Source) -> list[Packed]:
    """The images of a layout, in their order. Raises ImageError, ConfigError."""
    marker = parse(read(source, MARKER, MOST_METADATA), f"{source.name}: {MARKER}")
    version = marker.get("imageLayoutVersion") if isinstance(marker, dict) else None
    if version != VERSION:
        raise ImageError(f"{source.name}: {MARKER}: imageLayoutVersion is {version!r}, only {VERSION} is supported")
    entries = decode_index(read(source, INDEX, MOST_METADATA), f"{source.name}: {INDEX}").manifests
    return [
        Packed([name] if name else [], group[0].digest, partial(_contents, source, group))
        for name, group in _groups(entries)
    ]


def _groups(entries: Iterable[Descriptor]) -> Iterator[tuple[str, list[Descriptor]]]:
    # Entries of one name are one image for several platforms; so are those without a name that tell their platform.
    groups: dict[tuple[str, str], list[Descriptor]] = {}
    for entry in entries:
        name = entry.annotations.get(CONTAINERD_NAME) or entry.annotations.get(REF_NAME, "")
        key = "" if name or entry.platform else entry.digest
        group = groups.setdefault((name, key), [])
        if entry.digest not in [other.digest for other in group]:
            group.append(entry)
    return ((name, group) for (name, _), group in groups.items())


def _contents(source: Source, group: list[Descriptor], platform: Platform | None) -> Contents:
    if len(group) > 1 and platform is None:
        raise ImageError(f"{source.name}: {group[0].digest}: its platforms have no index that could be kept")
    top = choose(group, platform, source.name) if len(group) > 1 and platform else group[0]
    documents = [(top, _document(source, top))]
    if top.media_type in INDEX_TYPES:
        entries = decode_index(documents[0][1], f"{source.name}: {top.digest}").manifests
        chosen = entries if platform is None else [choose(entries, platform, source.name)]
        if (total := sum(entry.size for entry in chosen)) > _MOST_DOCUMENTS:
            raise ImageError(
                f"{source.name}: {top.digest}: its manifests have {total} bytes, more than {_MOST_DOCUMENTS}"
            )
        documents += [(entry, _document(source, entry)) for entry in chosen]
    return Contents(documents, {digest: blob_path(digest) for digest in _blobs(source, documents)})


def _document(source: Source, descriptor: Descriptor) -> bytes:
    path = blob_path(descriptor.digest)
    return check_document(read(source, path, MOST_METADATA), descriptor, f"{source.name}: {path}")


def _blobs(source: Source, documents: Documents) -> Iterator[str]:
    for number, (document, data) in enumerate(documents):
        name = f"{source.name}: {document.digest}"
        if document.media_type not in INDEX_TYPES:
            manifest = decode_manifest(data, name)
            yield from (blob.digest for blob in (manifest.config, *manifest.layers))
        elif number:
            raise ImageError(f"{name}: is an index in an index, which is not supported")

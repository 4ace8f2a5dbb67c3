"""Which kind of document a manifest or an index is: one must not be an image to this reader and an index to that one.

Source: image-spec manifest.md, image-index.md (`mediaType`).
"""

from __future__ import annotations

from firkin.errors import ImageError
from firkin.oci.image.digest import digest_of
from firkin.oci.image.manifest import INDEX_TYPES, MANIFEST_TYPES, MOST_METADATA, Descriptor
from firkin.oci.json_text import parse

__all__ = ["DOCUMENT_TYPES", "check_document", "check_type"]

DOCUMENT_TYPES = (*INDEX_TYPES, *MANIFEST_TYPES)
"""The media types that are understood."""


def check_type(data: bytes, told: str, where: str) -> str:
    """The media type of a document that is called `told` elsewhere, "" if nothing is told.

    `where` is who told, for errors. Raises ImageError if the document says otherwise or could be two things,
    ConfigError if it is no JSON.
    """
    document = parse(data, "manifest")
    if not isinstance(document, dict):
        raise ImageError("manifest: is not an object")
    inner = document.get("mediaType") or told
    if inner not in DOCUMENT_TYPES or (told and inner != told):
        shown = "".join(letter if letter.isprintable() else "?" for letter in str(inner))[:80]
        raise ImageError(f"mediaType {shown!r} is not the {where} {told!r}")
    unexpected = ("config", "layers") if inner in INDEX_TYPES else ("manifests",)
    if found := [key for key in unexpected if key in document]:
        raise ImageError(f"an {inner} with {found[0]} is ambiguous")
    return str(inner)


def check_document(data: bytes, descriptor: Descriptor, name: str) -> bytes:
    """The document itself, which is called `name` in errors. Raises ImageError unless it is what `descriptor` says."""
    if len(data) > MOST_METADATA:
        raise ImageError(f"{name}: has {len(data)} bytes, more than the {MOST_METADATA} that are read at most")
    found = digest_of(data, descriptor.digest.partition(":")[0])
    if (len(data), found) != (descriptor.size, descriptor.digest):
        said = f"its descriptor says {descriptor.size} bytes with {descriptor.digest}"
        raise ImageError(f"{name}: has {len(data)} bytes with the digest {found}, {said}")
    try:
        check_type(data, descriptor.media_type, "descriptor's")
    except ImageError as error:
        raise ImageError(f"{name}: {error.message}") from None
    return data

"""Manifests and indexes as they come over the wire: is it what was asked for, and what it says it is?

Source: distribution-spec spec.md, "Pulling manifests"; image-spec manifest.md (`mediaType`).
"""

from __future__ import annotations

from firkin.errors import ConfigError, ImageError
from firkin.oci.image.digest import check_digest, digest_of
from firkin.oci.image.document import DOCUMENT_TYPES, check_type
from firkin.oci.image.manifest import MOST_METADATA, Descriptor
from firkin.oci.registry.failure import clean, protocol_error
from firkin.oci.registry.reply import Reply

__all__ = ["ACCEPT", "described", "read_document"]

ACCEPT = ", ".join(DOCUMENT_TYPES)
"""The value of `Accept`: everything that can be read."""


async def described(reply: Reply) -> Descriptor | None:
    """What the header fields of an answer tell, None if they do not tell everything. Raises RegistryError."""
    digest = _told_digest(reply)
    kind = _media_type(reply)
    if not digest or not kind or reply.length is None:
        return None
    return Descriptor(media_type=kind, digest=digest, size=_bounded(reply, reply.length))


async def read_document(reply: Reply, expected: str = "") -> tuple[Descriptor, bytes]:
    """The document, verified against the digest that was `expected` and the one that the server told.

    Raises RegistryError.
    """
    told = _told_digest(reply)
    kind = _media_type(reply)
    body = await reply.read(MOST_METADATA)
    for digest, who in ((expected, "was asked for"), (told, "Docker-Content-Digest says")):
        if digest and (found := digest_of(body, digest.partition(":")[0])) != digest:
            raise protocol_error(reply.what, reply.host, f"sends a document with the digest {found}; {digest} {who}")
    kind = _checked_type(reply, body, kind)
    return Descriptor(media_type=kind, digest=expected or digest_of(body), size=len(body)), body


def _told_digest(reply: Reply) -> str:
    text = reply.headers.get("Docker-Content-Digest", "")
    if text and _malformed(text):
        raise protocol_error(reply.what, reply.host, f"Docker-Content-Digest {clean(text, 80)!r} is no digest")
    return text


def _malformed(digest: str) -> bool:
    try:
        check_digest(digest)
    except ImageError:
        return True
    return False


def _media_type(reply: Reply) -> str:
    kind = reply.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind and kind not in DOCUMENT_TYPES:
        old = "manifest.v1+" in kind
        raise protocol_error(
            reply.what,
            reply.host,
            f"Content-Type {clean(kind, 80)!r} is no manifest and no index",
            hint="images of schema 1 are not supported: push it again with a newer tool" if old else "",
        )
    return kind


def _bounded(reply: Reply, size: int) -> int:
    if size > MOST_METADATA:
        reason = f"has {size} bytes, more than the {MOST_METADATA} that are read at most"
        raise protocol_error(reply.what, reply.host, reason)
    return size


def _checked_type(reply: Reply, body: bytes, kind: str) -> str:
    try:
        return check_type(body, kind, "Content-Type")
    except (ConfigError, ImageError) as error:
        raise protocol_error(reply.what, reply.host, f"sends a document that can not be read: {error}") from None

"""Images that are put into a store without a registry."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from firkin.oci.image.digest import digest_of
from firkin.oci.image.manifest import Descriptor
from firkin.oci.image.reference import parse_reference
from firkin.oci.store.images import ImageStore, Local

__all__ = ["add_image", "machine"]

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"


def machine() -> str:
    """This machine's architecture, as images name it."""
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)


def add_image(
    store: ImageStore, name: str, layers: Sequence[bytes], config: Mapping[str, Any] | None = None,
    *, diff_ids: Sequence[str] = (),
) -> Local:  # fmt: skip
    """An image of uncompressed archives, the lowest first; `diff_ids` may lie about them."""
    told = list(diff_ids) or [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]
    document = {
        "architecture": machine(),
        "os": "linux",
        "config": dict(config or {}),
        "rootfs": {"type": "layers", "diff_ids": told},
    }
    blobs = [_put(store, gzip.compress(layer, 1, mtime=0), _GZIP) for layer in layers]
    described = _put(store, json.dumps(document).encode(), _CONFIG)
    manifest = {"schemaVersion": 2, "mediaType": _MANIFEST, "config": described, "layers": blobs}
    data = json.dumps(manifest).encode()
    store.content.put(data)
    reference = parse_reference(name)
    descriptor = Descriptor(media_type=_MANIFEST, digest=digest_of(data), size=len(data))
    store.add(str(reference), [(descriptor, data)])
    return store.find(reference)


def _put(store: ImageStore, data: bytes, media_type: str) -> dict[str, object]:
    return {"mediaType": media_type, "digest": store.content.put(data), "size": len(data)}

"""OCI image layouts, made of bytes that the test chooses."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["ImageLayout", "archive"]

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"


class ImageLayout:
    """A layout in the new directory `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "blobs/sha256").mkdir(parents=True)
        (path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

    def blob(self, data: bytes, media_type: str, **more: object) -> dict[str, object]:
        """Store a blob: its descriptor."""
        encoded = hashlib.sha256(data).hexdigest()
        (self.path / "blobs/sha256" / encoded).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{encoded}", "size": len(data), **more}

    def document(self, value: Mapping[str, object], media_type: str, **more: object) -> dict[str, object]:
        """Store a JSON document: its descriptor."""
        return self.blob(json.dumps(value).encode(), media_type, **more)

    def image(self, layers: Sequence[bytes], *, architecture: str = "amd64") -> dict[str, object]:
        """Store an image of uncompressed layers, which are compressed: the descriptor of its manifest."""
        platform = {"architecture": architecture, "os": "linux"}
        diff_ids = [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]
        config = {**platform, "config": {}, "rootfs": {"type": "layers", "diff_ids": diff_ids}}
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": self.document(config, "application/vnd.oci.image.config.v1+json"),
            "layers": [
                self.blob(gzip.compress(layer, 1, mtime=0), "application/vnd.oci.image.layer.v1.tar+gzip")
                for layer in layers
            ],
        }
        return self.document(manifest, _MANIFEST, platform=platform)

    def index(self, *manifests: Mapping[str, object]) -> dict[str, object]:
        """Store an index: its descriptor."""
        return self.document({"schemaVersion": 2, "mediaType": _INDEX, "manifests": list(manifests)}, _INDEX)

    def publish(self, descriptor: Mapping[str, object]) -> Path:
        """Let the layout be about this one: its path."""
        top = {"schemaVersion": 2, "manifests": [{key: descriptor[key] for key in ("mediaType", "digest", "size")}]}
        (self.path / "index.json").write_text(json.dumps(top))
        return self.path


def archive(**files: bytes) -> bytes:
    """A tar archive of regular files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()

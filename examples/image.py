"""Makes an image of a directory, as an OCI layout: python3 image.py TREE LAYOUT NAME."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import sys
import tarfile
from pathlib import Path


def put(layout: Path, data: bytes, media_type: str) -> dict[str, object]:
    """Write a blob, and describe it."""
    digest = hashlib.sha256(data).hexdigest()
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    (blobs / digest).write_bytes(data)
    return {"mediaType": f"application/vnd.oci.image.{media_type}", "digest": f"sha256:{digest}", "size": len(data)}


def main(tree: Path, layout: Path, name: str) -> None:
    """Write the layout, with one image that is called `name`."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        tar.add(tree, arcname=".")
    layer = put(layout, out.getvalue(), "layer.v1.tar")
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}
    config = {
        "os": "linux",
        "architecture": architecture[platform.machine()],
        "config": {"Cmd": ["sh"], "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": put(layout, json.dumps(config).encode(), "config.v1+json"),
        "layers": [layer],
    }
    described = put(layout, json.dumps(manifest).encode(), "manifest.v1+json")
    described["annotations"] = {"org.opencontainers.image.ref.name": name}
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [described]}))
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])

"""An image to unpack, as an OCI layout: many small files in one layer, a large one in another."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import random
import tarfile
from pathlib import Path

__all__ = ["NAME", "make_layout"]

NAME = "bench.example/image:1"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_LARGEST = 16384  # bytes of a small file


def make_layout(place: Path, files: int, large: int) -> list[Path]:
    """Write the layout to `place`: `files` small files, and one of `large` bytes; returns its layers, the lowest first.

    The contents are the same each time, and half of each can be compressed away.
    """
    blobs = place / "blobs/sha256"
    blobs.mkdir(parents=True)
    noise = random.Random(1)
    archives = [_small(noise, files), _archive({"large/file": _bytes(noise, large)})]
    layers = [_put(blobs, gzip.compress(archive, 6, mtime=0), _LAYER) for archive in archives]
    diff_ids = [f"sha256:{hashlib.sha256(archive).hexdigest()}" for archive in archives]
    config = {
        "architecture": _MACHINES.get(os.uname().machine, os.uname().machine),
        "os": "linux",
        "config": {"Cmd": ["true"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": _put(blobs, json.dumps(config).encode(), _CONFIG),
        "layers": layers,
    }
    described = _put(blobs, json.dumps(manifest).encode(), _MANIFEST)
    tagged = {**described, "annotations": {"org.opencontainers.image.ref.name": "1"}}
    (place / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [tagged]}))
    (place / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return [blobs / str(layer["digest"]).removeprefix("sha256:") for layer in layers]


def _small(noise: random.Random, files: int) -> bytes:
    sizes = (noise.randrange(_LARGEST) for _file in range(files))
    return _archive({f"many/{number // 100}/{number}": _bytes(noise, size) for number, size in enumerate(sizes)})


def _bytes(noise: random.Random, size: int) -> bytes:
    return noise.randbytes(size // 2) + bytes(size - size // 2)


def _archive(contents: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for directory in sorted({parent for name in contents for parent in map(str, Path(name).parents)} - {"."}):
            entry = tarfile.TarInfo(directory)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
        for name, data in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def _put(blobs: Path, data: bytes, media_type: str) -> dict[str, object]:
    digest = hashlib.sha256(data).hexdigest()
    (blobs / digest).write_bytes(data)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

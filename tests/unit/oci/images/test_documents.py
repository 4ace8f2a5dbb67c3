"""Manifests, indexes and configurations: decoded, and refused with the place of what is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from firkin.errors import FirkinError
from firkin.oci.image.config import decode_config
from firkin.oci.image.manifest import MOST_METADATA, compression_of, decode_index, decode_manifest

DIGEST = f"sha256:{'ab' * 32}"
LAYER = {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": DIGEST, "size": 5}
CONFIG = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": DIGEST, "size": 2}
MANIFEST = {"schemaVersion": 2, "config": CONFIG, "layers": [LAYER]}
IMAGE = {
    "architecture": "amd64",
    "os": "linux",
    "config": {"User": "1000", "Env": ["A=b"], "Cmd": ["sh"], "Volumes": {"/data": {}}, "Entrypoint": None},
    "rootfs": {"type": "layers", "diff_ids": [DIGEST]},
    "history": [{"created_by": "RUN x", "empty_layer": True}],
}


def changed(document: dict[str, Any], **changes: Any) -> bytes:
    return json.dumps({**document, **changes}).encode()


def test_a_manifest() -> None:
    manifest = decode_manifest(changed(MANIFEST), "manifest x")
    assert (manifest.layers[0].digest, manifest.config.size) == (DIGEST, 2)
    assert compression_of(manifest.layers[0], "x") == "gzip"


def test_an_index() -> None:
    entry = {**CONFIG, "platform": {"os": "linux", "architecture": "arm", "variant": "v7", "os.version": "5"}}
    index = decode_index(changed({"schemaVersion": 2, "manifests": [entry]}), "index x")
    platform = index.manifests[0].platform
    assert platform and (platform.architecture, platform.os_version) == ("arm", "5")


def test_a_configuration() -> None:
    config = decode_config(changed(IMAGE), "config x")
    assert config.config and (config.config.user, config.config.env, config.config.entrypoint) == ("1000", ("A=b",), ())
    assert config.rootfs.diff_ids == (DIGEST,)
    assert config.history[0].empty_layer


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{", "manifest x"),
        (b"[]", "manifest x: expected an object"),
        (changed(MANIFEST, schemaVersion=1), "manifest x: schemaVersion: is 1, only 2 is supported"),
        (changed(MANIFEST, mediaType="text/html"), "manifest x: mediaType: 'text/html' is not one of"),
        (changed(MANIFEST, layers=[{**LAYER, "size": -1}]), r"manifest x: layers\[0\].size: -1 is negative"),
        (changed(MANIFEST, layers=[{**LAYER, "size": "5"}]), r"manifest x: layers\[0\].size: expected"),
        (changed(MANIFEST, layers=[{**LAYER, "digest": "../x"}]), r"manifest x: layers\[0\].digest"),
        (changed(MANIFEST, layers=[LAYER] * 501), "layers: has 501, more than 500"),
        (changed({"schemaVersion": 2}), "manifest x: config"),
        (b" " * (MOST_METADATA + 1), "more than the 4194304 that are read at most"),
    ],
)
def test_wrong_manifests(data: bytes, message: str) -> None:
    with pytest.raises(FirkinError, match=message) as caught:
        decode_manifest(data, "manifest x")
    assert "\n" not in str(caught.value)


def test_wrong_configurations() -> None:
    for rootfs in ({"type": "files"}, {"type": "layers", "diff_ids": ["x"]}, {}):
        with pytest.raises(FirkinError, match=r"config x: rootfs"):
            decode_config(changed(IMAGE, rootfs=rootfs), "config x")


def test_what_is_no_layer_of_a_file_system() -> None:
    manifest = decode_manifest(changed(MANIFEST, layers=[{**LAYER, "mediaType": "application/wasm"}]), "x")
    with pytest.raises(FirkinError, match="is no layer of a file system"):
        compression_of(manifest.layers[0], "x")

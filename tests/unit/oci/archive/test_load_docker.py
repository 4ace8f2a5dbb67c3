"""Images from what `docker save` writes: a manifest is made, and what is wrong in any way is refused."""

from __future__ import annotations

import gzip
import hashlib
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firkin.oci.image.digest import digest_of
from firkin.oci.image.manifest import OCI_MANIFEST
from firkin.oci.store.images import ImageStore
from tests.support.archives import Archive
from tests.support.image_layout import archive
from tests.support.importing import AMD64, NAME, refused, take

LAYER = archive(a=b"1")
CONFIG = {"architecture": "amd64", "os": "linux", "config": {"Cmd": ["sh"]}}


class Saved:
    """An archive as `docker save` makes them, whose parts a test changes; `layers` are by the names of their files."""

    def __init__(self, **layers: bytes) -> None:
        self.files = {f"{name}/layer.tar": data for name, data in layers.items()}
        diff_ids = [digest_of(data) for data in layers.values()]
        self.config: dict[str, Any] = {**CONFIG, "rootfs": {"type": "layers", "diff_ids": diff_ids}}
        self.entry: dict[str, Any] = {"RepoTags": ["app:1", "r.example/app:2"], "Layers": [*self.files]}
        self.more = Archive()

    def write(self, path: Path, manifest: object = None) -> Path:
        config = json.dumps(self.config).encode()
        self.entry.setdefault("Config", f"{hashlib.sha256(config).hexdigest()}.json")
        self.files.setdefault(self.entry["Config"], config)
        for name, data in self.files.items():
            self.more.add(name, data)
        # As Docker does, at the end.
        self.more.add("manifest.json", json.dumps(manifest or [self.entry]).encode())
        path.write_bytes(self.more.finish())
        return path


def test_what_docker_saves_gets_a_manifest(store: ImageStore, tmp_path: Path) -> None:
    path = Saved(one=LAYER, two=archive(b=b"2")).write(tmp_path / "saved.tar")
    (first, digest), (second, same) = take(store, path, name=None)
    assert (str(first), str(second), digest) == ("docker.io/library/app:1", "r.example/app:2", same)
    image = store.find(first, AMD64)
    assert [layer.blob.digest for layer in image.layers] == [layer.diff_id for layer in image.layers]
    assert [layer.compression for layer in image.layers] == ["", ""]
    assert image.manifest.media_type == OCI_MANIFEST and store.content.read(image.digest, 1 << 20).isascii()
    assert take(store, path)[0][1] == digest


def test_layers_of_docker_may_be_compressed_or_links(store: ImageStore, tmp_path: Path) -> None:
    import zstandard

    saved = Saved(one=LAYER, two=archive(b=b"2"), three=archive(c=b"3"))
    saved.files["one/layer.tar"] = gzip.compress(LAYER, mtime=0)
    saved.files["two/layer.tar"] = zstandard.compress(saved.files["two/layer.tar"])
    saved.files["three.tar"] = saved.files.pop("three/layer.tar")
    saved.more.link("three/layer.tar", "../three.tar")
    take(store, saved.write(tmp_path / "saved.tar"))
    assert [layer.compression for layer in store.find(NAME, AMD64).layers] == ["gzip", "zstd", ""]
    for layer in store.find(NAME, AMD64).layers:
        assert layer.blob.digest == digest_of(store.content.read(layer.blob.digest, 1 << 20))


def test_an_archive_of_docker_can_be_a_directory(store: ImageStore, tmp_path: Path) -> None:
    path = Saved(one=LAYER).write(tmp_path / "saved.tar")
    with tarfile.open(path) as tar:
        tar.extractall(tmp_path / "saved")
    assert take(store, tmp_path / "saved") == take(store, path)


Alter = Callable[[Saved], object]


@pytest.mark.parametrize(
    ("alter", "reason"),
    [
        (lambda saved: saved.entry.update(Config="none.json"), None),
        (lambda saved: saved.entry.update(Config="../../etc/passwd"), "manifest.json: '../../etc/passwd' leads out"),
        (lambda saved: saved.entry.update(Config=f"{'0' * 64}.json"), "0000.json: has the digest sha256:"),
        (lambda saved: saved.entry.update(Layers=["none.tar"]), "none.tar is not in it"),
        (lambda saved: saved.entry.update(Layers=["/../x"]), "'/../x' leads out of it"),
        (lambda saved: saved.entry.update(Layers=["one\0/layer.tar"]), "leads out of it"),
        (lambda saved: saved.entry.update(Layers=[]), "has 1 layers, manifest.json has 0"),
        (lambda saved: saved.entry.update(Layers="one"), r"manifest.json: \[0\].Layers: expected an array"),
        (lambda saved: saved.files.update({"one/layer.tar": LAYER + b"x"}), "its bytes have the digest"),
        (lambda saved: saved.files.update({"one/layer.tar": b"BZh9" + LAYER}), "is compressed by bzip2, which"),
        (lambda saved: saved.config.update(os="plan9"), "is an image for plan9/amd64"),
        (lambda saved: saved.config.update(rootfs={"type": "layers", "diff_ids": ["md5:1"]}), "diff_ids"),
        (lambda saved: saved.config.pop("rootfs"), "rootfs: required field is missing"),
        (lambda saved: saved.more.link("one/layer.tar", "one/layer.tar"), None),
    ],
)  # fmt: skip
def test_an_archive_of_docker_that_is_wrong_is_refused(
    store: ImageStore, tmp_path: Path, alter: Alter, reason: str | None
) -> None:
    saved = Saved(one=LAYER)
    alter(saved)
    path = saved.write(tmp_path / "saved.tar")
    if reason is None:
        # Any name of a configuration will do, and a file that comes later counts.
        assert take(store, path)
    else:
        refused(store, path, reason)
        store.prune()
        assert list(store.content.digests()) == []


@pytest.mark.parametrize(
    ("links", "reason"),
    [
        ({"a": "b", "b": "a"}, "is a link that leads nowhere"),
        ({"a": "a"}, "is a link that leads nowhere"),
        ({"a": "../../one"}, "which is a link to '.', is not in it"),
        ({"a": "none"}, "which is a link to 'none', is not in it"),
    ],
)
def test_links_in_an_archive_lead_nowhere_else(
    store: ImageStore, tmp_path: Path, links: dict[str, str], reason: str
) -> None:
    saved = Saved(one=LAYER)
    for name, target in links.items():
        saved.more.link(name, target)
    saved.entry["Layers"] = ["a"]
    refused(store, saved.write(tmp_path / "saved.tar"), reason)


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        ({}, "manifest.json: is not a list"),
        ([1], r"manifest.json: \[0\]: expected an object"),
        ([{"Layers": []}], r"\[0\].Config: required field is missing"),
    ],
)
def test_a_list_of_docker_that_is_none(store: ImageStore, tmp_path: Path, manifest: object, reason: str) -> None:
    path = tmp_path / "saved.tar"
    path.write_bytes(Archive().add("manifest.json", json.dumps(manifest).encode()).finish())
    refused(store, path, reason)


def test_an_archive_of_too_many_names(store: ImageStore, tmp_path: Path) -> None:
    saved = Saved(one=LAYER)
    saved.entry["RepoTags"] = [f"a:{number}" for number in range(1001)]
    refused(store, saved.write(tmp_path / "saved.tar"), "has 1001 names of images, more than 1000", name=None)


def test_what_docker_wrote_long_ago_is_told_so(store: ImageStore, tmp_path: Path) -> None:
    path = tmp_path / "saved.tar"
    path.write_bytes(Archive().add("repositories", b"{}").add("x/layer.tar", LAYER).finish())
    refused(store, path, "is of Docker before 1.10 .save it again")

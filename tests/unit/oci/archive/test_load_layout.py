"""Images from layouts: what is right is stored, what is wrong in any way is refused and leaves nothing."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from firkin.errors import ImageError, PolicyError
from firkin.oci.image.manifest import Platform
from firkin.oci.image.reference import parse_reference
from firkin.oci.policy.policy import Policy
from firkin.oci.store.images import ImageStore
from tests.support.image_layout import ImageLayout, archive
from tests.support.importing import AMD64, NAME, refused, take, tarred
from tests.support.killed import killed_before_each_step

REF_NAME = "org.opencontainers.image.ref.name"
CONTAINERD_NAME = "io.containerd.image.name"
LAYER = archive(a=b"1")


def rewrite(layout: ImageLayout, **changes: object) -> None:
    """Change the top of a layout."""
    path = layout.path / "index.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def entries(layout: ImageLayout, *descriptors: dict[str, object]) -> Path:
    """A layout whose top has these descriptors."""
    layout.publish(descriptors[0])
    rewrite(layout, manifests=list(descriptors))
    return layout.path


@pytest.fixture
def layout(tmp_path: Path) -> ImageLayout:
    """A layout of one image without a name."""
    layout = ImageLayout(tmp_path / "layout")
    layout.publish(layout.image([LAYER, archive(b=b"2")]))
    return layout


def blob_of(layout: ImageLayout, descriptor: dict[str, object]) -> Path:
    return layout.path / "blobs" / str(descriptor["digest"]).replace(":", "/")


def test_a_layout_is_read_from_a_directory_and_an_archive(store: ImageStore, layout: ImageLayout) -> None:
    top = json.loads((layout.path / "index.json").read_text())["manifests"][0]["digest"]
    assert take(store, layout.path) == [(NAME, top)]
    image = store.find(NAME, AMD64)
    assert [store.content.has(layer.blob.digest) for layer in image.layers] == [True, True]
    other = NAME._replace(tag="2")
    assert take(store, tarred(layout.path), name=other) == [(other, top)]
    assert store.find(other, AMD64)._replace(name=image.name) == image


@pytest.mark.parametrize(
    ("annotations", "name"),
    [
        ({REF_NAME: "r.example/app:2"}, "r.example/app:2"),
        ({REF_NAME: "2", CONTAINERD_NAME: "docker.io/library/app:2"}, "docker.io/library/app:2"),
        ({REF_NAME: "app:2"}, "docker.io/library/app:2"),
    ],
)
def test_an_image_has_the_name_that_it_has_there(
    store: ImageStore, layout: ImageLayout, annotations: dict[str, str], name: str
) -> None:
    image = layout.image([LAYER])
    entries(layout, {**image, "annotations": annotations})
    assert take(store, layout.path, name=None) == [(parse_reference(name), image["digest"])]


@pytest.mark.parametrize(
    "annotations", [{}, {REF_NAME: "latest"}, {REF_NAME: "Not/A Name"}, {REF_NAME: "a/b@sha256:1"}]
)
def test_an_image_without_a_full_name_needs_one(
    store: ImageStore, layout: ImageLayout, annotations: dict[str, str]
) -> None:
    entries(layout, {**layout.image([LAYER]), "annotations": annotations})
    refused(store, layout.path, "is not the full name of an image", name=None)
    assert len(take(store, layout.path)) == 1


def test_one_of_several_images_is_chosen_by_name_or_digest(store: ImageStore, layout: ImageLayout) -> None:
    images = [layout.image([archive(**{name: b"1"})]) for name in "abc"]
    named = [
        {**image, "annotations": {REF_NAME: f"r.example/{name}:1"}, "platform": None}
        for name, image in zip("ab", images, strict=False)
    ]
    entries(layout, *named, {**images[2], "platform": None})
    refused(store, layout.path, r"has 3 images .choose one with --image: r.example/a:1; r.example/b:1; sha256:")
    refused(store, layout.path, r"has no image 'd' .there are r.example/a:1;", wanted="d")
    assert take(store, layout.path, wanted="r.example/b:1") == [(NAME, images[1]["digest"])]
    assert take(store, layout.path, wanted=images[2]["digest"]) == [(NAME, images[2]["digest"])]
    assert take(store, layout.path, wanted="r.example/a:1", name=None) == [
        (parse_reference("r.example/a:1"), images[0]["digest"])
    ]


def test_all_images_come_under_their_names(store: ImageStore, layout: ImageLayout) -> None:
    images = [{**layout.image([archive(**{name: b"1"})]), "annotations": {REF_NAME: f"r/{name}:1"}} for name in "ab"]
    entries(layout, *images, *images)
    assert [digest for _, digest in take(store, layout.path, name=None)] == [image["digest"] for image in images]


@pytest.mark.parametrize("is_index", [True, False])
def test_of_several_platforms_one_is_taken(store: ImageStore, layout: ImageLayout, is_index: bool) -> None:
    images = [layout.image([LAYER], architecture=name) for name in ("arm64", "amd64")]
    if is_index:
        layout.publish(layout.index(*images))
    else:
        entries(layout, *images)
    take(store, layout.path)
    assert store.find(NAME, AMD64).digest == images[1]["digest"]
    assert not store.content.has(str(images[0]["digest"]))


def test_all_platforms_of_an_index_are_taken(store: ImageStore, layout: ImageLayout) -> None:
    images = [layout.image([LAYER], architecture=name) for name in ("arm64", "amd64")]
    attestation = layout.document(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": layout.document({}, "application/vnd.oci.image.config.v1+json"),
            "layers": [layout.blob(b"{}", "application/vnd.in-toto+json")],
        },
        "application/vnd.oci.image.manifest.v1+json",
        platform={"architecture": "unknown", "os": "unknown"},
    )
    index = layout.index(*images, attestation)
    layout.publish(index)
    assert take(store, layout.path, None) == [(NAME, index["digest"])]
    for image, name in zip(images, ("arm64", "amd64"), strict=True):
        assert store.find(NAME, Platform(architecture=name, os="linux")).digest == image["digest"]
    assert len(store.closure(NAME)) == 4
    blobs = set(store.content.digests())
    store.prune()
    assert set(store.content.digests()) == blobs
    refused_name = NAME._replace(tag="2")
    entries(layout, *images)
    with pytest.raises(ImageError, match="its platforms have no index that could be kept"):
        take(store, layout.path, None, name=refused_name)


def test_an_index_of_more_than_fits_into_memory(store: ImageStore, layout: ImageLayout) -> None:
    entry = {"mediaType": OCI, "digest": f"sha256:{'0' * 64}", "size": 4 << 20}
    layout.publish(layout.index(*[entry] * 5))
    refused(store, layout.path, "its manifests have 20971520 bytes, more than 16777216", None)


def test_digests_of_other_algorithms(store: ImageStore, layout: ImageLayout) -> None:
    image = layout.image([LAYER])
    data = blob_of(layout, image).read_bytes()
    (layout.path / "blobs/sha512").mkdir()
    encoded = hashlib.sha512(data).hexdigest()
    (layout.path / "blobs/sha512" / encoded).write_bytes(data)
    layout.publish({**image, "digest": f"sha512:{encoded}"})
    take(store, tarred(layout.path))
    assert store.find(NAME, AMD64).digest == f"sha512:{encoded}"
    store.prune()
    assert store.find(NAME, AMD64).layers


def test_what_is_here_is_not_read_again(store: ImageStore, layout: ImageLayout) -> None:
    take(store, layout.path)
    for path in (layout.path / "blobs/sha256").iterdir():
        if path.read_bytes()[:2] == b"\x1f\x8b":
            path.unlink()
    told: list[tuple[int, int]] = []
    take(store, layout.path, progress=lambda digest, done, total: told.append((done, total)))
    assert told and all(done == total for done, total in told)


def test_a_digest_in_the_name_is_that_of_the_image(store: ImageStore, layout: ImageLayout) -> None:
    top = json.loads((layout.path / "index.json").read_text())["manifests"][0]["digest"]
    refused(store, layout.path, f"r.example/app:1@sha256:0+: has the digest {top}",
            name=NAME._replace(digest=f"sha256:{'0' * 64}"))  # fmt: skip
    take(store, layout.path, name=NAME._replace(digest=top))


def test_the_policy_is_asked_before_anything_is_stored(store: ImageStore, layout: ImageLayout, tmp_path: Path) -> None:
    verifier = tmp_path / "verifier"
    verifier.write_text(f"#!/bin/sh\necho $FIRKIN_REFERENCE $FIRKIN_DIGEST > {tmp_path}/asked\nexit 1\n")
    verifier.chmod(0o755)
    (tmp_path / "policy.toml").write_text(f'[image."r.example"]\nverifier = "{verifier}"')
    with pytest.raises(PolicyError, match=r"r.example/app:1: refused by .*: status 1"):
        take(store, layout.path, policy=Policy(str(tmp_path / "policy.toml")))
    top = json.loads((layout.path / "index.json").read_text())["manifests"][0]["digest"]
    assert (tmp_path / "asked").read_text() == f"r.example/app:1 {top}\n"
    assert list(store.content.digests()) == []


Change = Callable[[ImageLayout], object]


def replaced(path: str, text: str) -> Change:
    return lambda layout: (layout.path / path).write_text(text)


def longer(kind: str) -> Change:
    """Append a byte to the blobs of a kind, by how they begin."""

    def change(layout: ImageLayout) -> None:
        for path in (layout.path / "blobs/sha256").iterdir():
            data = path.read_bytes()
            if data.startswith(b"\x1f\x8b" if kind == "layer" else b'{"schema' if kind == "manifest" else b'{"arch'):
                path.write_bytes(data + b" ")

    return change


def flipped(layout: ImageLayout) -> None:
    """Change a byte of each layer."""
    for path in (layout.path / "blobs/sha256").iterdir():
        data = path.read_bytes()
        if data.startswith(b"\x1f\x8b"):
            path.write_bytes(data[:20] + bytes([data[20] ^ 1]) + data[21:])


def nested(layout: ImageLayout) -> None:
    index = layout.index({**layout.index(layout.image([LAYER])), "platform": {"architecture": "amd64", "os": "linux"}})
    layout.publish(index)


def document(**more: object) -> Change:
    """Let the layout be of a manifest that says something else."""

    def change(layout: ImageLayout) -> None:
        image = json.loads(blob_of(layout, layout.image([LAYER])).read_text())
        layout.publish(layout.document({**image, **more}, "application/vnd.oci.image.manifest.v1+json"))

    return change


def top(**changes: object) -> Change:
    """Let the top have a descriptor that says something else."""

    def change(layout: ImageLayout) -> None:
        (found,) = json.loads((layout.path / "index.json").read_text())["manifests"]
        rewrite(layout, manifests=[{**found, **changes}])

    return change


OCI = "application/vnd.oci.image.manifest.v1+json"
BAD = {"mediaType": OCI, "digest": "sha256:../../../../etc/passwd", "size": 1}


@pytest.mark.parametrize("is_archive", [False, True])
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda layout: (layout.path / "oci-layout").unlink(), "is neither an OCI image layout nor"),
        (lambda layout: (layout.path / "index.json").unlink(), "index.json is not in it"),
        (replaced("oci-layout", '{"imageLayoutVersion":"2.0.0"}'), "imageLayoutVersion is '2.0.0'"),
        (replaced("oci-layout", "[]"), "imageLayoutVersion is None"),
        (replaced("oci-layout", "{"), "oci-layout: line 1"),
        (replaced("index.json", "[]"), "index.json: expected an object"),
        (replaced("index.json", '{"schemaVersion":1,"manifests":[]}'), "schemaVersion: is 1"),
        (replaced("index.json", '{"schemaVersion":2,"manifests":[]}'), "has no image"),
        (replaced("index.json", " " * (5 << 20)), "index.json: has 5242880 bytes, more than the 4194304"),
        (lambda layout: rewrite(layout, manifests=[BAD]), r"manifests\[0\].digest: .*is not 64"),
        (lambda layout: rewrite(layout, manifests=[{**BAD, "digest": f"sha256:{'0' * 64}"}]), "0000 is not in it"),
        (top(size=1), "bytes with the digest sha256:.*, its descriptor says 1 bytes"),
        (top(mediaType="application/vnd.oci.image.index.v1+json"), "mediaType .* is not the descriptor's"),
        (top(mediaType="text/html"), "is not the descriptor's 'text/html'"),
        (document(manifests=[]), "with manifests is ambiguous"),
        (document(mediaType="x\x1b[2J"), r"mediaType 'x\?\[2J' is not the descriptor's"),
        (document(layers=[]), "has 0 layers, its configuration says 1"),
        (document(layers=[{"mediaType": "text/html", "digest": BAD["digest"], "size": 1}]), r"layers\[0\].digest"),
        (nested, "is an index in an index"),
        (longer("manifest"), "bytes with the digest sha256:.*, its descriptor says"),
        (longer("config"), "bytes, its descriptor says"),
        (longer("layer"), "bytes, its descriptor says"),
        (flipped, "blobs/sha256/[0-9a-f]+: blob sha256:[0-9a-f]+: its bytes have the digest"),
    ],
)  # fmt: skip
def test_a_layout_that_is_wrong_is_refused(
    store: ImageStore, layout: ImageLayout, change: Change, reason: str, is_archive: bool
) -> None:
    change(layout)
    refused(store, tarred(layout.path) if is_archive else layout.path, reason)
    store.prune()
    assert list(store.content.digests()) == [] and os.listdir(store.content.scratch) == []


def test_an_image_for_another_platform_is_refused_before_its_layers_are_read(
    store: ImageStore, layout: ImageLayout
) -> None:
    refused(store, layout.path, "is an image for linux/amd64, not for linux/arm64",
            Platform(architecture="arm64", os="linux"))  # fmt: skip
    assert len(list(store.content.digests())) == 1


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path, outside: path.symlink_to(outside), "index.json is not in it"),
        (lambda path, outside: path.symlink_to(f"../../../../..{outside}"), "index.json is not in it"),
        (lambda path, outside: path.symlink_to(path.name), "index.json is not in it"),
        (lambda path, outside: path.mkdir(), "index.json: is no regular file"),
        (lambda path, outside: os.mkfifo(path), "index.json: is no regular file"),
        (lambda path, outside: path.symlink_to("/proc/self/fd/0"), "index.json is not in it"),
    ],
)
def test_links_of_a_directory_lead_nowhere_else(
    store: ImageStore, layout: ImageLayout, tmp_path: Path, make: Callable[[Path, Path], object], reason: str
) -> None:
    outside = tmp_path / "outside.json"
    (layout.path / "index.json").rename(outside)
    make(layout.path / "index.json", outside)
    refused(store, layout.path, reason)


def test_links_inside_of_a_directory_are_followed(store: ImageStore, layout: ImageLayout) -> None:
    (layout.path / "index.json").rename(layout.path / "real.json")
    (layout.path / "index.json").symlink_to("/real.json")
    assert take(store, layout.path)


def test_a_cut_import_goes_on_and_a_wrong_beginning_is_read_anew(store: ImageStore, layout: ImageLayout) -> None:
    layer = next(path for path in (layout.path / "blobs/sha256").iterdir() if path.read_bytes()[:2] == b"\x1f\x8b")
    size = layer.stat().st_size
    for beginning in (layer.read_bytes()[:50], b"X" * 50):
        with store.content.claim(f"sha256:{layer.name}", size) as ingest:
            assert ingest is not None
            ingest.write(beginning)
        told: list[int] = []

        def tell(digest: str, done: int, total: int, told: list[int] = told) -> None:
            if digest.endswith(layer.name):
                told.append(done)

        take(store, layout.path, progress=tell)
        assert told[-1] == size and store.content.read(f"sha256:{layer.name}", size) == layer.read_bytes()
        store.remove(NAME)


def test_a_file_that_gets_shorter_is_told(store: ImageStore, layout: ImageLayout) -> None:
    path = tarred(layout.path)

    def cut(digest: str, done: int, total: int) -> None:
        os.truncate(path, 1024)

    with pytest.raises(ImageError, match=r"x: blobs/.*: ends at byte 0 of"):
        take(store, path, progress=cut)


def test_the_layout_in_an_archive_of_docker_comes_first(store: ImageStore, layout: ImageLayout) -> None:
    (layout.path / "manifest.json").write_text("[]")
    top = json.loads((layout.path / "index.json").read_text())["manifests"][0]["digest"]
    assert take(store, layout.path) == [(NAME, top)]


def test_killed_at_any_step_the_store_is_whole_and_the_next_import_finishes(
    layout: ImageLayout, tmp_path: Path
) -> None:
    def work(place: Path) -> None:
        with ImageStore(str(place)) as store:
            take(store, layout.path)

    def check(place: Path) -> None:
        with ImageStore(str(place)) as store:
            assert list(store.check()) == []
            take(store, layout.path)
            assert list(store.check()) == [] and os.listdir(store.content.scratch) == []
            store.remove(NAME)
            # What the lease of the dead one keeps is kept for its time.
            assert list(store.images()) == []

    (tmp_path / "steps").mkdir()
    assert killed_before_each_step(tmp_path / "steps", work, check, stride=2) > 25

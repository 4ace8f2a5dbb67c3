"""The policy decides before anything large is fetched, and again before a container is made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bundle import Firkin
from tests.support.image_commands import ImageCommands
from tests.support.image_layout import ImageLayout, archive
from tests.support.registry import RealRegistry

pytestmark = pytest.mark.requires("root", "docker-registry", "skopeo")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    """A registry with team/app:1, whose top is an index."""
    place = tmp_path_factory.mktemp("registry")
    with RealRegistry(place / "registry") as server:
        made = ImageLayout(place / "layout")
        index = made.index(*(made.image([archive(a=b"1")], architecture=name) for name in ("amd64", "arm64")))
        server.fill(made.publish(index), "team/app:1")
        yield server


@pytest.fixture
def images(firkin: Firkin, tmp_path: Path) -> ImageCommands:
    return ImageCommands(firkin, tmp_path)


def written(place: Path, text: str) -> Path:
    (place / "policy.toml").write_text(text)
    return place / "policy.toml"


def test_a_host_that_is_refused_is_not_asked(images: ImageCommands, tmp_path: Path) -> None:
    policy = written(tmp_path, "[default]\nallow = false")
    # Nobody listens there, which would be another error.
    said = images.fails("pull", "--policy", policy, "127.0.0.1:1/app:1")
    assert said == f"image 127.0.0.1:1/app:1: refused by {policy}: default.allow is false"


def test_a_verifier_is_asked_before_blobs_are_fetched_and_before_they_are_unpacked(
    images: ImageCommands, registry: RealRegistry, tmp_path: Path
) -> None:
    verifier = tmp_path / "verifier"
    verifier.write_text(
        f"#!/bin/sh\nset -e\nprintf '%s\\n' $FIRKIN_REFERENCE $FIRKIN_DIGEST $FIRKIN_MANIFEST >> {tmp_path}/asked\n"
        'test "$FIRKIN_DIGEST" = "sha256:$(sha256sum | cut -d" " -f1)"\n'
        f"test -e {tmp_path}/trusted || {{ echo 'nobody signed it' >&2; exit 9; }}\n"
    )
    verifier.chmod(0o755)
    policy = written(tmp_path, f'[image."{registry.host}/team"]\nverifier = "{verifier}"')
    name = f"{registry.host}/team/app:1"
    reason = f'refused by {policy}: image."{registry.host}/team".verifier {verifier}: status 9: nobody signed it'
    assert images.fails("pull", "--policy", policy, name) == f"image {name}: {reason}"
    assert images.blobs() == set()

    (tmp_path / "trusted").touch()
    manifest = images("pull", "--policy", policy, name).stdout.split()[1]
    (tmp_path / "trusted").unlink()
    assert images.fails("unpack", "--policy", policy, name, tmp_path / "bundle") == f"image {name}: {reason}"
    assert not (tmp_path / "bundle").exists()

    (row,) = json.loads(images("images", "--json").stdout)
    assert (tmp_path / "asked").read_text().split() == [name, row["digest"], manifest] * 3
    assert row["digest"] != manifest

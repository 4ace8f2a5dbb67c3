"""Back to a registry: push, tags, tag, rmi --remote, with a real registry that skopeo reads."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firkin.oci.image.platform import host_platform
from firkin.oci.image.reference import parse_reference
from firkin.oci.push import push
from firkin.oci.registry.client import open_registry
from firkin.oci.registry.credentials import anonymous
from firkin.oci.registry.endpoint import Endpoint
from firkin.oci.registry.request import Request
from firkin.oci.store.images import ImageStore
from tests.support.bundle import Firkin
from tests.support.image_commands import ImageCommands
from tests.support.image_layout import ImageLayout, archive
from tests.support.registry import RealRegistry
from tests.support.terminal import Terminal
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.requires("root", "docker-registry", "skopeo")

HERE = host_platform().architecture
OTHER = "s390x"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    """A registry with app:1 for this machine and multi:1 for two."""
    place = tmp_path_factory.mktemp("registry")
    with RealRegistry(place / "registry") as server:
        single = ImageLayout(place / "single")
        layers = [archive(a=os.urandom(1 << 20)), archive(b=b"2")]
        server.fill(single.publish(single.image(layers, architecture=HERE)), "app:1")
        multi = ImageLayout(place / "multi")
        images = [multi.image([archive(a=name.encode())], architecture=name) for name in (HERE, OTHER)]
        server.fill(multi.publish(multi.index(*images)), "multi:1")
        yield server


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, registry: RealRegistry) -> Path:
    """A directory with a store that has app:1 and this machine's image of multi:1."""
    place = tmp_path_factory.mktemp("images")
    images = ImageCommands(Firkin(place / "state"), place)
    for name in ("app:1", "multi:1"):
        images("pull", f"{registry.host}/{name}")
    return place


@pytest.fixture
def images(firkin: Firkin, place: Path) -> ImageCommands:
    return ImageCommands(firkin, place)


def digest_of(images: ImageCommands, name: str) -> str:
    """The digest of an image that is here."""
    return str(json.loads(images("inspect", name).stdout)["digest"])


def requests_of(images: ImageCommands, source: str, destination: str) -> list[str]:
    """Push, and say what was asked for that: `METHOD PATH?QUERY`."""
    asked = []

    async def run(store: ImageStore) -> None:
        async with open_registry(credentials=anonymous, hosts_directory="/nonexistent") as client:
            once = client.caller.once

            def recorded(endpoint: Endpoint, request: Request, *rest: Any, **options: Any) -> Any:
                asked.append(f"{request.method} {request.url.raw_path_qs}")
                return once(endpoint, request, *rest, **options)

            client.caller.once = recorded  # type: ignore[method-assign]
            await push(parse_reference(source), parse_reference(destination), store, client, host_platform())

    with ImageStore(str(images.store)) as store:
        asyncio.run(run(store))
    return asked


def inspected(name: str, *options: str) -> bytes:
    """A manifest as skopeo reads it."""
    command = ["skopeo", "inspect", "--raw", "--tls-verify=false", *options, f"docker://{name}"]
    return subprocess.run(command, check=True, capture_output=True).stdout


def test_what_is_pushed_is_what_was_pulled(images: ImageCommands, registry: RealRegistry) -> None:
    source = f"{registry.host}/app:1"
    digest = digest_of(images, source)
    with RealRegistry(registry.place.parent / "second") as second:
        destination = f"{second.host}/team/copy:2"
        assert images("push", source, destination).stdout == f"{destination} {digest}\n"
        assert inspected(destination) == inspected(source)
        copy = ["skopeo", "--insecure-policy", "copy", "--quiet", "--src-tls-verify=false", "--preserve-digests"]
        subprocess.run([*copy, f"docker://{destination}", f"dir:{second.place}/copy"], check=True)
        assert images("push", "--quiet", source, destination).stdout == ""
        again = requests_of(images, source, destination)
        assert [request.split()[0] for request in again] == ["HEAD"] * 3 + ["PUT"]


def test_blobs_are_mounted_from_other_repositories_of_the_registry(
    images: ImageCommands, registry: RealRegistry
) -> None:
    asked = requests_of(images, f"{registry.host}/app:1", f"{registry.host}/mounted:1")
    assert sorted(request.partition("?")[0] for request in asked if not request.startswith("HEAD")) == [
        *["POST /v2/mounted/blobs/uploads/"] * 3,
        "PUT /v2/mounted/manifests/1",
    ]
    assert len([request for request in asked if request.endswith("&from=app")]) == 3
    assert inspected(f"{registry.host}/mounted:1") == inspected(f"{registry.host}/app:1")


def test_one_image_of_an_index_is_pushed_or_all_of_them(images: ImageCommands, registry: RealRegistry) -> None:
    source, destination = f"{registry.host}/multi:1", f"{registry.host}/again:1"
    said = images.fails("push", "--all-platforms", source, destination)
    assert "of its index is not here (pull it for each platform)" in said
    images("push", source, destination)
    assert json.loads(inspected(destination))["mediaType"].endswith("image.manifest.v1+json")
    images("pull", "--platform", f"linux/{OTHER}", source)
    images("push", "--all-platforms", source, destination)
    assert inspected(destination) == inspected(source)
    found = json.loads(subprocess.run(
        ["skopeo", "inspect", "--config", "--tls-verify=false", f"--override-arch={OTHER}", f"docker://{destination}"],
        check=True, capture_output=True,
    ).stdout)  # fmt: skip
    assert found["architecture"] == OTHER


def test_tags_are_shown_and_deleted_with_their_image(images: ImageCommands, registry: RealRegistry) -> None:
    source, repository = f"{registry.host}/app:1", f"{registry.host}/deleted"
    for tag in ("1", "stable"):
        images("push", "--quiet", source, f"{repository}:{tag}")
    assert sorted(images.firkin("tags", repository).stdout.split()) == ["1", "stable"]
    digest = digest_of(images, source)
    assert images("rmi", "--remote", f"{repository}:stable").stdout == f"{repository}:stable: {digest} deleted\n"
    assert images.firkin("tags", repository).stdout == ""
    assert "answers 404" in images.fails("rmi", "--remote", f"{repository}:stable")
    # What is deleted there can be pushed again.
    images("push", source, f"{repository}:1")
    assert images.firkin("tags", repository).stdout == "1\n"


def test_a_tag_is_one_more_name(images: ImageCommands, registry: RealRegistry) -> None:
    source = f"{registry.host}/app:1"
    digest = digest_of(images, source)
    images("tag", source, "team/app")
    images("tag", "team/app", f"team/app@{digest}")
    images("rmi", "team/app")
    assert digest_of(images, f"docker.io/team/app@{digest}") == digest
    wrong = f"sha256:{'0' * 64}"
    assert f"its digest is {digest}" in images.fails("tag", source, f"team/app@{wrong}")
    assert f"its digest is {digest}" in images.fails("push", source, f"{registry.host}/x@{wrong}")
    assert "image docker.io/library/none:1: is not here" in images.fails("tag", "none:1", "other:1")


def test_a_push_of_what_is_not_here_is_one_line(images: ImageCommands, registry: RealRegistry) -> None:
    assert images.fails("push", "none:1").startswith("image docker.io/library/none:1: is not here")
    assert "has no image for linux/none" in images.fails("push", "--platform", "linux/none", f"{registry.host}/multi:1")
    assert images("fsck").stdout == ""


def test_tags_of_what_is_not_there(images: ImageCommands, registry: RealRegistry) -> None:
    for repository, reason in ((f"{registry.host}/none", "answers 404"), (f"{registry.host}/app:1", "is the name of")):
        done = images.firkin("tags", repository, check=False)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1) and reason in done.stderr


def test_the_progress_of_a_push_is_shown_on_a_terminal(images: ImageCommands, registry: RealRegistry) -> None:
    words = images.words("push", f"{registry.host}/app:1", f"{registry.host}/shown:1")
    with Terminal(images.firkin.command(*words)) as terminal:
        terminal.expect(b"sha256:")
        assert terminal.process.wait(SECONDS) == 0
    before, _, after = terminal.seen.partition(b"\r\x1b[K")
    assert f"asking {registry.host} for shown".encode() in before
    assert after.decode().strip().startswith(f"{registry.host}/shown:1 sha256:")

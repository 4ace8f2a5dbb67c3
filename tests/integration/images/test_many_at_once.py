"""One store in several hands, and in those of a process that is killed: what is there is whole, always."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from firkin.oci.image.platform import host_platform
from firkin.oci.image.reference import parse_reference
from firkin.oci.policy.policy import Policy
from firkin.oci.pull import pull
from firkin.oci.push import push
from firkin.oci.registry.client import Registry, open_registry
from firkin.oci.registry.credentials import anonymous
from firkin.oci.store.images import ImageStore
from tests.support.archives import Archive
from tests.support.bundle import Firkin
from tests.support.image_commands import ImageCommands
from tests.support.image_layout import ImageLayout, archive
from tests.support.killed import killed_before_each_step
from tests.support.registry import RealRegistry

pytestmark = pytest.mark.requires("root", "docker-registry", "skopeo")

HERE = host_platform()


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    """A registry with two images that share a layer."""
    place = tmp_path_factory.mktemp("registry")
    shared = archive(a=os.urandom(1 << 20))
    with RealRegistry(place / "registry") as server:
        for number in (1, 2):
            made = ImageLayout(place / f"layout{number}")
            layers = [shared, archive(b=str(number).encode())]
            server.fill(made.publish(made.image(layers, architecture=HERE.architecture)), f"app:{number}")
        yield server


def test_pulls_and_removals_at_once_leave_whole_images(firkin: Firkin, registry: RealRegistry, tmp_path: Path) -> None:
    images = ImageCommands(firkin, tmp_path)
    names = [f"{registry.host}/app:{number}" for number in (1, 2)]
    for _ in range(2):
        commands = [("pull", names[0]), ("pull", names[1]), ("rmi", names[0]), ("pull", names[0]), ("prune",)]
        running = [
            subprocess.Popen(
                firkin.command(*images.words(*words)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )
            for words in commands
        ]
        for words, process in zip(commands, running, strict=True):
            _, errors = process.communicate(timeout=120)
            # What is to be removed may not be there yet.
            assert process.returncode == 0 or (words[0] == "rmi" and "is not here" in errors), errors
        assert images("fsck").stdout == ""
        assert names[1] in images("images", "--quiet").stdout
        images("export", "--format", "docker-archive", names[1], "/dev/null")
    for name in images("images", "--quiet").stdout.split():
        images("rmi", name)
    assert images.is_clean()


async def pulled(client: Registry, place: Path, name: str) -> None:
    with ImageStore(str(place)) as store:
        await pull(parse_reference(name), store, client, HERE, policy=Policy("/nonexistent/policy.toml"))


def test_killed_at_any_step_of_a_pull_the_store_is_whole_and_the_next_one_finishes(
    registry: RealRegistry, tmp_path: Path
) -> None:
    name = f"{registry.host}/app:1"

    async def run(place: Path) -> None:
        async with open_registry(credentials=anonymous, hosts_directory="/nonexistent") as client:
            await pulled(client, place, name)

    def work(place: Path) -> None:
        asyncio.run(run(place))

    def check(place: Path) -> None:
        with ImageStore(str(place)) as store:
            assert list(store.check()) == []
        work(place)
        with ImageStore(str(place)) as store:
            assert list(store.check()) == [] and len(list(store.images())) == 1
            assert os.listdir(store.content.scratch) == []

    assert killed_before_each_step(tmp_path, work, check, stride=5) > 10


def test_killed_at_any_step_of_a_push_the_next_one_finishes(registry: RealRegistry, tmp_path: Path) -> None:
    source = f"{registry.host}/app:1"
    store_place = tmp_path / "images"
    store_place.mkdir()

    async def run(place: Path, *, is_pull: bool = False) -> None:
        async with open_registry(credentials=anonymous, hosts_directory="/nonexistent") as client:
            if is_pull:
                await pulled(client, store_place, source)
                return
            with ImageStore(str(store_place)) as store:
                destination = parse_reference(f"{registry.host}/killed/{place.name}:1")
                await push(parse_reference(source), destination, store, client, HERE)

    def work(place: Path) -> None:
        asyncio.run(run(place))

    def check(place: Path) -> None:
        work(place)
        with ImageStore(str(store_place)) as store:
            assert list(store.check()) == []

    asyncio.run(run(tmp_path, is_pull=True))
    (tmp_path / "steps").mkdir()
    assert killed_before_each_step(tmp_path / "steps", work, check, stride=4) > 4
    for number in range(4):
        command = ["skopeo", "inspect", "--tls-verify=false", f"docker://{registry.host}/killed/{number}:1"]
        subprocess.run(command, check=True, capture_output=True)


def test_what_is_wrong_in_a_large_layer_is_told_by_the_command(firkin: Firkin, tmp_path: Path) -> None:
    """The program that writes it ends long before the whole layer is inflated."""
    layer = Archive().add("../escape", b"1").add("zeros", bytes(4 << 20)).finish()
    made = ImageLayout(tmp_path / "layout")
    made.publish(made.image([layer], architecture=HERE.architecture))
    images = ImageCommands(firkin, tmp_path)
    images("import", made.path, "r.example/app:1")
    said = images.fails("unpack", "r.example/app:1", tmp_path / "bundle")
    assert said.startswith("r.example/app:1: layer 1 of 1: '../escape': leads out of the root file system")
    assert not (tmp_path / "bundle").exists() and not (tmp_path / "escape").exists()

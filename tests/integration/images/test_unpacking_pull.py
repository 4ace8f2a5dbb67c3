"""A pull that unpacks: the layers of an image side by side, while they come from a real registry."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from firkin.errors import ImageError, NotFoundError
from firkin.oci.image.manifest import Platform
from firkin.oci.image.reference import parse_reference
from firkin.oci.layers.program import Job, Limits
from firkin.oci.layers.unpack import unpack_arriving
from firkin.oci.pull import Arriving, pull
from firkin.oci.registry.client import open_registry
from firkin.oci.registry.credentials import anonymous
from firkin.oci.store.images import ImageStore, Local
from firkin.oci.together import together
from tests.support.archives import Archive, described
from tests.support.image_layout import ImageLayout
from tests.support.registry import RealRegistry

pytestmark = pytest.mark.requires("root", "docker-registry", "skopeo")

LOWER = Archive().directory("d", mode=0o700).add("d/large", os.urandom(3 << 20)).add("d/gone", b"1").finish()
UPPER = Archive().add("d/.wh.gone").add("d/new", b"2").finish()
_AMD64 = Platform(architecture="amd64", os="linux")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    place = tmp_path_factory.mktemp("registry")
    layout = ImageLayout(place / "layout")
    with RealRegistry(place / "registry") as server:
        # One layer twice, as images have it that are made of empty ones.
        server.fill(layout.publish(layout.image([LOWER, UPPER, UPPER])), "app:1")
        yield server


class Puller:
    """Pulls into a store of its own, and unpacks each layer into a directory of its own."""

    def __init__(self, registry: RealRegistry, place: Path, limits: Limits) -> None:
        self.reference = parse_reference(f"{registry.host}/app:1")
        self.place = place
        self.limits = limits
        self.were_here: list[bool] = []

    def __call__(self) -> Local:
        return asyncio.run(self._pull())

    async def _pull(self) -> Local:
        with ImageStore(str(self.place / "store")) as self.store:
            async with open_registry(credentials=anonymous, hosts_directory="/nonexistent") as client:
                return await pull(self.reference, self.store, client, _AMD64, unpack=self._unpack)

    async def _unpack(self, image: Arriving) -> None:
        self.were_here = [image.arrivals[layer.blob.digest].is_whole for layer in image.layers]
        await together((self._unpack_one(image, number) for number in range(len(image.layers))), most=2)
        with pytest.raises(NotFoundError):
            self.store.find(self.reference)

    async def _unpack_one(self, image: Arriving, number: int) -> None:
        layer = image.layers[number]
        directory = self.place / str(number)
        directory.mkdir()
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            job = Job(layer.compression, layer.diff_id, fd, "overlay", f"layer {number}", self.limits)
            await unpack_arriving(image.arrivals[layer.blob.digest], job)
        finally:
            os.close(fd)


def test_the_image_is_named_when_its_layers_are_unpacked(registry: RealRegistry, tmp_path: Path) -> None:
    puller = Puller(registry, tmp_path, Limits())
    image = puller()
    assert puller.were_here == [False, False, False]
    assert sorted(described(tmp_path / "0")) == ["d", "d/gone", "d/large"]
    assert described(tmp_path / "1").keys() == described(tmp_path / "2").keys() == {"d", "d/gone", "d/new"}
    assert (tmp_path / "1/d/new").read_bytes() == b"2"
    with ImageStore(str(tmp_path / "store")) as store:
        assert store.find(puller.reference, _AMD64) == image
        assert list(store.check()) == []


def test_an_image_that_can_not_be_unpacked_has_no_name(registry: RealRegistry, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="layer 0: 'd/gone': the layer has more entries than are allowed"):
        Puller(registry, tmp_path, Limits(entries=2))()
    with ImageStore(str(tmp_path / "store")) as store:
        with pytest.raises(NotFoundError):
            store.find(parse_reference(f"{registry.host}/app:1"))
        assert list(store.check()) == []
    # What was fetched is not fetched again.
    (tmp_path / "again").mkdir()
    (tmp_path / "store").rename(tmp_path / "again/store")
    again = Puller(registry, tmp_path / "again", Limits())
    again()
    assert again.were_here[0]

"""A disk that is full or read-only: one line that says so, a store that is whole, and a next try that goes on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from firkin.oci.image.platform import host_platform
from tests.support.bundle import Firkin
from tests.support.image_commands import ImageCommands
from tests.support.image_layout import ImageLayout, archive
from tests.support.registry import RealRegistry

pytestmark = pytest.mark.requires("root", "docker-registry", "skopeo")

SIZE = 3 << 20


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = ImageLayout(tmp_path_factory.mktemp("layout") / "layout")
    return made.publish(made.image([archive(a=os.urandom(SIZE))], architecture=host_platform().architecture))


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, layout: Path) -> Iterator[RealRegistry]:
    with RealRegistry(tmp_path_factory.mktemp("registry")) as server:
        server.fill(layout, "app:1")
        yield server


class Disk:
    """A file system of its own at `place`."""

    def __init__(self, place: Path) -> None:
        self.place = place
        place.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", place], check=True)

    def change(self, options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", "tmpfs", self.place], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    disk = Disk(tmp_path / "disk")
    yield disk
    subprocess.run(["umount", disk.place], check=True)


def words_of(how: str, layout: Path, registry: RealRegistry) -> list[str]:
    return ["import", str(layout), "r.example/app:1"] if how == "import" else ["pull", f"{registry.host}/app:1"]


@pytest.mark.parametrize("how", ["import", "pull"])
def test_a_full_disk_is_told_and_the_next_try_goes_on(
    firkin: Firkin, disk: Disk, layout: Path, registry: RealRegistry, how: str
) -> None:
    images = ImageCommands(firkin, disk.place)
    words = words_of(how, layout, registry)
    said = images.fails(words[0], *words[1:])
    assert "write blob sha256:" in said and said.endswith("content/ingest: No space left on device [ENOSPC]")
    assert images("fsck").stdout == "" and images("images", "--quiet").stdout == ""
    (ingest,) = (images.store / "content/ingest").iterdir()
    assert 0 < ingest.stat().st_size < SIZE
    disk.change("size=8m")
    begun = ingest.stat().st_ino
    images(words[0], *words[1:])
    # It is the same file that was gone on with.
    assert begun in {path.stat().st_ino for path in (images.store / "content/blobs/sha256").iterdir()}
    assert images("fsck").stdout == ""


def test_a_full_disk_can_be_freed(firkin: Firkin, disk: Disk, layout: Path) -> None:
    images = ImageCommands(firkin, disk.place)
    images.fails("import", layout, "r.example/app:1")
    with (disk.place / "full").open("wb") as file, pytest.raises(OSError, match="No space left"):
        os.posix_fallocate(file.fileno(), 0, 4096)
    assert ", 1 cut downloads\n" in images("prune").stdout


def test_a_full_disk_gets_no_half_of_a_bundle_or_a_file(firkin: Firkin, disk: Disk, layout: Path) -> None:
    images = ImageCommands(firkin, disk.place.parent)
    images("import", layout, "r.example/app:1")
    for command, target in (("unpack", "bundle"), ("export", "file.tar")):
        said = images.fails(command, "r.example/app:1", disk.place / target)
        assert said.endswith("No space left on device [ENOSPC]"), said
        assert list(disk.place.iterdir()) == []
    said = images.fails("export", "--format", "oci", "r.example/app:1", disk.place / "layout")
    assert "No space left" in said and list(disk.place.iterdir()) == []


def test_a_read_only_disk_is_told(firkin: Firkin, disk: Disk, layout: Path, registry: RealRegistry) -> None:
    images = ImageCommands(firkin, disk.place)
    disk.change("size=8m")
    images("import", layout, "r.example/app:1")
    disk.change("ro")
    for words in (*(words_of(how, layout, registry) for how in ("import", "pull")), ["rmi", "r.example/app:1"]):
        said = images.fails(words[0], *words[1:])
        assert said == f"open the images in {images.store}: Read-only file system [EROFS]"
    disk.change("rw")
    assert images("fsck").stdout == "" and images("images", "--quiet").stdout == "r.example/app:1\n"

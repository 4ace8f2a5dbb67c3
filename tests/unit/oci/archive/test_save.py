"""What is written of an image: always the same, whole or not at all, and read again as it was."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import stat
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from firkin.errors import AlreadyExistsError, ImageError, KernelError, NotFoundError
from firkin.oci.archive.load import load
from firkin.oci.archive.new_file import new_file
from firkin.oci.archive.save import save_for_docker, save_layout
from firkin.oci.archive.sink import DirectorySink, TarSink
from firkin.oci.archive.source import Directory
from firkin.oci.archive.spool import open_source
from firkin.oci.image.manifest import Platform
from firkin.oci.store.images import ImageStore
from tests.support.image_layout import ImageLayout, archive
from tests.support.importing import ALLOWED, AMD64, NAME

LAYERS = [archive(a=b"1" * 3000), archive(b=b"2")]


def store_of(place: Path, *, platform: Platform | None = AMD64) -> ImageStore:
    """A store with an index of two platforms."""
    layout = ImageLayout(place / "layout")
    layout.publish(layout.index(*(layout.image(LAYERS, architecture=name) for name in ("arm64", "amd64"))))
    (place / "images").mkdir()
    store = ImageStore(str(place / "images"))
    fd = os.open(layout.path, os.O_RDONLY)
    load(store, Directory(fd, "layout"), platform, name=NAME, policy=ALLOWED)
    os.close(fd)
    return store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ImageStore]:
    with store_of(tmp_path) as store:
        yield store


def layout_archive(store: ImageStore, path: Path, platform: Platform | None = AMD64) -> bytes:
    with new_file(str(path)) as fd:
        sink = TarSink(fd, str(path))
        save_layout(store, NAME, platform, sink)
        sink.finish()
    return path.read_bytes()


def docker_archive(store: ImageStore, path: Path) -> bytes:
    with new_file(str(path)) as fd:
        sink = TarSink(fd, str(path))
        save_for_docker(store, NAME, AMD64, sink)
        sink.finish()
    return path.read_bytes()


def test_the_same_image_gives_the_same_bytes(store: ImageStore, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with store_of(tmp_path / "other") as other:
        for write in (layout_archive, docker_archive):
            name = write.__name__
            data = write(store, tmp_path / f"{name}.tar")
            assert data == write(other, tmp_path / f"{name}2.tar")
            with tarfile.open(tmp_path / f"{name}.tar") as tar:
                facts = {(member.mtime, member.uid, member.gid, member.uname) for member in tar}
            assert facts == {(0, 0, 0, "")} and len(data) % 512 == 0


def test_a_directory_and_an_archive_hold_the_same(store: ImageStore, tmp_path: Path) -> None:
    layout_archive(store, tmp_path / "a.tar")
    save_layout(store, NAME, AMD64, DirectorySink(str(tmp_path / "written")))
    with tarfile.open(tmp_path / "a.tar") as tar:
        tar.extractall(tmp_path / "extracted")
    trees = [
        {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}
        for place in (tmp_path / "written", tmp_path / "extracted")
    ]
    assert trees[0] == trees[1] and len(trees[0]) == 4 + len(LAYERS)
    (entry,) = json.loads(trees[0]["index.json"])["manifests"]
    assert entry["annotations"] == {
        "io.containerd.image.name": "r.example/app:1",
        "org.opencontainers.image.ref.name": "1",
    }
    assert entry["platform"] == {"architecture": "amd64", "os": "linux"}


def test_what_is_written_is_read_again_under_its_name(store: ImageStore, tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    layout_archive(store, tmp_path / "a.tar")
    docker_archive(store, tmp_path / "d.tar")
    found = store.find(NAME, AMD64)
    with ImageStore(str(tmp_path / "again")) as again:
        for path, is_layout in (("a.tar", True), ("d.tar", False)):
            with (tmp_path / path).open("rb") as file, open_source(file.fileno(), path, str(tmp_path)) as source:
                assert [name for name, _ in load(again, source, AMD64, policy=ALLOWED)] == [NAME]
            image = again.find(NAME, AMD64)
            assert image.config == found.config
            assert (image.digest == found.digest) is is_layout


def test_an_index_is_written_with_all_that_is_in_it(tmp_path: Path) -> None:
    with store_of(tmp_path, platform=None) as store:
        layout_archive(store, tmp_path / "all.tar", None)
        (tmp_path / "again").mkdir()
        with ImageStore(str(tmp_path / "again")) as again:
            path = tmp_path / "all.tar"
            with path.open("rb") as file, open_source(file.fileno(), "all.tar", str(tmp_path)) as source:
                load(again, source, None, policy=ALLOWED)
            assert set(again.content.digests()) == set(store.content.digests())


def test_an_index_of_which_something_is_missing_is_not_written(store: ImageStore, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="of its index is not here"):
        layout_archive(store, tmp_path / "all.tar", None)
    assert not (tmp_path / "all.tar").exists()


def test_what_docker_gets(store: ImageStore, tmp_path: Path) -> None:
    docker_archive(store, tmp_path / "d.tar")
    with tarfile.open(tmp_path / "d.tar") as tar:
        files = {member.name: file.read() for member in tar if (file := tar.extractfile(member))}
    (entry,) = json.loads(files["manifest.json"])
    assert entry["RepoTags"] == ["r.example/app:1"]
    assert [files[name] for name in entry["Layers"]] == LAYERS
    assert entry["Config"] == f"{hashlib.sha256(files[entry['Config']]).hexdigest()}.json"


@pytest.mark.parametrize("data", [b"X", None])
def test_a_blob_that_is_damaged_is_not_passed_on(store: ImageStore, tmp_path: Path, data: bytes | None) -> None:
    path = Path(store.content.path(store.find(NAME, AMD64).layers[0].blob.digest))
    good = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(data or gzip.compress(LAYERS[1].ljust(20480, b"\0"), 1, mtime=0)[: len(good)].ljust(len(good)))
    for write in (layout_archive, docker_archive):
        with pytest.raises(ImageError):
            write(store, tmp_path / "x.tar")
        assert not (tmp_path / "x.tar").exists()


def test_nothing_that_exists_is_written_over(store: ImageStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to("file")
    for name in ("file", "link", "."):
        with pytest.raises(AlreadyExistsError, match="it exists already"):
            layout_archive(store, tmp_path / name)
    with pytest.raises(AlreadyExistsError, match="it exists already"):
        DirectorySink(str(tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "mine"


def test_of_two_that_make_a_file_one_does(tmp_path: Path) -> None:
    path = str(tmp_path / "file")
    with pytest.raises(AlreadyExistsError), new_file(path) as slow:
        os.write(slow, b"slow")
        with new_file(path) as fast:
            os.write(fast, b"fast")
    assert Path(path).read_bytes() == b"fast"


def test_a_file_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    for path in (f"{tmp_path}/none/file", f"{tmp_path}/{'x' * 300}"):
        with pytest.raises(KernelError, match=f"make {path}: "), new_file(path):
            pass
    with pytest.raises(KernelError, match=f"make {tmp_path}/none/x: No such file"):
        DirectorySink(f"{tmp_path}/none/x")


def test_a_disk_that_is_full_is_named() -> None:
    with pytest.raises(KernelError, match="write /dev/full: No space left"), new_file("/dev/full") as fd:
        TarSink(fd, "/dev/full").finish()
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


def test_a_pipe_is_written_as_it_is(store: ImageStore, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    got: list[bytes] = []
    thread = threading.Thread(target=lambda: got.append((tmp_path / "fifo").read_bytes()))
    thread.start()
    with new_file(str(tmp_path / "fifo")) as fd:
        sink = TarSink(fd, "fifo")
        save_layout(store, NAME, AMD64, sink)
        sink.finish()
    thread.join()
    assert got == [layout_archive(store, tmp_path / "a.tar")]


KILLED = """
import os, sys
from firkin.oci.archive.new_file import new_file
with new_file(sys.argv[1]) as fd:
    os.write(fd, b"x" * 1000000)
    os.kill(os.getpid(), 9)
"""


def test_whoever_is_killed_leaves_no_file(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-P", "-c", KILLED, tmp_path / "file"], check=False)
    assert done.returncode == -9 and os.listdir(tmp_path) == []

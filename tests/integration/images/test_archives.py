"""Images in files: what skopeo writes is imported, what firkin exports skopeo reads."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import tarfile
from pathlib import Path

import pytest

from firkin.oci.image.platform import host_platform
from tests.support.bundle import Firkin
from tests.support.image_commands import ImageCommands
from tests.support.image_layout import ImageLayout, archive
from tests.support.terminal import Terminal
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.requires("root", "skopeo")

NAME = "r.example/team/app:1"
LAYERS = [archive(a=os.urandom(100_000)), archive(b=b"2")]


def skopeo(*words: str) -> str:
    done = subprocess.run(["skopeo", "--insecure-policy", *words], check=True, capture_output=True, text=True)
    return done.stdout


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A layout of one image."""
    made = ImageLayout(tmp_path_factory.mktemp("layout") / "layout")
    return made.publish(made.image(LAYERS, architecture=host_platform().architecture))


def digest_in(layout: Path) -> str:
    """The digest of the only image of a layout."""
    (entry,) = json.loads((layout / "index.json").read_text())["manifests"]
    return str(entry["digest"])


@pytest.fixture
def images(firkin: Firkin, tmp_path: Path) -> ImageCommands:
    return ImageCommands(firkin, tmp_path)


@pytest.mark.parametrize("form", ["oci", "oci-archive", "docker-archive"])
def test_what_skopeo_writes_is_imported_and_written_again(
    images: ImageCommands, layout: Path, tmp_path: Path, form: str
) -> None:
    skopeo("copy", "--quiet", f"oci:{layout}", f"{form}:{tmp_path}/theirs:{NAME}")
    imported = images("import", tmp_path / "theirs").stdout.split()
    assert imported[0] == NAME
    images("export", "--format", form, NAME, tmp_path / "ours")
    trees = []
    for source in ("theirs", "ours"):
        skopeo("copy", "--quiet", f"{form}:{tmp_path}/{source}", f"dir:{tmp_path}/{source}-copy")
        blobs = {path.name: path.read_bytes() for path in (tmp_path / f"{source}-copy").iterdir()}
        trees.append(blobs)
    assert trees[0] == trees[1]
    if form != "docker-archive":
        assert imported[1] == digest_in(layout)
        assert skopeo("inspect", "--format", "{{.Digest}}", f"{form}:{tmp_path}/ours").strip() == imported[1]
    images("rmi", NAME)
    assert images.is_clean()


def test_from_one_store_to_another_through_a_pipe(images: ImageCommands, layout: Path, tmp_path: Path) -> None:
    images("import", layout, NAME)
    other = ["--store", str(tmp_path / "other")]
    for form, names in (("oci-archive", {NAME}), ("docker-archive", {NAME, "docker.io/library/x:latest"})):
        export = images.firkin.command(*images.words("export", "--format", form, NAME, "-"))
        with subprocess.Popen(export, stdout=subprocess.PIPE) as source:
            words = ["import", *other, "-", *(["x"] if "docker" in form else [])]
            images.firkin(*words, stdin=source.stdout, input=None)
        assert source.returncode == 0
        assert set(images.firkin("images", *other, "--quiet").stdout.split()) == names
    digest = json.loads(images.firkin("inspect", *other, NAME).stdout)["digest"]
    assert digest == digest_in(layout)


def test_docker_writes_a_layout_and_a_list(images: ImageCommands, layout: Path, tmp_path: Path) -> None:
    """As Docker does since 25: whoever knows layouts reads one, and finds the names that it has there."""
    saved = ImageLayout(tmp_path / "saved")
    for path in (layout / "blobs/sha256").iterdir():
        (saved.path / "blobs/sha256" / path.name).write_bytes(path.read_bytes())
    (entry,) = json.loads((layout / "index.json").read_text())["manifests"]
    names = {"io.containerd.image.name": "docker.io/team/app:1", "org.opencontainers.image.ref.name": "1"}
    saved.publish(entry)
    index = {"schemaVersion": 2, "manifests": [{**entry, "annotations": names}]}
    (saved.path / "index.json").write_text(json.dumps(index))
    manifest = json.loads((saved.path / "blobs" / entry["digest"].replace(":", "/")).read_text())
    paths = [f"blobs/{blob['digest'].replace(':', '/')}" for blob in (manifest["config"], *manifest["layers"])]
    listed = [{"Config": paths[0], "RepoTags": ["team/app:1"], "Layers": paths[1:]}]
    (saved.path / "manifest.json").write_text(json.dumps(listed))
    with tarfile.open(tmp_path / "saved.tar.gz", "w:gz") as tar:
        tar.add(saved.path, ".")
    expected = f"docker.io/team/app:1 {entry['digest']}\n"
    assert images("import", tmp_path / "saved.tar.gz").stdout == expected
    # Without the layout the list does, with the same configuration and layers.
    (saved.path / "oci-layout").unlink()
    images("import", saved.path, "other:1")
    shown = [json.loads(images("inspect", name).stdout) for name in ("docker.io/team/app:1", "other:1")]
    assert shown[0]["manifest"]["layers"] == shown[1]["manifest"]["layers"]
    assert shown[0]["manifest"]["config"] == shown[1]["manifest"]["config"]


def test_what_can_not_be_is_one_line(images: ImageCommands, layout: Path, tmp_path: Path) -> None:
    assert "is not the full name of an image (give it one)" in images.fails("import", layout)
    images("import", "--quiet", layout, NAME)
    (tmp_path / "taken").touch()
    (tmp_path / "text").write_bytes(gzip.compress(b"no archive" * 1000))
    for words, reason in (
        (("import", tmp_path / "none"), "open .*/none: No such file"),
        (("import", tmp_path / "text"), "text: is no tar archive"),
        (("import", tmp_path), "is neither an OCI image layout nor an archive of docker save"),
        (("import", layout, NAME, "--platform", "linux/none"), "is an image for linux/.*, not for linux/none"),
        (("export", "none:1", tmp_path / "x"), "image docker.io/library/none:1: is not here"),
        (("export", NAME, tmp_path / "taken"), "it exists already"),
        (("export", NAME, tmp_path / "none/x"), "make .*/none/x: No such file"),
        (("export", NAME, "/dev/full"), "write /dev/full: No space left"),
        (("export", "--format", "oci", NAME, "-"), "a directory can not be written to standard output"),
        (("export", "--format", "docker-archive", "--all-platforms", NAME, "-"), "holds one image"),
    ):
        with pytest.raises(AssertionError, match=reason):
            raise AssertionError(images.fails(*words))
    assert not (tmp_path / "x").exists() and (tmp_path / "taken").read_bytes() == b""
    assert images("fsck").stdout == ""


def test_a_terminal_gets_no_archive_and_gives_none(images: ImageCommands, layout: Path) -> None:
    images("import", layout, NAME)
    for words, reason in (
        (("export", NAME, "-"), b"standard output is a terminal"),
        (("import", "-"), b"standard input is a terminal"),
    ):
        with Terminal(images.firkin.command(*images.words(*words))) as terminal:
            terminal.expect(reason)
            assert terminal.process.wait(SECONDS) == 1


def test_a_reader_that_has_enough_ends_an_export(images: ImageCommands, layout: Path, tmp_path: Path) -> None:
    images("import", layout, NAME)
    command = images.firkin.command(*images.words("export", NAME, "-"))
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")


def test_progress_of_an_import_is_for_terminals_only(images: ImageCommands, layout: Path) -> None:
    with Terminal(images.firkin.command(*images.words("import", layout, NAME))) as terminal:
        terminal.expect(b"sha256:")
        assert terminal.process.wait(SECONDS) == 0
    # The line is taken away before anything is printed.
    assert terminal.seen.partition(b"\r\x1b[K")[2].decode().startswith(f"{NAME} {digest_in(layout)}")

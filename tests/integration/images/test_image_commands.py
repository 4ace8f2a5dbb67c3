"""From a registry to a running container: pull, images, inspect, unpack, run, rmi, prune, fsck."""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from firkin.oci.image.reference import parse_reference
from firkin.oci.snapshots.store import Snapshots
from firkin.oci.store.images import ImageStore
from tests.support.archives import Archive, described
from tests.support.bundle import Firkin
from tests.support.image_commands import ImageCommands
from tests.support.image_layout import ImageLayout
from tests.support.registry import RealRegistry
from tests.support.terminal import Terminal
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.requires("root", "cgroup2", "busybox", "docker-registry", "skopeo")

PASSWD = b"root:x:0:0:root:/root:/bin/sh\ncooper:x:1000:1001:Cooper:/home/cooper:/bin/sh\n"
GROUP = b"root:x:0:\ncoopers:x:1001:\nguild:x:50:cooper,root\n"


def base() -> bytes:
    """Busybox with users, every kind of file, owners, times and attributes."""
    archive = Archive().directory("bin").add("bin/busybox", Path("/bin/busybox").read_bytes(), mode=0o4755)
    for name in ("sh", "cat", "id", "ls"):
        archive.hard_link(f"bin/{name}", "bin/busybox")
    archive.directory("etc").add("etc/passwd", PASSWD).add("etc/group", GROUP)
    archive.directory("home").directory("home/cooper", uid=1000, gid=1001, mode=0o2750, mtime=5)
    archive.add("home/cooper/note", b"first", uid=1000, gid=1001, mtime=7.5)
    archive.link("lib", "usr/lib").directory("usr").directory("usr/lib").add("lib/through-a-link", b"1")
    archive.directory("tmp", mode=0o1777).add("tmp/fifo", kind=tarfile.FIFOTYPE)
    archive.directory("gone").add("gone/a", b"1").directory("renewed").add("renewed/old", b"1")
    return archive.add("note", b"x", pax_headers={"SCHILY.xattr.user.note": "text"}).finish()


def upper() -> bytes:
    archive = Archive().add(".wh.gone").directory("renewed").add("renewed/.wh..wh..opq").add("renewed/new", b"2")
    return archive.add("home/cooper/note", b"second", uid=1000, gid=1001).add("implied/deep/file", b"3").finish()


def make_layout(path: Path, layers: Sequence[bytes], config: dict[str, Any]) -> Path:
    layout = ImageLayout(path)
    diff_ids = [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]
    document = {
        "architecture": "amd64" if os.uname().machine == "x86_64" else "arm64",
        "os": "linux",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    }
    gzipped = "application/vnd.oci.image.layer.v1.tar+gzip"
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": layout.document(document, "application/vnd.oci.image.config.v1+json"),
        "layers": [layout.blob(gzip.compress(layer, 1, mtime=0), gzipped) for layer in layers],
    }
    return layout.publish(layout.document(manifest, "application/vnd.oci.image.manifest.v1+json"))


CONFIG = {
    "User": "cooper",
    "Env": ["A=image", "PATH=/bin"],
    "Entrypoint": ["/bin/sh", "-c"],
    "Cmd": ["id; echo $A $HOME; pwd; cat note"],
    "WorkingDir": "/home/cooper",
    "Labels": {"maker": "cooper"},
}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    place = tmp_path_factory.mktemp("registry")
    with RealRegistry(place / "registry") as server:
        server.fill(make_layout(place / "app", [base(), upper()], CONFIG), "team/app:1")
        server.fill(make_layout(place / "base", [base()], {**CONFIG, "User": "nobody"}), "team/base:1")
        yield server


class Images(ImageCommands):
    """The commands, with what is in the registry."""

    def __init__(self, firkin: Firkin, registry: RealRegistry, place: Path) -> None:
        super().__init__(firkin, place)
        self.host = registry.host

    @property
    def app(self) -> str:
        return f"{self.host}/team/app:1"

    @property
    def base(self) -> str:
        return f"{self.host}/team/base:1"


@pytest.fixture
def images(firkin: Firkin, registry: RealRegistry, tmp_path: Path) -> Images:
    return Images(firkin, registry, tmp_path)


@contextmanager
def open_directory(path: Path) -> Iterator[int]:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield fd
    finally:
        os.close(fd)


def test_from_a_registry_to_a_running_container(images: Images, tmp_path: Path) -> None:
    pulled = images("pull", images.app)
    assert pulled.stdout.startswith(f"{images.app} sha256:") and pulled.stderr == ""
    images("unpack", images.app, tmp_path / "bundle")
    output = images.firkin("run", "-b", str(tmp_path / "bundle"), images.firkin.new_id()).stdout
    assert output.splitlines() == [
        "uid=1000(cooper) gid=1001(coopers) groups=50(guild)",
        "image /home/cooper",
        "/home/cooper",
        "second",
    ]
    config = json.loads((tmp_path / "bundle/config.json").read_text())
    assert config["annotations"]["maker"] == "cooper"


def test_unpack_pulls_what_is_not_here(images: Images, tmp_path: Path) -> None:
    images("unpack", images.app, tmp_path / "bundle")
    assert images("images", "--quiet").stdout == f"{images.app}\n"


@contextmanager
def overlay_of(images: Images, name: str) -> Iterator[Path]:
    """The tree of an image's layers as a container gets it, which is mounted nowhere."""
    with ImageStore(str(images.store)) as store:
        fd = Snapshots(store).prepare(store.find(parse_reference(name))).open()
    try:
        yield Path(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)


@contextmanager
def bundle_of(images: Images, name: str) -> Iterator[Path]:
    """The layers of an image in one directory."""
    images("unpack", name, images.store.parent / "ours")
    yield images.store.parent / "ours/rootfs"


@pytest.mark.requires("umoci", "overlay")
@pytest.mark.parametrize("tree_of", [bundle_of, overlay_of])
def test_the_tree_is_that_of_umoci(images: Images, tmp_path: Path, tree_of: Any) -> None:
    images("pull", images.app)
    layout = f"{tmp_path}/layout:1"
    copy = ["skopeo", "--insecure-policy", "copy", "--quiet", "--src-tls-verify=false"]
    subprocess.run([*copy, f"docker://{images.app}", f"oci:{layout}"], check=True)
    subprocess.run(["umoci", "unpack", "--image", layout, tmp_path / "theirs"], check=True, capture_output=True)
    expected = tmp_path / "theirs/rootfs"
    with tree_of(images, images.app) as tree:
        ours, theirs = described(tree), described(expected)
        assert ours.keys() == theirs.keys()
        # What a layer does not have itself gets no time from it, nor does the root.
        implied = {"implied", "implied/deep"}
        assert {name: text for name, text in ours.items() if name not in implied} == {
            name: text for name, text in theirs.items() if name not in implied
        }
        for name in ours:
            attributes = [set(os.listxattr(place / name, follow_symlinks=False)) for place in (tree, expected)]
            assert attributes[0] == attributes[1], name


def test_a_shared_layer_is_fetched_once(images: Images) -> None:
    images("pull", images.base)
    before = {path.name: path.stat().st_ino for path in images.store.rglob("blobs/sha256/*")}
    images("pull", images.app)
    after = {path.name: path.stat().st_ino for path in images.store.rglob("blobs/sha256/*")}
    assert before.items() <= after.items()
    # A manifest, a configuration and a layer are new.
    assert len(after) == len(before) + 3


def test_images_and_inspect(images: Images) -> None:
    images("pull", "-q", images.app)
    (row,) = json.loads(images("images", "--json").stdout)
    assert row["name"] == images.app and row["size"] > 100_000
    shown = json.loads(images("inspect", images.app).stdout)
    assert shown["digest"] == row["digest"]
    assert shown["config"]["config"]["WorkingDir"] == "/home/cooper"
    assert len(shown["manifest"]["layers"]) == 2


def test_removing_an_image_keeps_what_others_need(images: Images, tmp_path: Path) -> None:
    images("pull", images.base)
    images("pull", images.app)
    assert images("rmi", images.base).stdout.startswith(f"{images.base}: 2 blobs, ")
    images("unpack", images.app, tmp_path / "bundle")
    assert images("fsck").stdout == ""
    images("rmi", images.app)
    assert list(images.store.rglob("blobs/sha256/*")) == []
    assert images("prune").stdout == (
        "0 blobs, 0 B, 0 cut downloads\n0 layers, 0 B, 0 trees of containers that are gone\n"
    )


def test_fsck_finds_what_is_wrong(images: Images) -> None:
    images("pull", images.app)
    one, two = sorted(images.store.rglob("blobs/sha256/*"), key=lambda path: path.stat().st_size)[-2:]
    one.unlink()
    two.chmod(0o600)
    two.write_bytes(b"other")
    done = images("fsck", check=False)
    assert done.returncode == 1
    assert sorted(line.split(":")[0] for line in done.stdout.splitlines()) == [
        "blob sha256",
        f"image {images.host}"[:15],
    ]
    assert f"blob sha256:{one.name} is missing" in done.stdout
    assert f"blob sha256:{two.name}: its bytes have the digest" in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("pull", "{host}/team/none:1"), "team/none"),
        (("pull", "{host}/team/app:none"), "team/app:none"),
        (("pull", "UPPER"), "is not a path of lower-case letters"),
        (("pull", "registry.invalid/x"), "registry.invalid: can not be reached"),
        (("pull", "--platform", "linux/s390x", "{host}/team/app:1"), "not for linux/s390x"),
        (("inspect", "{host}/team/app:1"), "is not here"),
        (("rmi", "{host}/team/app:1"), "is not here"),
    ],
)
def test_bad_input_is_one_line(images: Images, words: tuple[str, ...], message: str) -> None:
    done = images(words[0], *(word.format(host=images.host) for word in words[1:]), check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr and done.stderr.count("\n") == 1


def test_a_bundle_that_fails_leaves_nothing(images: Images, tmp_path: Path) -> None:
    done = images("unpack", images.base, tmp_path / "bundle", check=False)
    assert done.returncode == 1
    assert "there is no 'nobody' in /etc/passwd of the image" in done.stderr
    assert not (tmp_path / "bundle").exists()
    (tmp_path / "bundle").mkdir()
    done = images("unpack", images.app, tmp_path / "bundle", check=False)
    assert "it exists already" in done.stderr
    assert list((tmp_path / "bundle").iterdir()) == []


def test_killed_at_any_moment_there_is_no_half_of_a_bundle(images: Images, tmp_path: Path) -> None:
    place = tmp_path / "bundles"
    place.mkdir()
    argv = images.firkin.command("unpack", "--store", str(images.store), images.app, str(place / "bundle"))
    for seconds in (0.2, 0.3, 0.4, 0.5, 0.6):
        with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
        if (place / "bundle").exists():
            assert (place / "bundle/config.json").exists() and (place / "bundle/rootfs/implied/deep/file").exists()
            shutil.rmtree(place / "bundle")
    images("unpack", images.app, place / "bundle")
    assert os.listdir(place) == ["bundle"]
    assert images("fsck").stdout == ""


def _make_deep(path: Path, depth: int) -> None:
    # Deeper than a path can say, or Python can recurse.
    fd = os.open(path, os.O_DIRECTORY)
    for _ in range(depth):
        os.mkdir("deep", dir_fd=fd)
        below = os.open("deep", os.O_DIRECTORY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)


def test_what_a_crash_left_is_removed_and_what_is_being_made_is_not(images: Images, tmp_path: Path) -> None:
    left = tmp_path / ".bundle.unpacking"
    (left / "rootfs/usr/lib").mkdir(parents=True)
    (left / "rootfs/usr/lib/half").touch()
    (left / "config.json").write_text("half")
    _make_deep(left / "rootfs", 3000)
    with open_directory(left) as fd:
        fcntl.flock(fd, fcntl.LOCK_EX)
        done = images("unpack", images.app, tmp_path / "bundle", check=False)
        assert "another process does that just now" in done.stderr and (left / "config.json").exists()
    images("unpack", images.app, tmp_path / "bundle")
    assert not left.exists() and not (tmp_path / "bundle/rootfs/usr/lib/half").exists()
    assert json.loads((tmp_path / "bundle/config.json").read_text())["process"]["cwd"] == "/home/cooper"


def test_killed_at_any_moment_the_store_is_whole(images: Images) -> None:
    argv = images.firkin.command("pull", "--store", str(images.store), images.app)
    for seconds in (0.1, 0.2, 0.3, 0.4, 0.6):
        with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
        assert images("fsck").stdout == ""
    images("pull", images.app)
    assert images("fsck").stdout == ""
    images("rmi", images.app)
    images("prune")
    assert list((images.store / "content/ingest").iterdir()) == []


def test_progress_is_for_terminals_only(images: Images) -> None:
    assert images("pull", images.base).stderr == ""
    shutil.rmtree(images.store)
    with Terminal(images.firkin.command("pull", "--store", str(images.store), images.base)) as terminal:
        terminal.expect(b"sha256:")
        assert terminal.process.wait(SECONDS) == 0
    before, _, after = terminal.seen.partition(b"\r\x1b[K")
    assert f"asking {images.host} for team/base".encode() in before
    # The line is taken away before anything is printed.
    assert after.decode().strip().startswith(images.base)

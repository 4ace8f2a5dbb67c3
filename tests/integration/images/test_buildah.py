"""Images that buildah makes of Debian packages: pulled, unpacked as umoci does, run, pushed, deleted."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.archives import described
from tests.support.buildah import Buildah, copy_packages
from tests.support.bundle import Firkin
from tests.support.image_commands import ImageCommands
from tests.support.registry import RealRegistry

pytestmark = pytest.mark.requires("root", "cgroup2", "busybox", "buildah", "docker-registry", "skopeo", "umoci")

# cap_net_raw, permitted and effective.
CAPABILITY = b"\x01\x00\x00\x02\x00\x20" + bytes(14)
PACKAGES = ("base-files", "busybox-static", "passwd")


class Made:
    """What buildah made: the image `name` in a registry, and the same in `files`, as `FORM:PATH`."""

    def __init__(self, place: Path, registry: RealRegistry) -> None:
        self.registry = registry
        self.name = f"{registry.host}/team/packages:1"
        buildah = Buildah(place / "buildah")
        base = buildah("from", "scratch")
        lower = Path(buildah("mount", base))
        copy_packages(lower, *PACKAGES)
        _decorate(lower)
        buildah.commit(base, "lower")
        container = buildah("from", "--pull-never", "lower")
        _change(Path(buildah("mount", container)))
        buildah("config", "--cmd", '["/bin/busybox","head","-n","1","/usr/lib/os-release"]', container)
        buildah.commit(container, "upper")
        buildah.push("upper", f"docker://{self.name}")
        self.files = {form: place / form for form in ("oci", "oci-archive", "docker-archive")}
        for form, path in self.files.items():
            buildah.push("upper", f"{form}:{path}:{self.name}")


def _decorate(root: Path) -> None:
    """What no package of a small system has."""
    os.setxattr(root / "usr/bin/passwd", "user.note", b"text \xff")
    shutil.copy(root / "bin/busybox", root / "usr/bin/ping")
    os.setxattr(root / "usr/bin/ping", "security.capability", CAPABILITY)
    os.link(root / "bin/busybox", root / "usr/bin/busybox-too")
    os.mknod(root / "usr/null", 0o020666, os.makedev(1, 3))
    os.mkfifo(root / "usr/fifo")
    for name in ("gone/deep", "renewed/old", "file-then-directory", "touched"):
        (root / "var/test" / name).mkdir(parents=True)
    (root / "var/test/touched/file").write_text("1")
    os.utime(root / "var/test/touched", (5, 5))
    os.utime(root / "var/test", (1_000_000_000, 1_000_000_000.25))
    (root / "var/test/directory-then-file").mkdir()
    (root / "var/test/file-then-directory").rmdir()
    (root / "var/test/file-then-directory").write_text("file")


def _change(root: Path) -> None:
    """What the second layer does to the first."""
    shutil.rmtree(root / "var/test/gone")
    shutil.rmtree(root / "var/test/renewed")
    (root / "var/test/renewed").mkdir(mode=0o2750)
    (root / "var/test/renewed/new").write_text("new")
    (root / "var/test/file-then-directory").unlink()
    (root / "var/test/file-then-directory").mkdir()
    (root / "var/test/directory-then-file").rmdir()
    (root / "var/test/directory-then-file").symlink_to("/usr/bin/passwd")
    (root / "var/test/touched/file").write_text("2")
    os.chown(root / "var/test/touched/file", 1000, 1001)
    os.setxattr(root / "usr/bin/passwd", "user.note", b"changed")
    os.unlink(root / "usr/bin/busybox-too")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    place = tmp_path_factory.mktemp("buildah")
    with RealRegistry(place / "registry") as registry:
        yield Made(place, registry)


@pytest.fixture
def images(firkin: Firkin, tmp_path: Path) -> ImageCommands:
    return ImageCommands(firkin, tmp_path)


def whole(root: Path) -> dict[str, object]:
    """Every file with all that the kernel tells of it: also extended attributes, and the names of one file."""
    found: dict[str, object] = {}
    same: dict[int, str] = {}
    for name, text in described(root).items():
        path = root / name
        attributes = {key: os.getxattr(path, key, follow_symlinks=False)
                      for key in os.listxattr(path, follow_symlinks=False)}  # fmt: skip
        found[name] = (text, attributes, same.setdefault(path.lstat().st_ino, name))
    return found


def test_the_tree_is_that_of_umoci_entry_by_entry(images: ImageCommands, made: Made, tmp_path: Path) -> None:
    images("pull", made.name)
    images("unpack", made.name, tmp_path / "ours")
    copy = ["skopeo", "--insecure-policy", "copy", "--quiet", "--src-tls-verify=false"]
    subprocess.run([*copy, f"docker://{made.name}", f"oci:{tmp_path}/layout:1"], check=True)
    unpack = ["umoci", "unpack", "--image", f"{tmp_path}/layout:1", f"{tmp_path}/theirs"]
    subprocess.run(unpack, check=True, capture_output=True)
    ours, theirs = whole(tmp_path / "ours/rootfs"), whole(tmp_path / "theirs/rootfs")
    assert len(ours) > 300 and ours.keys() == theirs.keys()
    assert {name: (ours[name], theirs[name]) for name in ours if ours[name] != theirs[name]} == {}
    assert os.getxattr(tmp_path / "ours/rootfs/usr/bin/ping", "security.capability") == CAPABILITY
    shown = images.firkin("run", "-b", tmp_path / "ours", images.firkin.new_id()).stdout
    assert shown == (tmp_path / "ours/rootfs/usr/lib/os-release").read_text().partition("\n")[0] + "\n"


def test_what_is_in_files_is_what_is_in_the_registry(images: ImageCommands, made: Made) -> None:
    images("pull", made.name)
    pulled = json.loads(images("inspect", made.name).stdout)
    for form, path in made.files.items():
        images("rmi", made.name)
        assert f"{made.name} sha256:" in images("import", path).stdout
        found = json.loads(images("inspect", made.name).stdout)
        assert found["config"]["rootfs"] == pulled["config"]["rootfs"], form
        assert found["config"]["config"]["Cmd"] == pulled["config"]["config"]["Cmd"], form


def test_it_is_pushed_elsewhere_and_deleted(images: ImageCommands, made: Made, tmp_path: Path) -> None:
    images("import", made.files["docker-archive"], "packed:1")
    for source, target in ((made.name, "copied"), ("packed:1", "packed")):
        name = f"{made.registry.host}/{target}:1"
        if source == made.name:
            images("pull", source)
        images("push", source, name)
        config = subprocess.run(
            ["skopeo", "inspect", "--config", "--tls-verify=false", f"docker://{name}"], check=True, capture_output=True
        ).stdout
        assert json.loads(config)["config"]["Cmd"][0] == "/bin/busybox"
        images("rmi", "--remote", name)
        assert images.firkin("tags", f"{made.registry.host}/{target}").stdout == ""

"""The images to compare with, made of Debian packages once and kept: many files in three layers, and one GiB in one.

Each is made twice, with layers in gzip and in zstd, as an OCI layout.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tests.support.image_layout import ImageLayout

__all__ = ["COMPRESSIONS", "Layer", "Source", "sources"]

COMPRESSIONS = {"gzip": ("gzip", "-6", "-n"), "zstd": ("zstd", "-3", "-q")}
_TOOLS = ("git", "python3-twisted", "vim-runtime")
_LIBRARIES = ("manpages-dev", "python3-django")
_LARGE = ("chromium", "firefox-esr", "thunderbird", "libstd-rust-dev", "libreoffice-core", "git")
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class Layer(NamedTuple):
    """A blob: its file, how it is compressed, and how many entries and bytes its archive has."""

    path: Path
    compression: str
    entries: int
    bytes: int


class Source(NamedTuple):
    """An image: its name, its OCI layout, and its layers, the lowest first."""

    name: str
    layout: Path
    layers: tuple[Layer, ...]


def sources(place: Path) -> list[Source]:
    """All images, made below `place` if they are not there yet."""
    archives = _archives(place)
    images = {"debian": archives[:3], "large": archives[3:]}
    return [
        _image(place, f"{name}-{compression}", layers, compression)
        for name, layers in images.items()
        for compression in COMPRESSIONS
    ]


def _archives(place: Path) -> list[Path]:
    done = [place / f"{name}.tar" for name in ("base", "tools", "libraries", "large")]
    if all(path.exists() for path in done):
        return done
    trees = place / "trees"
    shutil.rmtree(trees, ignore_errors=True)
    trees.mkdir(parents=True)
    _bootstrap(trees / "base")
    _extract(_TOOLS, trees / "tools")
    _extract(_LIBRARIES, trees / "libraries")
    for package in _LARGE:
        if _size(trees / "large") < 1 << 30:
            _extract([package], trees / "large")
    for path in done:
        tree = trees / path.stem
        temporary = path.with_suffix(".new")
        run("tar", "--sort=name", "--numeric-owner", "--xattrs", "-C", tree, "-cf", temporary, ".")
        temporary.rename(path)
    shutil.rmtree(trees)
    return done


def run(*words: str | Path) -> str:
    """Run a program: its standard output. Raises CalledProcessError."""
    return subprocess.run(words, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True).stdout


def _bootstrap(tree: Path) -> None:
    release = next(line for line in Path("/etc/os-release").read_text().splitlines() if "CODENAME" in line)
    site = run("apt-get", "indextargets", "--format", "$(SITE)").splitlines()[0]
    run("debootstrap", "--variant=minbase", release.partition("=")[2], tree, site)
    for cache in ("var/cache/apt", "var/lib/apt/lists"):
        shutil.rmtree(tree / cache)


def _extract(packages: Iterable[str], tree: Path) -> None:
    downloads = tree.with_suffix(".packages")
    downloads.mkdir()
    # As root, since the user of apt can not write here.
    command = ["apt-get", "-o", "APT::Sandbox::User=root", "-qq", "download", *packages]
    subprocess.run(command, cwd=downloads, check=True)
    for package in sorted(downloads.iterdir()):
        run("dpkg", "-x", package, tree)
    shutil.rmtree(downloads)


def _size(tree: Path) -> int:
    return sum(path.lstat().st_size for path in tree.rglob("*") if path.is_file() and not path.is_symlink())


def _image(place: Path, name: str, archives: list[Path], compression: str) -> Source:
    layers = tuple(_layer(archive, compression) for archive in archives)
    layout = place / name
    if not (layout / "index.json").exists():
        shutil.rmtree(layout, ignore_errors=True)
        _publish(ImageLayout(layout), archives, layers)
    return Source(name, layout, layers)


def _layer(archive: Path, compression: str) -> Layer:
    path = archive.with_suffix(f".tar.{compression}")
    if not path.exists():
        temporary = path.with_suffix(".new")
        with archive.open("rb") as source, temporary.open("wb") as target:
            subprocess.run(COMPRESSIONS[compression], stdin=source, stdout=target, check=True)
        temporary.rename(path)
    return Layer(path, compression, run("tar", "-tf", archive).count("\n"), archive.stat().st_size)


def _publish(layout: ImageLayout, archives: list[Path], layers: Iterable[Layer]) -> None:
    platform = {"architecture": {"aarch64": "arm64"}.get(os.uname().machine, "amd64"), "os": "linux"}
    diff_ids = [f"sha256:{_sha256(archive)}" for archive in archives]
    config = {**platform, "config": {"Cmd": ["/bin/true"]}, "rootfs": {"type": "layers", "diff_ids": diff_ids}}
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": layout.document(config, "application/vnd.oci.image.config.v1+json"),
        "layers": [
            layout.blob(layer.path.read_bytes(), f"application/vnd.oci.image.layer.v1.tar+{layer.compression}")
            for layer in layers
        ],
    }
    layout.publish(layout.document(manifest, _MANIFEST, platform=platform))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

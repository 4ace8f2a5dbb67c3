"""Modules load after what they need."""

from __future__ import annotations

import gzip
import lzma
import subprocess
from pathlib import Path

import pytest

from tests.vm.modules import ModuleIndex, module_name, read_module

DEPENDENCIES = """\
kernel/drivers/virtio/virtio.ko.xz:
kernel/drivers/virtio/virtio_ring.ko.xz: kernel/drivers/virtio/virtio.ko.xz
kernel/drivers/virtio/virtio_pci.ko.xz: kernel/drivers/virtio/virtio_ring.ko.xz kernel/drivers/virtio/virtio.ko.xz
kernel/drivers/char/virtio-console.ko.xz: kernel/drivers/virtio/virtio_ring.ko.xz kernel/drivers/virtio/virtio.ko.xz
"""
BUILTIN = "kernel/fs/ext4/ext4.ko\nkernel/fs/fuse/fuse-core.ko\n"
INDEX = ModuleIndex.parse(DEPENDENCIES, BUILTIN)


def names(paths: list[str]) -> list[str]:
    return [module_name(path) for path in paths]


def test_a_module_comes_after_what_it_needs() -> None:
    assert names(INDEX.load_order(["virtio_pci"])) == ["virtio", "virtio_ring", "virtio_pci"]


def test_what_two_modules_need_is_loaded_once() -> None:
    order = names(INDEX.load_order(["virtio_pci", "virtio_console"]))
    assert order == ["virtio", "virtio_ring", "virtio_pci", "virtio_console"]


def test_paths_keep_their_compression() -> None:
    assert INDEX.load_order(["virtio"]) == ["kernel/drivers/virtio/virtio.ko.xz"]


def test_a_builtin_needs_no_file_and_is_not_lacking() -> None:
    assert INDEX.load_order(["ext4", "fuse_core"]) == []
    assert INDEX.lacking(["ext4", "fuse_core", "virtio_console"]) == []


def test_what_is_neither_module_nor_builtin_is_lacking() -> None:
    assert INDEX.lacking(["virtio", "9p"]) == ["9p"]


@pytest.mark.parametrize("path", ["a/virtio-console.ko", "a/virtio_console.ko.xz", "virtio-console.ko.zst"])
def test_the_name_of_a_module_has_no_dash_and_no_suffix(path: str) -> None:
    assert module_name(path) == "virtio_console"


def test_compressed_modules_are_read_plain(tmp_path: Path) -> None:
    (tmp_path / "a.ko").write_bytes(b"code")
    (tmp_path / "a.ko.xz").write_bytes(lzma.compress(b"code"))
    (tmp_path / "a.ko.gz").write_bytes(gzip.compress(b"code"))
    assert {read_module(path) for path in tmp_path.iterdir()} == {b"code"}


@pytest.mark.requires("zstd")
def test_a_module_compressed_with_zstd_is_read_plain(tmp_path: Path) -> None:
    packed = subprocess.run(["zstd", "-cq"], input=b"code", capture_output=True, check=True).stdout
    (tmp_path / "a.ko.zst").write_bytes(packed)
    assert read_module(tmp_path / "a.ko.zst") == b"code"

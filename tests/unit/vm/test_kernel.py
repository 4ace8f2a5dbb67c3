"""Which kernel is booted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vm.errors import VmError
from tests.vm.kernel import find_kernel, installed_kernels


def install(root: Path, version: str, *modules: str) -> None:
    (root / "boot").mkdir(exist_ok=True)
    (root / f"boot/vmlinuz-{version}").touch()
    directory = root / "lib/modules" / version
    directory.mkdir(parents=True)
    (directory / "modules.dep").write_text("".join(f"kernel/{name}.ko:\n" for name in modules))


def test_the_newest_is_taken_and_versions_are_numbers(tmp_path: Path) -> None:
    for version in ("6.1.0-9-amd64", "6.12.3-amd64", "6.1.0-40-amd64"):
        install(tmp_path, version)
    assert find_kernel(None, [], root=tmp_path).version == "6.12.3-amd64"


def test_of_one_version_the_kernel_for_clouds_is_taken(tmp_path: Path) -> None:
    install(tmp_path, "6.1.0-9-amd64")
    install(tmp_path, "6.1.0-9-cloud-amd64")
    assert find_kernel(None, [], root=tmp_path).version == "6.1.0-9-cloud-amd64"


def test_one_that_lacks_a_needed_module_is_passed_over(tmp_path: Path) -> None:
    install(tmp_path, "6.12.3-cloud-amd64", "overlay")
    install(tmp_path, "6.1.0-9-amd64", "overlay", "9p")
    assert find_kernel(None, ["overlay", "9p"], root=tmp_path).version == "6.1.0-9-amd64"


def test_the_module_that_all_lack_is_named(tmp_path: Path) -> None:
    install(tmp_path, "6.1.0-9-cloud-amd64", "overlay")
    with pytest.raises(VmError, match=r"^kernel 6\.1\.0-9-cloud-amd64 has no module 9p \(apt install "):
        find_kernel(None, ["overlay", "9p"], root=tmp_path)


def test_a_kernel_without_modules_is_none(tmp_path: Path) -> None:
    (tmp_path / "boot").mkdir()
    (tmp_path / "boot/vmlinuz-6.1.0").touch()
    assert installed_kernels(tmp_path) == []
    with pytest.raises(VmError, match=r"^no kernel in /boot "):
        find_kernel(None, [], root=tmp_path)


def test_a_version_names_an_installed_kernel(tmp_path: Path) -> None:
    install(tmp_path, "6.1.0-9-amd64")
    install(tmp_path, "6.12.3-amd64")
    assert find_kernel("6.1.0-9-amd64", [], root=tmp_path).version == "6.1.0-9-amd64"
    with pytest.raises(VmError, match=r"^no kernel 5\.0 with modules"):
        find_kernel("5.0", [], root=tmp_path)


def test_a_directory_is_an_unpacked_package(tmp_path: Path) -> None:
    install(tmp_path, "6.12.3-amd64")
    kernel = find_kernel(str(tmp_path), [])
    assert (kernel.image, kernel.modules) == (
        tmp_path / "boot/vmlinuz-6.12.3-amd64",
        tmp_path / "lib/modules/6.12.3-amd64",
    )

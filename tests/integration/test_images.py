"""Bundles that other tools make: umoci from an OCI image, debootstrap from a distribution."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bundle import Bundle, Firkin, make_rootfs
from tests.support.debian_mirror import make_mirror

pytestmark = pytest.mark.requires("root", "cgroup2")


@pytest.mark.requires("umoci")
def test_bundle_unpacked_by_umoci_from_an_oci_layout(firkin: Firkin, tmp_path: Path) -> None:
    image = f"{tmp_path}/layout:latest"
    content = make_rootfs(tmp_path / "content")
    for command in (
        ["init", "--layout", f"{tmp_path}/layout"],
        ["new", "--image", image],
        ["insert", "--image", image, str(content), "/"],
        ["config", "--image", image, "--config.env", "PATH=/bin"]
        + [word for part in ("/bin/sh", "-c", "cat /etc/passwd; exit 3") for word in ("--config.cmd", part)],
        ["unpack", "--image", image, f"{tmp_path}/bundle"],
    ):
        subprocess.run(["umoci", *command], check=True, capture_output=True)
    config = json.loads((tmp_path / "bundle/config.json").read_text())
    config["process"]["terminal"] = False
    config["process"].pop("rlimits", None)
    (tmp_path / "bundle/config.json").write_text(json.dumps(config))
    done = firkin("run", "-b", tmp_path / "bundle", firkin.new_id(), check=False)
    assert (done.returncode, done.stdout) == (3, (content / "etc/passwd").read_text()), done.stderr


def _mirror() -> str:
    """A mirror of the distribution that this machine uses, from its own configuration, and the release."""
    form = "$(SITE) $(RELEASE) $(CODENAME) $(COMPONENT)"
    listed = subprocess.run(["apt-get", "indextargets", "--format", form], capture_output=True, text=True, check=True)
    release = re.search(r"VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text())
    for line in listed.stdout.splitlines():
        site, *names, component = line.split()
        if release and release[1] in names and component == "main":
            return f"{release[1]} {site}"
    pytest.fail("apt is configured with no mirror of this release")


@pytest.fixture
def memory_directory(tmp_path: Path) -> Iterator[Path]:
    """A directory in memory, where the many fsync(2) of a package manager cost nothing."""
    place = tmp_path / "memory"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755,size=2g", "tmpfs", place], check=True)
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


@pytest.mark.requires("debootstrap")
def test_root_made_by_debootstrap(firkin: Firkin, bundle: Bundle, memory_directory: Path) -> None:
    release, site = _mirror().split()
    rootfs, near = memory_directory / "rootfs", make_mirror(memory_directory / "mirror", site, release)
    command = ["debootstrap", "--variant=minbase", "--no-check-gpg", release, str(rootfs), near]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    bundle.config["root"]["path"] = str(rootfs)
    bundle.process["env"] = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
    bundle.process["args"] = ["bash", "-c", "dpkg --version | head -n 1; id -un; apt-get --version | head -n 1"]
    lines = firkin.run(bundle).splitlines()
    assert "package management program" in lines[0]
    assert lines[1] == "root"
    assert lines[2].startswith("apt ")

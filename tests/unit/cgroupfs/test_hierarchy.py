"""Where the hierarchy is: looked for once, and again when it is not there any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from firkin.cgroupfs import hierarchy
from firkin.errors import CgroupError


def make_mount(place: Path, controllers: str = "cpu memory") -> Path:
    """A directory that looks like the root of a hierarchy."""
    place.mkdir()
    (place / "cgroup.controllers").write_text(f"{controllers}\n")
    return place


def list_mounts(file: Path, *mounts: Path) -> None:
    """A list of mounts as the kernel writes it."""
    lines = [f"30 23 0:26 / {mount} rw,nosuid - cgroup2 cgroup2 rw,nsdelegate" for mount in mounts]
    file.write_text("\n".join(["23 1 8:1 / / rw - ext4 /dev/sda1 rw", *lines, ""]))


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The list of this process."""
    file = tmp_path / "mountinfo"
    monkeypatch.setattr(hierarchy, "_OWN", str(file))
    return file


def find() -> hierarchy.Hierarchy:
    return hierarchy.known_hierarchy()


def test_the_list_is_read_once(own: Path, tmp_path: Path) -> None:
    mount = make_mount(tmp_path / "first")
    list_mounts(own, mount)
    assert (find().mount, find().options) == (str(mount), frozenset(("rw", "nsdelegate")))
    own.unlink()
    (mount / "cgroup.controllers").write_text("pids\n")
    found = find()
    assert (found.mount, found.controllers) == (str(mount), frozenset(("pids",)))


def test_what_is_gone_is_looked_for_again(own: Path, tmp_path: Path) -> None:
    first = make_mount(tmp_path / "first")
    list_mounts(own, first)
    assert find().mount == str(first)
    second = make_mount(tmp_path / "second")
    list_mounts(own, second)
    first.rename(tmp_path / "elsewhere")
    assert find().mount == str(second)
    # Another one in the same place is not the one that was seen.
    second.rename(tmp_path / "aside")
    make_mount(second)
    list_mounts(own)
    with pytest.raises(CgroupError, match="no cgroup2 file system"):
        find()

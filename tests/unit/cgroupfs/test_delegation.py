"""Which files are delegated, and where a cgroup lies in a mount."""

from __future__ import annotations

from pathlib import Path

import pytest

from firkin.cgroupfs.containment import in_mount, process_path
from firkin.cgroupfs.delegation import delegatable_files
from firkin.errors import CgroupValueError


def test_the_kernels_list_is_taken(tmp_path: Path) -> None:
    (tmp_path / "delegate").write_text("cgroup.procs\ncgroup.subtree_control\nmemory.new\n")
    assert delegatable_files(str(tmp_path / "delegate")) == ("cgroup.procs", "cgroup.subtree_control", "memory.new")


@pytest.mark.parametrize("text", [None, ""])
def test_without_a_list_the_specifications_files_are_delegated(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "delegate").write_text(text)
    expected = ("cgroup.procs", "cgroup.threads", "cgroup.subtree_control")
    assert delegatable_files(str(tmp_path / "delegate")) == expected


def test_a_list_can_not_name_a_file_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "delegate").write_text("../memory.max\ncgroup.procs\n/etc/shadow\n")
    assert delegatable_files(str(tmp_path / "delegate")) == ("cgroup.procs",)


def mountinfo(tmp_path: Path, root: str, mount: str) -> str:
    """A file as proc(5) describes it."""
    lines = ["23 1 8:1 / / rw - ext4 /dev/sda1 rw", f"41 31 0:38 {root} {mount} rw,relatime - cgroup2 cgroup2 rw"]
    (tmp_path / "mountinfo").write_text("\n".join(lines) + "\n")
    return str(tmp_path / "mountinfo")


@pytest.mark.parametrize(
    ("root", "path", "place"),
    [
        ("/", "/", "/m"),
        ("/", "/a/b", "/m/a/b"),
        ("/", "/../a", None),
        ("/", "/..", None),
        ("/a", "/a/b", "/m/b"),
        ("/a", "/a", "/m"),
        ("/a", "/ab", None),
        ("/a", "/b", None),
        ("/../..", "/", None),
        ("/..", "/../x", "/m/x"),
    ],
)
def test_where_a_cgroup_lies_in_a_mount(tmp_path: Path, root: str, path: str, place: str | None) -> None:
    assert in_mount(path, "/m", mountinfo(tmp_path, root, "/m")) == place


def test_the_callers_own_path_is_absolute() -> None:
    assert process_path().startswith("/")


def test_a_process_that_is_not_there() -> None:
    with pytest.raises(CgroupValueError, match="process 4194304: no such process"):
        process_path(1 << 22)

"""Types of hostPath: what must be there, and what is made."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from firkin.kubelet.environment.facts import Facts
from firkin.kubelet.volumes.errors import VolumeError
from firkin.kubelet.volumes.host_path import HostPaths
from firkin.kubelet.volumes.places import PodPlaces
from firkin.kubelet.volumes.plugin import Request
from tests.support.pods import Shelf, pod_of


def _set_up(path: str, kind: str | None) -> None:
    pod = pod_of({"volumes": [{"name": "v", "hostPath": {"path": path, "type": kind}}]})
    request = Request(pod, pod.spec.volumes[0], PodPlaces("/nowhere", pod.metadata.uid), Shelf(), Facts())
    HostPaths().prepare(request)()
    assert HostPaths().path(request) == path


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with one of each kind that needs no rights to be made."""
    (tmp_path / "directory").mkdir()
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("directory")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(tmp_path / "socket"))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("directory", {None, "", "Directory", "DirectoryOrCreate"}),
        ("link", {None, "", "Directory", "DirectoryOrCreate"}),
        ("file", {None, "", "File", "FileOrCreate"}),
        ("socket", {None, "", "Socket"}),
        ("absent", {None, "", "DirectoryOrCreate", "FileOrCreate"}),
        ("/dev/null", {None, "", "CharDevice"}),
    ],
)
def test_types(place: Path, name: str, kinds: set[str | None]) -> None:
    words = {
        "Directory": "directory", "DirectoryOrCreate": "directory", "File": "file", "FileOrCreate": "file",
        "Socket": "socket file", "CharDevice": "character device", "BlockDevice": "block device",
    }  # fmt: skip
    for kind in (None, "", *words):
        path = str(place / name)
        if kind in kinds:
            _set_up(path, kind)
            if name == "absent":
                assert Path(path).is_file() is (kind == "FileOrCreate")
                Path(path).unlink() if kind == "FileOrCreate" else Path(path).rmdir()
        else:
            with pytest.raises(VolumeError) as raised:
                _set_up(path, kind)
            assert str(raised.value) == f"hostPath type check failed: {path} is not a {words[kind or '']}"


def test_what_is_made_has_the_modes_of_kubernetes(tmp_path: Path) -> None:
    _set_up(str(tmp_path / "a/b"), "DirectoryOrCreate")
    _set_up(str(tmp_path / "a/c"), "FileOrCreate")
    assert (tmp_path / "a/b").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "a/c").stat().st_mode & 0o777 == 0o644


def test_unknown_types_and_relative_paths_are_refused(tmp_path: Path) -> None:
    with pytest.raises(VolumeError, match="Pipe is an invalid volume type"):
        _set_up(str(tmp_path), "Pipe")
    with pytest.raises(VolumeError, match="not an absolute path"):
        _set_up("etc", None)

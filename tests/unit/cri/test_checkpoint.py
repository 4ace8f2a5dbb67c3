"""Checkpoints of containers without CRIU: what has changed of a root, and who has no CRIU."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import grpc
import pytest

from firkin.cri.codes import code_of
from firkin.cri.containers.difference import write_difference
from firkin.errors import UnsupportedError
from firkin.runtime.checkpoint import service


def _written(holding: Path) -> tuple[dict[str, tarfile.TarInfo], list[str]]:
    output = io.BytesIO()
    removed = write_difference(str(holding), output)
    output.seek(0)
    with tarfile.open(fileobj=output) as archive:
        return {entry.name: entry for entry in archive}, removed


def test_files_are_written_with_their_kind_and_their_links(tmp_path: Path) -> None:
    upper = tmp_path / "upper"
    (upper / "etc").mkdir(parents=True)
    (upper / "etc/one").write_text("text")
    (upper / "etc/one").chmod(0o640)
    os.link(upper / "etc/one", upper / "etc/two")
    (upper / "link").symlink_to("/etc/passwd")
    os.mkfifo(upper / "fifo")
    entries, removed = _written(tmp_path)
    assert removed == []
    assert entries["etc/one"].size == 4 and entries["etc/one"].mode == 0o640
    assert entries["etc/two"].islnk() and entries["etc/two"].linkname == "etc/one"
    assert entries["link"].issym() and entries["link"].linkname == "/etc/passwd"
    assert entries["fifo"].isfifo() and entries["etc"].isdir()


@pytest.mark.requires("root")
def test_what_is_removed_is_marked_and_listed(tmp_path: Path) -> None:
    upper = tmp_path / "upper"
    (upper / "new/below").mkdir(parents=True)
    os.setxattr(upper / "new", "trusted.overlay.opaque", b"y")
    os.setxattr(upper / "new/below", "user.kept", b"\xff")
    os.mknod(upper / "new/gone", 0o020000, 0)
    entries, removed = _written(tmp_path)
    assert removed == ["/new/gone"]
    assert entries.keys() == {"new", "new/.wh..wh..opq", "new/below", "new/.wh.gone"}
    assert entries["new/below"].pax_headers["SCHILY.xattr.user.kept"] == "\udcff"
    assert "SCHILY.xattr.trusted.overlay.opaque" not in entries["new"].pax_headers


def test_a_root_that_is_a_copy_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="is a copy of its image"):
        _written(tmp_path)


def test_a_node_without_criu_says_that_it_is_nothing_it_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(service.ENVIRONMENT, "PATH", str(tmp_path))
    with pytest.raises(UnsupportedError, match="criu is not installed") as caught:
        service.find_criu()
    assert code_of(caught.value) == grpc.StatusCode.UNIMPLEMENTED

"""Files of a volume change all at once, and an interrupted change is completed by the next."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firkin.kubelet.volumes.atomic import File, write_files


def _shown(directory: Path) -> dict[str, str]:
    # As a container sees it: by the names that do not begin with two dots.
    found = {}
    for name in os.listdir(directory):
        if not name.startswith(".."):
            path = directory / name
            files = [one for one in path.rglob("*") if one.is_file()] if path.is_dir() else [path]
            found.update({str(file.relative_to(directory)): file.read_text() for file in files})
    return found


def _files(mode: int = 0o644, **contents: str) -> dict[str, File]:
    return {name.replace("__", "/"): File(text.encode(), mode) for name, text in contents.items()}


def test_files_are_links_to_one_directory_that_changes_by_rename(tmp_path: Path) -> None:
    assert write_files(str(tmp_path), _files(a="1", b="2", d__e="3"))
    assert os.readlink(tmp_path / "a") == "..data/a"
    assert os.readlink(tmp_path / "d") == "..data/d"
    first = os.readlink(tmp_path / "..data")
    assert first.startswith("..20") and (tmp_path / first / "d/e").read_text() == "3"
    assert write_files(str(tmp_path), _files(a="1", c="4"))
    assert _shown(tmp_path) == {"a": "1", "c": "4"}
    assert os.readlink(tmp_path / "..data") != first
    assert not (tmp_path / first).exists() and not os.path.lexists(tmp_path / "d")


def test_what_is_the_same_is_left_alone(tmp_path: Path) -> None:
    write_files(str(tmp_path), _files(a="1"))
    before = os.readlink(tmp_path / "..data")
    assert not write_files(str(tmp_path), _files(a="1"))
    assert os.readlink(tmp_path / "..data") == before
    assert write_files(str(tmp_path), _files(0o600, a="1"))
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600


def test_modes_do_not_depend_on_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_files(str(tmp_path), _files(0o666, a="1", d__e="2"))
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o666
    assert (tmp_path / "..data").stat().st_mode & 0o777 == 0o755


def test_a_new_set_is_prepared_before_it_is_seen(tmp_path: Path) -> None:
    write_files(str(tmp_path), _files(a="1"))
    seen = []

    def prepare(path: str) -> None:
        seen.append((Path(path, "a").read_text(), (tmp_path / "a").read_text()))

    write_files(str(tmp_path), _files(a="2"), prepare)
    assert seen == [("2", "1")]


def test_a_failure_leaves_what_was_shown(tmp_path: Path) -> None:
    write_files(str(tmp_path), _files(a="1"))

    def prepare(path: str) -> None:
        raise PermissionError(path)

    with pytest.raises(PermissionError):
        write_files(str(tmp_path), _files(a="2", b="3"), prepare)
    assert _shown(tmp_path) == {"a": "1"}
    assert write_files(str(tmp_path), _files(a="2", b="3"))
    assert _shown(tmp_path) == {"a": "2", "b": "3"}
    assert len([name for name in os.listdir(tmp_path) if name.startswith("..")]) == 2


@pytest.mark.parametrize("stage", ["directory", "new link", "data", "links"])
def test_an_interrupted_change_is_completed(tmp_path: Path, stage: str) -> None:
    write_files(str(tmp_path), _files(a="1", old="0"))
    new = tmp_path / "..2026_01_01_00_00_00.abcdefgh"
    new.mkdir()
    (new / "a").write_text("2")
    if stage == "new link":
        (tmp_path / "..data_tmp").symlink_to(new.name)
    elif stage in ("data", "links"):
        (new / "b").write_text("3")
        (tmp_path / "..data_tmp").symlink_to(new.name)
        (tmp_path / "..data_tmp").rename(tmp_path / "..data")
        if stage == "links":
            (tmp_path / "b").symlink_to("..data/b")
    write_files(str(tmp_path), _files(a="2", b="3"))
    assert _shown(tmp_path) == {"a": "2", "b": "3"}
    current = os.readlink(tmp_path / "..data")
    assert sorted(os.listdir(tmp_path)) == sorted([current, "..data", "a", "b"])


@settings(max_examples=30)
@given(st.lists(st.dictionaries(st.sampled_from(["a", "b/c", "b/d", "e/f/g", "h"]), st.text(max_size=3)), max_size=4))
def test_the_last_change_is_what_is_shown(tmp_path_factory: pytest.TempPathFactory, sets: list[dict[str, str]]) -> None:
    directory = tmp_path_factory.mktemp("volume")
    for files in sets:
        write_files(str(directory), {path: File(text.encode(), 0o644) for path, text in files.items()})
        shown = {path: (directory / path).read_bytes().decode() for path in files}
        assert shown == files
        visible = {name for name in os.listdir(directory) if not name.startswith("..")}
        assert visible == {path.partition("/")[0] for path in files}

"""Mount options, from words to attributes."""

from __future__ import annotations

import pytest

from firkin.runtime.compile.mount_options import RDONLY, parse_options

NOSUID, NODEV, NOEXEC, ATIME, NOATIME, STRICTATIME = 2, 4, 8, 0x70, 0x10, 0x20


@pytest.mark.parametrize(
    ("words", "set_", "clear"),
    [
        (["ro"], RDONLY, 0),
        (["ro", "rw"], 0, RDONLY),
        (["rw", "ro"], RDONLY, 0),
        (["nosuid", "nodev", "noexec"], NOSUID | NODEV | NOEXEC, 0),
        (["noatime"], NOATIME, ATIME & ~NOATIME),
        (["noatime", "strictatime"], STRICTATIME, ATIME & ~STRICTATIME),
        (["noatime", "relatime"], 0, ATIME),
        (["defaults", "silent", "loud"], 0, 0),
    ],
)
def test_attributes(words: list[str], set_: int, clear: int) -> None:
    options = parse_options(words)
    assert (options.set, options.clear & ~options.set) == (set_, clear)
    assert options.data == []


def test_recursive_attributes_are_kept_apart() -> None:
    options = parse_options(["rbind", "rro", "nosuid"])
    assert (options.bind, options.set, options.recursive_set) == ("rbind", NOSUID, RDONLY)


@pytest.mark.parametrize(("word", "value"), [("private", 1 << 18), ("slave", 1 << 19), ("shared", 1 << 20)])
def test_propagation(word: str, value: int) -> None:
    assert (parse_options([word]).propagation, parse_options([word]).recursive_propagation) == (value, False)
    assert (parse_options([f"r{word}"]).propagation, parse_options([f"r{word}"]).recursive_propagation) == (value, True)


def test_all_other_words_are_for_the_file_system() -> None:
    options = parse_options(["mode=755", "sync", "newinstance"])
    assert options.fsconfig("none") == b"=source\0none\0!sync\0\0=mode\x00755\0!newinstance\0\0"


def test_what_fsconfig_can_not_take_needs_mount() -> None:
    assert parse_options(["lowerdir=" + "/x" * 200]).needs_legacy
    assert parse_options(["iversion"]).needs_legacy
    assert not parse_options(["lowerdir=/x"]).needs_legacy
    assert parse_options(["iversion", "ro", "nosuid"]).legacy_flags == 1 << 23 | 1 | 2


@pytest.mark.parametrize("word", ["copy-symlink", "idmap=uids=0-1000-10"])
def test_what_is_not_supported_is_named(word: str) -> None:
    assert parse_options([word]).unsupported == word


def test_mapping_of_ids() -> None:
    assert [parse_options(words).mapping for words in (["ro"], ["idmap"], ["idmap", "ridmap"])] == [
        "",
        "idmap",
        "ridmap",
    ]

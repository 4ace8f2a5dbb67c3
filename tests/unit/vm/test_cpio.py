"""The archive is what cpio(1) and the kernel understand."""

from __future__ import annotations

import stat
import subprocess

import pytest

from tests.vm import cpio

_HEADER = 110


def members(data: bytes) -> list[tuple[str, int, bytes, tuple[int, int]]]:
    """Name, mode, content and device of each member, read as buffer-format.rst describes them."""
    found: list[tuple[str, int, bytes, tuple[int, int]]] = []
    at = 0
    while True:
        assert data[at : at + 6] == b"070701"
        fields = [int(data[at + 6 + 8 * i : at + 14 + 8 * i], 16) for i in range(13)]
        name_end = at + _HEADER + fields[11]
        name = data[at + _HEADER : name_end - 1].decode()
        assert data[name_end - 1] == 0
        start = name_end + -name_end % 4
        end = start + fields[6]
        at = end + -end % 4
        if name == "TRAILER!!!":
            assert at == len(data)
            return found
        found.append((name, fields[1], data[start:end], (fields[9], fields[10])))


@pytest.mark.parametrize("length", range(9))
def test_names_and_contents_of_every_alignment_survive(length: int) -> None:
    name, content = "n" * (length + 1), b"c" * length
    assert members(cpio.archive([cpio.executable(name, content)])) == [(name, stat.S_IFREG | 0o755, content, (0, 0))]


def test_members_keep_their_order_and_kind() -> None:
    entries = [cpio.directory("dev"), cpio.character_device("dev/console", 5, 1), cpio.text("list", ["a", "b"])]
    assert members(cpio.archive(entries)) == [
        ("dev", stat.S_IFDIR | 0o755, b"", (0, 0)),
        ("dev/console", stat.S_IFCHR | 0o600, b"", (5, 1)),
        ("list", stat.S_IFREG | 0o644, b"a\nb\n", (0, 0)),
    ]


def test_each_member_has_an_inode_of_its_own() -> None:
    data = cpio.archive([cpio.executable("a", b""), cpio.executable("b", b"")])
    assert data[6:14] != data[data.index(b"070701", 1) + 6 :][:8]


def test_an_archive_of_nothing_is_a_trailer() -> None:
    assert members(cpio.archive([])) == []


@pytest.mark.requires("cpio")
def test_cpio_lists_and_extracts_it() -> None:
    data = cpio.archive([cpio.directory("bin"), cpio.executable("bin/tool", b"#!/bin/sh\n")])
    listed = subprocess.run(["cpio", "-itv", "--quiet"], input=data, capture_output=True, check=True).stdout.decode()
    assert [(line.split()[0], line.split()[-1]) for line in listed.splitlines()] == [
        ("drwxr-xr-x", "bin"),
        ("-rwxr-xr-x", "bin/tool"),
    ]
    command = ["cpio", "-i", "--quiet", "--to-stdout", "bin/tool"]
    assert subprocess.run(command, input=data, capture_output=True, check=True).stdout == b"#!/bin/sh\n"

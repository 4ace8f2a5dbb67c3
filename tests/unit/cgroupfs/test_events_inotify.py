"""inotify: what the kernel writes, and watches by descriptor."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from firkin.cgroupfs.events import inotify
from firkin.cgroupfs.events.inotify import Inotify, Notice, parse
from firkin.cgroupfs.handle import Handle
from firkin.errors import CgroupGoneError


def notice(watch: int, mask: int, name: bytes = b"") -> bytes:
    """struct inotify_event."""
    return struct.pack("iIII", watch, mask, 0, len(name)) + name


def test_notices_follow_each_other() -> None:
    data = notice(1, inotify.MODIFY) + notice(2, inotify.CREATE | inotify.ISDIR, b"child\0\0\0") + notice(-1, 0x4000)
    assert list(parse(data)) == [
        Notice(1, inotify.MODIFY, ""),
        Notice(2, inotify.CREATE | inotify.ISDIR, "child"),
        Notice(-1, inotify.OVERFLOW, ""),
    ]


def test_names_that_are_not_unicode_are_kept() -> None:
    (found,) = parse(notice(1, inotify.CREATE, b"\xff\xfe\0\0"))
    assert os.fsencode(found.name) == b"\xff\xfe"


@pytest.fixture
def place(tmp_path: Path) -> Handle:
    return Handle(str(tmp_path), os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY))


def test_a_directory_is_watched_by_its_descriptor(place: Handle, tmp_path: Path) -> None:
    watches = Inotify()
    watch = watches.add(place, ".", inotify.CREATE)
    moved = tmp_path.rename(tmp_path.with_name("moved"))
    (moved / "child").mkdir()
    assert watches.read() == [Notice(watch, inotify.CREATE | inotify.ISDIR, "child")]
    assert watches.read() == []
    watches.close()


def test_a_link_is_not_followed(place: Handle, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    watches = Inotify()
    assert watches.add(place, "link", inotify.MODIFY) != watches.add(place, "file", inotify.MODIFY)
    watches.close()


def test_one_file_has_one_watch_with_the_sum_of_masks(place: Handle, tmp_path: Path) -> None:
    watches = Inotify()
    watch = watches.add(place, ".", inotify.CREATE)
    assert watches.add(place, ".", inotify.DELETE) == watch
    (tmp_path / "x").touch()
    (tmp_path / "x").unlink()
    assert [found.mask for found in watches.read()] == [inotify.CREATE, inotify.DELETE]
    watches.close()


def test_a_watch_that_ended_can_be_removed(place: Handle) -> None:
    watches = Inotify()
    watch = watches.add(place, ".", inotify.CREATE)
    watches.remove(watch)
    watches.remove(watch)
    assert watches.read() == [Notice(watch, inotify.IGNORED, "")]
    watches.close()


def test_what_is_not_there_can_not_be_watched(place: Handle) -> None:
    with pytest.raises(CgroupGoneError, match=r"watch .*/memory\.events: No such file"):
        Inotify().add(place, "memory.events", inotify.MODIFY)

"""Archives that are compressed, or come through a pipe."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from firkin.errors import ImageError, KernelError
from firkin.oci.archive.compressed import decompressed
from firkin.oci.archive.source import read
from firkin.oci.archive.spool import open_source
from tests.support.archives import Archive

DATA = random.Random(1).randbytes(1_500_000)
ARCHIVE = Archive().add("a", DATA).finish()
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": lambda data: gzip.compress(data, 1),
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "xz": lambda data: lzma.compress(data, preset=0),
    "bzip2": lambda data: bz2.compress(data, 1),
}
compressions = pytest.mark.parametrize("compression", PACKERS)


def piped(data: bytes, place: Path, path: str = "a", *, most: int = 1 << 30) -> bytes:
    """A file of an archive that comes through a pipe."""
    reader, writer = os.pipe()

    def write() -> None:
        try:
            with open(writer, "wb") as file:
                file.write(data)
        except BrokenPipeError:
            return

    thread = threading.Thread(target=write)
    thread.start()
    try:
        with open_source(reader, "x", str(place), most=most) as source:
            return read(source, path, 4 << 20)
    finally:
        os.close(reader)
        thread.join()


@compressions
def test_an_archive_comes_through_a_pipe(tmp_path: Path, compression: str) -> None:
    assert piped(PACKERS[compression](ARCHIVE), tmp_path) == DATA
    assert os.listdir(tmp_path) == []


@compressions
def test_an_archive_is_a_file(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "archive"
    path.write_bytes(PACKERS[compression](ARCHIVE))
    with path.open("rb") as file, open_source(file.fileno(), "x", str(tmp_path)) as source:
        assert read(source, "a", 4 << 20) == DATA
    assert os.listdir(tmp_path) == ["archive"]


def test_a_file_is_read_from_where_it_is_open(tmp_path: Path) -> None:
    path = tmp_path / "archive"
    path.write_bytes(b"#!/bin/sh\n" + ARCHIVE)
    fd = os.open(path, os.O_RDONLY)
    os.lseek(fd, 10, os.SEEK_SET)
    with open_source(fd, "x", str(tmp_path)) as source:
        assert read(source, "a", 4 << 20) == DATA
    os.close(fd)


@pytest.mark.parametrize("compression", list(PACKERS)[1:])
def test_what_is_cut_off_or_damaged_is_refused(tmp_path: Path, compression: str) -> None:
    packed = PACKERS[compression](ARCHIVE)
    broken_ones = [packed[: len(packed) // 2], packed[:1000] + b"X" * 100 + packed[1100:]]
    if compression != "zstd":
        # What comes behind an archive of zstd, its library does not tell; the digests of what is in it do.
        broken_ones.append(packed + b"more")
    for broken in broken_ones:
        with pytest.raises(ImageError, match=r"^x: (ends inside|is no|its)"):
            piped(broken, tmp_path)


@pytest.mark.parametrize("compression", ["gzip", "zstd", "xz", "bzip2"])
def test_parts_that_are_put_together_are_one(compression: str) -> None:
    pack = PACKERS[compression]
    packed = pack(DATA[:1000]) + pack(b"") + pack(DATA[1000:])
    for step in (len(packed), 4099):
        chunks = [packed[start : start + step] for start in range(0, len(packed), step)]
        assert b"".join(decompressed(chunks, compression, "x")) == DATA


@pytest.mark.parametrize("compression", ["gzip", "zstd", "xz", "bzip2"])
def test_a_bomb_comes_in_pieces_and_has_an_end(tmp_path: Path, compression: str) -> None:
    bomb = PACKERS[compression](bytes(16 << 20))
    pieces = [len(piece) for piece in decompressed([bomb], compression, "x")]
    assert sum(pieces) == 16 << 20 and max(pieces) <= 1 << 20
    with pytest.raises(ImageError, match="x: holds more than 1048576 bytes"):
        piped(bomb, tmp_path, most=1 << 20)


def test_what_xz_would_need_too_much_memory_for_is_refused() -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 30}]
    packed = lzma.compress(b"x", format=lzma.FORMAT_XZ, filters=filters)
    with pytest.raises(ImageError, match="x: is no xz data, or it is damaged: Memory usage limit"):
        list(decompressed([packed], "xz", "x"))


@pytest.mark.parametrize("data", [b"", b"x", b"\x1f", b"\x1f\x8b", b"no archive" * 100])
def test_what_is_no_archive_has_no_files(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ImageError, match=r"^x: "):
        piped(data, tmp_path)


def test_a_scratch_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(KernelError, match=rf"make a file in {tmp_path}/none: No such file"):
        piped(ARCHIVE, tmp_path / "none")


def test_a_file_of_more_bytes_than_are_read(tmp_path: Path) -> None:
    path = tmp_path / "archive"
    path.write_bytes(ARCHIVE)
    reason = f"x: a: has {len(DATA)} bytes, more than the 5 that"
    with (
        path.open("rb") as file,
        open_source(file.fileno(), "x", str(tmp_path)) as source,
        pytest.raises(ImageError, match=reason),
    ):
        read(source, "a", 5)

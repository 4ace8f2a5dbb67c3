"""Where the files of an archive lie: as `tarfile` says of what it writes, and an error for what nobody should write."""

from __future__ import annotations

import io
import os
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firkin.errors import ImageError
from firkin.oci.archive import tar_index
from firkin.oci.archive.tar_index import Member, clean_name, index_of
from tests.support.archives import Archive

FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]


def indexed(data: bytes) -> dict[str, Member]:
    """The index of an archive."""
    fd = os.memfd_create("archive")
    try:
        with open(fd, "wb", closefd=False) as file:
            file.write(data)
        return index_of(fd, len(data), "x.tar")
    finally:
        os.close(fd)


def refused(data: bytes, reason: str) -> None:
    with pytest.raises(ImageError, match=rf"^x.tar: {reason}") as raised:
        indexed(data)
    assert str(raised.value).isprintable() and len(str(raised.value)) < 400


def contents(data: bytes) -> dict[str, bytes]:
    return {name: data[member.offset :][: member.size] for name, member in indexed(data).items()}


@pytest.mark.parametrize("format", FORMATS)
def test_files_and_links_of_every_format(format: int) -> None:
    long = "/".join(["d" * 50] * 4)
    archive = Archive(format).directory("blobs").add("blobs/a", b"1" * 600).add("./b", b"").add(long, b"long")
    archive.link("up/link", "../blobs/a").link("top", "/b").hard_link("hard", "blobs/a").link("out", "../../b")
    archive.add("fifo", kind=tarfile.FIFOTYPE).add("null", kind=tarfile.CHRTYPE, devmajor=1, devminor=3)
    data = archive.finish()
    found = indexed(data)
    assert {name: member.target for name, member in found.items() if member.target} == {
        "up/link": "blobs/a",
        "top": "b",
        "hard": "blobs/a",
        # Leads out: to no file of the archive.
        "out": ".",
    }
    files = {name: content for name, content in contents(data).items() if not found[name].target}
    assert files == {"blobs/a": b"1" * 600, "b": b"", long: b"long"}


def test_a_link_to_a_name_that_is_not_kept_leads_nowhere() -> None:
    assert indexed(Archive().link("a", "x" * 300).link("b", "/").finish()) == dict.fromkeys("ab", Member(0, 0, "."))


def test_long_names_of_links() -> None:
    for format in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        target = "/".join(["t" * 50] * 4)
        assert indexed(Archive(format).link("link", target).finish())["link"].target == target


@given(
    st.dictionaries(st.from_regex(r"[a-zé0-9/. ]{1,200}", fullmatch=True), st.binary(max_size=1100), max_size=6),
    st.sampled_from(FORMATS[1:]),
)
def test_it_agrees_with_tarfile(files: dict[str, bytes], format: int) -> None:
    archive = Archive(format)
    for name, data in files.items():
        archive.add(name, data)
    data = archive.finish()
    expected: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar:
            name = clean_name(member.name)
            expected.pop(name, None)
            file = tar.extractfile(member)
            if name and file:
                expected[name] = file.read()
    assert contents(data) == expected


@given(st.binary(max_size=2000))
def test_noise_is_an_error_or_nothing(noise: bytes) -> None:
    try:
        assert indexed(noise) == {} or len(noise) >= 512
    except ImageError:
        pass


@given(st.integers(0, 3071), st.integers(0, 255))
def test_a_changed_byte_is_found_or_harmless(at: int, byte: int) -> None:
    data = bytearray(Archive().add("blobs/a", b"1" * 600).add("b", b"2", pax_headers={"comment": "x"}).finish())
    data[at] = byte
    try:
        found = indexed(bytes(data))
    except ImageError:
        return
    assert all(member.offset + member.size <= len(data) for member in found.values())


def test_the_last_of_one_name_counts() -> None:
    data = Archive().add("a", b"1").add("b", b"1").add("./a", b"22").directory("b").finish()
    assert contents(data) == {"a": b"22"}


@pytest.mark.parametrize("name", ["../a", "a/../../b", "..", "/", ".", "x" * 256])
def test_names_that_no_image_has_are_passed_over(name: str) -> None:
    assert contents(Archive().add(name, b"1").add("b", b"2").finish()) == {"b": b"2"}


@pytest.mark.parametrize(
    ("name", "clean"),
    [("/a", "a"), ("./a//b/.", "a/b"), ("a/../b", "b"), ("a/b/../../c", "c"), ("a/../..", ""), ("", "")],
)
def test_clean_names(name: str, clean: str) -> None:
    assert clean_name(name) == clean


ONE = Archive(tarfile.USTAR_FORMAT).add("file", b"x" * 1000).finish()


def changed(at: int, new: bytes, data: bytes = ONE) -> bytes:
    """With a checksum that is right again."""
    block = bytearray(data[:512])
    block[at : at + len(new)] = new
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + data[512:]


def extended(records: bytes, kind: bytes = tarfile.XHDTYPE) -> bytes:
    """An extended header of any bytes, and a file."""
    header = Archive(tarfile.USTAR_FORMAT).add("x", records, kind=kind).finish()
    return header[: 512 + -(-len(records) // 512) * 512] + ONE


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (ONE[:1024], "ends inside of 'file'"),
        (ONE[:100], "ends inside of the header at byte 0"),
        (ONE[:1536] + ONE[:5], "ends inside of the header at byte 1536"),
        (b"no archive" * 100, "is no tar archive, or it is damaged: no checksum at byte 0"),
        (ONE[:10] + b"y" + ONE[11:], "is no tar archive, or it is damaged: wrong checksum at byte 0"),
        (changed(124, b"-0000000010\0"), "is no tar archive, or it is damaged: no size at byte 0"),
        (changed(124, b"\xff" * 12), "is no tar archive, or it is damaged: no size at byte 0"),
        (changed(124, b"\x80" + b"\xff" * 11), "ends inside of 'file'"),
        (changed(156, b"S"), "has the sparse file 'file', which is not supported"),
        (extended(b"21 GNU.sparse.size=1\n"), "has the sparse file 'file'"),
        (extended(b"18 size=999999999\n"), "ends inside of 'file'"),
        (extended(b"11 size=-1\n"), "has a file of '-1' bytes"),
        (extended(b"13 size=\xc2\xb2\xc2\xb2\n"), "has a file of '²²' bytes"),
        (extended(b"9 path=a"), "has a damaged extended header"),
        (extended(b"99 path=a\n"), "has a damaged extended header"),
        (extended(b"0 path=a\n"), "has a damaged extended header"),
        (extended(b"path=a\n"), "has a damaged extended header"),
        (extended(b"7 path\n"), "has a damaged extended header"),
        (extended(b"x" * (65 << 10)), "has an extended header of 66560 bytes, more than 65536"),
        (extended(b"x" * (65 << 10), tarfile.GNUTYPE_LONGNAME), "has an extended header of 66560 bytes"),
    ],
)
def test_what_is_damaged_is_refused(data: bytes, reason: str) -> None:
    refused(data, reason)


def test_what_is_not_about_a_file_is_passed_over() -> None:
    assert contents(extended(b"18 size=999999999\n", tarfile.XGLTYPE)) == {"file": b"x" * 1000}
    assert contents(extended(b"17 comment=words\n")) == {"file": b"x" * 1000}
    # An archive may end without what marks its end, and go on behind it.
    assert contents(ONE[:1536]) == contents(ONE[:1536] + bytes(1024) + b"no archive") == {"file": b"x" * 1000}
    assert contents(b"") == contents(bytes(1024)) == {}


def test_checksums_of_signed_bytes_and_prefixes_of_ustar_alone() -> None:
    data = bytearray(changed(0, "fil\xe9".encode("latin-1")))
    signed = sum(byte - 256 if byte > 127 else byte for byte in data[:148] + b" " * 8 + data[156:512])
    data[148:156] = b"%06o\0 " % signed
    assert list(indexed(bytes(data))) == ["fil\ufffd"]
    assert list(indexed(changed(345, b"prefix"))) == ["prefix/file"]
    assert list(indexed(changed(257, b"ustar  \0" + bytes(80) + b"prefix"))) == ["file"]


def test_an_archive_of_too_many_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tar_index, "MOST_ENTRIES", 3)
    assert len(indexed(Archive().add("a").add("b").finish())) == 2
    refused(Archive().add("a").add("b").add("c").finish(), "has more than 3 entries")

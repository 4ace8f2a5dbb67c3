"""Layers are hostile: nothing is written outside of the directory, nothing is followed, everything is counted."""

from __future__ import annotations

import gzip
import os
import select
import stat
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from firkin.errors import ImageError
from firkin.oci.layers.unpack import Limits, unpack
from tests.support.archives import Archive, described, unpack_bytes
from tests.support.children import children
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.requires("root")
SECOND = 1_000_000_000 * 10**9


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """The directory to unpack into, beside one with a file that must stay as it is."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_text("secret")
    (tmp_path / "root").mkdir()
    yield tmp_path / "root"
    assert described(tmp_path / "outside").keys() == {"secret"}
    assert (tmp_path / "outside/secret").read_text() == "secret"


def test_every_kind_of_entry(place: Path) -> None:
    archive = Archive()
    archive.directory("d", mode=0o1777, uid=7, gid=8)
    archive.add("d/file", b"data", mode=0o4755, uid=1000, gid=1001, mtime=1_000_000_000.25)
    archive.link("d/link", "../../outside/secret").hard_link("d/hard", "d/file").hard_link("d/hardlink", "d/link")
    archive.add("d/null", kind=tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666)
    archive.add("d/loop", kind=tarfile.BLKTYPE, devmajor=7, devminor=300)
    archive.add("d/fifo", kind=tarfile.FIFOTYPE, mode=0o600)
    result = unpack_bytes(archive.finish(), place)
    assert (result.entries, result.bytes, result.implied) == (8, 4, ())
    assert described(place) == {
        "d": f"41777 7:8 0 {SECOND}",
        "d/fifo": f"10600 0:0 0 {SECOND}",
        "d/file": f"104755 1000:1001 4 {SECOND + 250_000_000}",
        "d/hard": f"104755 1000:1001 4 {SECOND + 250_000_000}",
        "d/hardlink": f"120777 0:0 ../../outside/secret {SECOND}",
        "d/link": f"120777 0:0 ../../outside/secret {SECOND}",
        "d/loop": f"60644 0:0 {os.makedev(7, 300)} {SECOND}",
        "d/null": f"20666 0:0 {os.makedev(1, 3)} {SECOND}",
    }
    assert (place / "d/hard").stat().st_ino == (place / "d/file").stat().st_ino


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_names_that_no_header_holds(place: Path, format: int) -> None:
    long = "/".join(["x" * 60] * (3 if format == tarfile.USTAR_FORMAT else 30))
    unpack_bytes(Archive(format).add(long, b"1").finish(), place)
    assert (place / long).read_bytes() == b"1"


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "//etc//passwd", "./etc/./passwd", "etc/passwd"],
)
def test_names_are_those_inside(place: Path, name: str) -> None:
    result = unpack_bytes(Archive().add(name, b"1").finish(), place)
    assert [path for path in described(place) if path == "etc/passwd"] == ["etc/passwd"]
    assert result.implied == ("etc",)


@pytest.mark.parametrize("name", ["../x", "a/../../x", "..", "a/..", "/../x", "a/../x"])
def test_names_that_lead_upwards_are_refused(place: Path, name: str) -> None:
    with pytest.raises(ImageError, match="leads out of the root file system"):
        unpack_bytes(Archive().add(name, b"1").finish(), place)


@pytest.mark.parametrize("target", ["../../outside", "{outside}", "/../../../{outside}"])
def test_links_are_followed_inside_only(place: Path, target: str) -> None:
    outside = place.parent / "outside"
    archive = Archive().link("link", target.format(outside=outside)).add("link/secret", b"mine")
    # Where the link leads inside of the root there may be nothing, and it is made there.
    unpack_bytes(archive.finish(), place)
    assert any(path.endswith("secret") for path in described(place))


def test_a_file_is_not_written_through_a_link(place: Path) -> None:
    archive = Archive().link("secret", "../outside/secret").add("secret", b"mine")
    unpack_bytes(archive.finish(), place)
    assert not (place / "secret").is_symlink()
    assert (place / "secret").read_bytes() == b"mine"


@pytest.mark.parametrize("target", ["../outside/secret", "/../outside/secret", "missing"])
def test_hard_links_stay_inside(place: Path, target: str) -> None:
    with pytest.raises(ImageError, match=r"leads out|hard link to what is not in the layer"):
        unpack_bytes(Archive().hard_link("hard", target).finish(), place)


def test_a_hard_link_through_a_link_stays_inside(place: Path) -> None:
    archive = Archive().link("up", "../outside").hard_link("hard", "up/secret")
    with pytest.raises(ImageError, match="hard link to what is not in the layer"):
        unpack_bytes(archive.finish(), place)


def test_a_later_entry_takes_the_place_of_an_earlier_one(place: Path) -> None:
    archive = Archive().directory("a").directory("a/b").add("a/b/c", b"1").add("a", b"file")
    archive.link("l", "a").directory("l").add("l/x", b"2").add("f", b"1").directory("f").directory("f", mode=0o700)
    unpack_bytes(archive.finish(), place)
    assert {name: text.split()[0] for name, text in described(place).items()} == {
        "a": "100644",
        "f": "40700",
        "l": "40755",
        "l/x": "100644",
    }


def test_what_is_implied_is_told_in_order(place: Path) -> None:
    result = unpack_bytes(Archive().add("a/b/c", b"").add("a/d/e", b"").directory("a/d").finish(), place)
    assert result.implied == ("a", "a/b", "a/d")


def test_times_of_directories_are_set_last(place: Path) -> None:
    unpack_bytes(Archive().directory(".").directory("d", mtime=5).add("d/f", b"1").finish(), place)
    assert (place / "d").stat().st_mtime == 5
    assert place.stat().st_mtime == 1_000_000_000


def test_a_directory_of_a_lower_layer_keeps_its_time(place: Path) -> None:
    lower = Archive().directory("d", mtime=5).directory("d/e", mtime=6).add("d/gone", b"1").directory("f", mtime=7)
    unpack_bytes(lower.finish(), place, whiteouts="remove")
    upper = Archive().add("d/e/new", b"1").add("d/.wh.gone").add("d/e/newer", b"1").directory("f", mtime=8)
    unpack_bytes(upper.directory("f", mtime=9).add("f/x", b"1").finish(), place, whiteouts="remove")
    assert [(place / name).stat().st_mtime for name in ("d", "d/e", "f")] == [5, 6, 9]


def test_extended_attributes(place: Path) -> None:
    headers = {
        "SCHILY.xattr.user.note": "text",
        "SCHILY.xattr.trusted.overlay.redirect": "/etc",
        "SCHILY.xattr.trusted.overlay.opaque": "y",
        "SCHILY.xattr.security.selinux": "label",
    }
    result = unpack_bytes(Archive().add("f", b"1", pax_headers=headers).finish(), place)
    assert os.listxattr(place / "f") == (["user.note"] if result.ignored == 3 else [])
    assert result.ignored in (3, 4)


def test_file_capabilities_survive_the_owner(place: Path) -> None:
    capability = b"\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    headers = {"SCHILY.xattr.security.capability": capability.decode("latin-1")}
    unpack_bytes(Archive().add("ping", b"1", uid=5, mode=0o755, pax_headers=headers).finish(), place)
    assert os.getxattr(place / "ping", "security.capability") == capability


def test_whiteouts_in_the_form_of_overlayfs(place: Path) -> None:
    archive = Archive().directory("d").add("d/.wh.gone").directory("o").add("o/.wh..wh..opq").add("o/kept", b"1")
    archive.add("d/.wh..wh.plnk").add(".wh.never-was").add("d/twice", b"1").add("d/.wh.twice")
    unpack_bytes(archive.finish(), place)
    for name in ("d/gone", "never-was", "d/twice"):
        status = (place / name).lstat()
        assert stat.S_ISCHR(status.st_mode) and status.st_rdev == 0
    assert os.getxattr(place / "o", "trusted.overlay.opaque") == b"y"
    assert sorted(described(place)) == ["d", "d/gone", "d/twice", "never-was", "o", "o/kept"]


def test_whiteouts_that_remove(place: Path) -> None:
    lower = Archive().add("d/gone/deep/x", b"1").add("d/stays", b"1").add("o/old", b"1").add("o/sub/old", b"1")
    unpack_bytes(lower.finish(), place, whiteouts="remove")
    upper = Archive().add("d/.wh.gone").add("o/new", b"2").add("o/sub/new", b"2").add("o/.wh..wh..opq").add(".wh.none")
    unpack_bytes(upper.finish(), place, whiteouts="remove")
    assert sorted(described(place)) == ["d", "d/stays", "o", "o/new"]


def test_an_opaque_directory_keeps_what_its_own_layer_lists(place: Path) -> None:
    unpack_bytes(Archive().add("o/sub/old", b"1").finish(), place, whiteouts="remove")
    upper = Archive().directory("o").directory("o/sub").add("o/sub/new", b"2").add("o/.wh..wh..opq")
    unpack_bytes(upper.finish(), place, whiteouts="remove")
    assert sorted(described(place)) == ["o", "o/sub", "o/sub/new"]


@pytest.mark.parametrize("name", [".wh.", "d/.wh..", "d/.wh..."])
def test_whiteouts_of_no_name(place: Path, name: str) -> None:
    with pytest.raises(ImageError, match="a whiteout of no name"):
        unpack_bytes(Archive().add(name).finish(), place)


def test_a_device_that_would_be_a_whiteout(place: Path) -> None:
    archive = Archive().add("x", kind=tarfile.CHRTYPE, devmajor=0, devminor=0)
    with pytest.raises(ImageError, match="takes for a whiteout"):
        unpack_bytes(archive.finish(), place)


def test_too_many_entries(place: Path) -> None:
    archive = Archive()
    for number in range(5):
        archive.add(str(number))
    with pytest.raises(ImageError, match="more entries than are allowed"):
        unpack_bytes(archive.finish(), place, limits=Limits(entries=4))


def test_too_many_bytes(place: Path) -> None:
    archive = Archive().add("a", b"x" * 1000).add("b", b"x" * 1000)
    with pytest.raises(ImageError, match=r"'b': the layer has more bytes than are allowed"):
        unpack_bytes(archive.finish(), place, limits=Limits(bytes=1999))


def test_a_hole_counts_as_what_it_stands_for(place: Path) -> None:
    headers = {"GNU.sparse.map": "0,1", "GNU.sparse.size": str(10 << 30), "GNU.sparse.name": "hole"}
    archive = Archive().add("x", b"1", pax_headers=headers).finish()
    unpack_bytes(archive, place)
    assert (place / "hole").stat().st_size == 10 << 30
    assert (place / "hole").stat().st_blocks < 100
    with pytest.raises(ImageError, match="more bytes than are allowed"):
        unpack_bytes(archive, place, limits=Limits(bytes=1 << 30))


@pytest.mark.parametrize("version", ["gnu", "0.1", "1.0"])
def test_sparse_files_of_tar(place: Path, tmp_path: Path, version: str) -> None:
    source = tmp_path / "sparse"
    with source.open("wb") as file:
        for offset in (0, 100_000, 5_000_000, 9_000_000, 20_000_000, 30_000_000, 41_000_000):
            file.seek(offset)
            file.write(b"piece" * 1000)
        file.truncate(50_000_000)
    form = ["--format=gnu"] if version == "gnu" else ["--format=posix", f"--sparse-version={version}"]
    os.system(f"tar {' '.join(form)} -S -cf {tmp_path}/archive -C {tmp_path} sparse")
    unpack_bytes((tmp_path / "archive").read_bytes(), place)
    assert (place / "sparse").read_bytes() == source.read_bytes()
    assert (place / "sparse").stat().st_blocks * 512 < 1_000_000


def damaged(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


FILE = Archive(tarfile.USTAR_FORMAT).add("file", b"x" * 1000).finish()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (FILE[:1024], "the archive ends inside of a file"),
        (FILE[:100], "the archive ends inside of a file"),
        (damaged(FILE, 10, b"y"), "wrong checksum"),
        (b"this is no archive" * 100, "wrong checksum"),
    ],
    ids=["in a file", "in a header", "another name", "text"],
)
def test_damaged_archives(place: Path, data: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        unpack_bytes(data, place)
    assert "\n" not in str(caught.value)


def test_an_archive_of_nothing(place: Path) -> None:
    assert unpack_bytes(b"", place).entries == 0
    assert unpack_bytes(bytes(10240), place).entries == 0


def test_another_diff_id(place: Path) -> None:
    with pytest.raises(ImageError, match="its archive has the digest"):
        unpack_bytes(FILE, place, diff_id=f"sha256:{'0' * 64}")


def test_gzip_in_members_padding_and_damage(place: Path) -> None:
    packed = gzip.compress(FILE[:700]) + gzip.compress(FILE[700:])
    assert unpack_bytes(packed, place, compression="gzip").entries == 1
    assert unpack_bytes(packed + bytes(512), place, compression="gzip", inflated=lambda data: FILE).entries == 1
    for broken, message in (
        (packed[:-4], "cut off"),
        (packed + b"more data", r"gzip data"),
        (damaged(packed, len(packed) - 6, b"\0\1"), "damaged"),
        (FILE, "is no gzip data"),
    ):
        with pytest.raises(ImageError, match=message):
            unpack_bytes(broken, place, compression="gzip", diff_id=f"sha256:{'0' * 64}")


def test_zstd_in_frames_and_damage(place: Path) -> None:
    import zstandard

    frame = zstandard.ZstdCompressor().compress
    packed = frame(FILE[:700]) + frame(FILE[700:])
    assert unpack_bytes(packed, place, compression="zstd", inflated=lambda data: FILE).entries == 1
    for broken in (packed[:-4], packed + b"more", FILE):
        with pytest.raises(ImageError):
            unpack_bytes(broken, place, compression="zstd", inflated=lambda data: FILE)


def test_a_bomb_does_not_fill_memory(place: Path) -> None:
    bomb = gzip.compress(Archive().add("zeros", bytes(200 << 20)).finish())
    with pytest.raises(ImageError, match="more bytes than are allowed"):
        unpack_bytes(bomb, place, compression="gzip", limits=Limits(bytes=100 << 20))
    assert not (place / "zeros").exists()


def test_no_process_and_no_descriptor_is_left(place: Path) -> None:
    before, others = len(os.listdir("/proc/self/fd")), children()
    for data in (FILE, FILE[:700]):
        try:
            unpack_bytes(data, place)
        except ImageError:
            pass
    assert len(os.listdir("/proc/self/fd")) == before
    assert children() == others


def test_a_directory_that_is_come_back_to_keeps_the_time_of_its_entry(place: Path) -> None:
    archive = Archive().directory(".", mtime=3).directory("a", mtime=4).directory("a/b", mtime=5).add("a/b/1")
    archive.add("c").add("a/b/2").link("l", "a/b").add("l/3").add("a/2").add("a/b/.wh.x").hard_link("a/h", "c")
    unpack_bytes(archive.finish(), place)
    assert [path.stat().st_mtime for path in (place, place / "a", place / "a/b")] == [3, 4, 5]
    assert sorted(os.listdir(place / "a/b")) == ["1", "2", "3", "x"]


def test_a_directory_that_became_opaque_keeps_its_time(place: Path) -> None:
    unpack_bytes(Archive().add("o/sub/old", b"1").add("o/old").finish(), place, whiteouts="remove")
    upper = Archive().directory("o", mtime=4).directory("o/sub", mtime=5).add("o/.wh..wh..opq")
    unpack_bytes(upper.finish(), place, whiteouts="remove")
    assert sorted(described(place)) == ["o", "o/sub"]
    assert [(place / name).stat().st_mtime for name in ("o", "o/sub")] == [4, 5]


def test_an_opaque_directory_keeps_a_hard_link_of_its_own_layer(place: Path) -> None:
    unpack_bytes(Archive().add("file", b"1").add("o/old").finish(), place, whiteouts="remove")
    upper = Archive().hard_link("o/new", "file").link("o/link", "new").add("o/.wh..wh..opq")
    unpack_bytes(upper.finish(), place, whiteouts="remove")
    assert sorted(described(place)) == ["file", "o", "o/link", "o/new"]


def test_nothing_is_inherited_from_a_directory(place: Path) -> None:
    archive = Archive().directory("d", mode=0o2775, gid=50).directory("d/sub").add("d/file", mode=0o640)
    archive.link("d/link", "file").add("d/fifo", kind=tarfile.FIFOTYPE, mode=0o666)
    unpack_bytes(archive.finish(), place)
    assert {name: text.split()[:2] for name, text in described(place).items()} == {
        "d": ["42775", "0:50"],
        "d/fifo": ["10666", "0:0"],
        "d/file": ["100640", "0:0"],
        "d/link": ["120777", "0:0"],
        "d/sub": ["40755", "0:0"],
    }


def test_the_deepest_name(place: Path) -> None:
    # More directories than descriptors that a process usually has.
    deep = "/".join("d" for _ in range(1900))
    result = unpack_bytes(Archive().add(f"{deep}/f", b"1").add("g").add(f"{deep}/f2", b"2").finish(), place)
    assert (place / deep / "f2").read_bytes() == b"2"
    assert len(result.implied) == 1900
    # Python's ways to remove it recurse.
    subprocess.run(["rm", "-r", place / "d"], check=True)


def test_the_program_does_not_outlive_who_started_it(place: Path) -> None:
    script = (
        "import os, sys, firkin.oci.layers.unpack as layers\n"
        "def pieces():\n"
        "    yield bytes(1024)\n"
        "    sys.stdout.write('begun\\n'), sys.stdout.flush()\n"
        "    while True: yield os.read(0, 1)\n"
        "fd = os.open(sys.argv[1], os.O_RDONLY)\n"
        "layers.unpack(pieces(), '', 'sha256:' + '0' * 64, fd, whiteouts='overlay', name='x')\n"
    )
    command = [sys.executable, "-P", "-c", script, str(place)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None and starter.stdout.readline() == b"begun\n"
        children = Path(f"/proc/{starter.pid}/task/{starter.pid}/children").read_text().split()
        child = os.pidfd_open(int(children[0]))
        starter.kill()
        readable, _, _ = select.select([child], [], [], SECONDS)
        os.close(child)
    assert readable


def test_an_interruption_ends_the_program(place: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield FILE[:600]
        raise KeyboardInterrupt

    others = children()
    fd = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with pytest.raises(KeyboardInterrupt):
            unpack(pieces(), "", f"sha256:{'0' * 64}", fd, whiteouts="overlay", name="layer x")
    finally:
        os.close(fd)
    assert children() == others

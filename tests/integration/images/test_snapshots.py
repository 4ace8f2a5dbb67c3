"""Unpacked layers: shared, made once, like the flat tree that the layers make together."""

from __future__ import annotations

import os
import stat
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from firkin.errors import ImageError
from firkin.oci.bundle.unpack import write_rootfs
from firkin.oci.snapshots.garbage import check, collect
from firkin.oci.snapshots.layer import Unpacker
from firkin.oci.snapshots.names import chain_ids, chained, standalone
from firkin.oci.snapshots.store import Snapshots, Stack
from firkin.oci.store.images import ImageStore, Local
from tests.support.archives import Archive, described
from tests.support.local_image import add_image
from tests.support.overlays import overlay_place

pytestmark = pytest.mark.requires("root", "overlay")


@pytest.fixture
def snapshots(tmp_path: Path) -> Iterator[Snapshots]:
    with overlay_place(tmp_path / "images") as place, ImageStore(str(place)) as store:
        yield Snapshots(store)
        # Whatever happened: nothing half-made is left, and all is as it was recorded.
        assert os.listdir(place / "snapshots/new") == []
        assert list(check(Snapshots(store))) == []


def image(snapshots: Snapshots, name: str, *layers: Archive) -> Local:
    return add_image(snapshots.store, f"test.example/{name}:1", [layer.finish() for layer in layers])


@contextmanager
def opened(stack: Stack) -> Iterator[Path]:
    """A path at which the tree of a stack can be seen: it is mounted nowhere."""
    fd = stack.open()
    try:
        yield Path(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)


def flat(snapshots: Snapshots, local: Local, place: Path) -> Path:
    """The same image with all layers written over each other into one directory."""
    place.mkdir()
    fd = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    try:
        write_rootfs(snapshots.store, local, fd)
    finally:
        os.close(fd)
    return place


def attributes(place: Path) -> dict[str, dict[str, bytes]]:
    found = {}
    for path in sorted(place.rglob("*")):
        names = [name for name in os.listxattr(path, follow_symlinks=False) if not name.startswith("trusted.overlay.")]
        found[str(path.relative_to(place))] = {n: os.getxattr(path, n, follow_symlinks=False) for n in names}
    return found


def assert_like_flat(snapshots: Snapshots, local: Local, place: Path, *, untold: tuple[str, ...] = ()) -> None:
    """The overlay of an image is what its layers make in one directory; but for the time of what no layer tells."""
    expected = flat(snapshots, local, place)
    with opened(snapshots.prepare(local)) as tree:
        ours, theirs = described(tree), described(expected)
        for name in set(untold) & theirs.keys():
            ours[name], theirs[name] = (texts[name].rpartition(" ")[0] for texts in (ours, theirs))
        assert ours == theirs
        assert attributes(tree) == attributes(expected)


def base() -> Archive:
    archive = (
        Archive().directory("usr").directory("usr/lib", mode=0o2751, uid=3, gid=4, mtime=77).link("lib", "usr/lib")
    )
    archive.add("usr/lib/a", b"a", mtime=5).directory("etc", mode=0o700).add(
        "etc/passwd", b"root:x:0:0::/:\n", mode=0o640
    )
    archive.directory("gone").add("gone/x", b"1").directory("renewed").add("renewed/old", b"1")
    return archive.add("file", b"lower", pax_headers={"SCHILY.xattr.user.note": "text"}).hard_link("same", "file")


@pytest.mark.guest
def test_layers_become_one_tree(snapshots: Snapshots, tmp_path: Path) -> None:
    upper = Archive().add(".wh.gone").directory("renewed").add("renewed/.wh..wh..opq").add("renewed/new", b"2")
    upper.add("file", b"upper").directory("etc", mode=0o755).add("etc/group", b"").add("etc/.wh.passwd")
    local = image(snapshots, "app", base(), upper)
    assert_like_flat(snapshots, local, tmp_path / "flat")
    with opened(snapshots.prepare(local)) as tree:
        assert (tree / "same").read_bytes() == b"lower" and (tree / "file").read_bytes() == b"upper"
        assert not (tree / "gone").exists()
        assert os.listdir(tree / "renewed") == ["new"]


def test_a_second_image_unpacks_only_what_is_new(snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    write = Unpacker.write

    def recorded(self: Unpacker, layer: object, directory: int, whiteouts: object) -> object:
        written.append(layer.diff_id)  # type: ignore[attr-defined]
        return write(self, layer, directory, whiteouts)  # type: ignore[arg-type]

    monkeypatch.setattr(Unpacker, "write", recorded)
    first = snapshots.prepare(image(snapshots, "first", base(), Archive().add("one", b"1")))
    assert len(written) == 2
    # Over another base, too: what lies below does not matter to it.
    local = image(snapshots, "second", base(), Archive().add("two", b"2"), Archive().add("one", b"1"))
    second = snapshots.prepare(local)
    assert written[2:] == [local.layers[1].diff_id]
    assert set(first.directories) < set(second.directories)
    assert snapshots.prepare(local) == second and len(written) == 3


def test_usage_is_recorded(snapshots: Snapshots) -> None:
    first = image(snapshots, "first", Archive().add("big", b"x" * 100_000).hard_link("also", "big").directory("d"))
    second = image(snapshots, "second", Archive().add("big", b"x" * 100_000).hard_link("also", "big").directory("d"),
                   Archive().add("small", b"1"))  # fmt: skip
    assert snapshots.usage(first) is None
    snapshots.prepare(first)
    snapshots.prepare(second)
    usage, both = snapshots.usage(first), snapshots.usage(second)
    assert usage is not None and both is not None
    assert usage.inodes == 3 and 100_000 < usage.bytes < 150_000
    assert both.inodes == 5
    assert (snapshots.total().bytes, snapshots.total().inodes) == (both.bytes, both.inodes)


def test_directories_that_a_layer_only_implies_are_those_below(snapshots: Snapshots, tmp_path: Path) -> None:
    upper = Archive().add("usr/lib/b", b"b").add("etc/new", b"n").add("nowhere/deep/file", b"f")
    # Told later in the same archive.
    upper.add("told/file", b"1").directory("told", mode=0o711, uid=9)
    local = image(snapshots, "app", base(), upper)
    with opened(snapshots.prepare(local)) as tree:
        status = (tree / "usr/lib").stat()
        assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, status.st_mtime) == (0o2751, 3, 4, 77)
        assert stat.S_IMODE((tree / "etc").stat().st_mode) == 0o700
        assert stat.S_IMODE((tree / "nowhere").stat().st_mode) == 0o755
        assert (stat.S_IMODE((tree / "told").stat().st_mode), (tree / "told").stat().st_uid) == (0o711, 9)
    assert_like_flat(snapshots, local, tmp_path / "flat", untold=("nowhere", "nowhere/deep"))
    chain = chain_ids(layer.diff_id for layer in local.layers)
    assert snapshots.prepare(local).names == (chained(chain[1]), standalone(chain[0]))


@pytest.mark.guest
def test_files_below_a_link_of_a_lower_layer_are_where_that_leads(snapshots: Snapshots, tmp_path: Path) -> None:
    upper = Archive().add("lib/through", b"1").add("lib/sub/deep", b"2").add("lib/.wh.a")
    local = image(snapshots, "app", base(), upper)
    with opened(snapshots.prepare(local)) as tree:
        assert os.readlink(tree / "lib") == "usr/lib"
        assert (tree / "usr/lib/through").read_bytes() == b"1" and (tree / "usr/lib/sub/deep").read_bytes() == b"2"
        assert not (tree / "usr/lib/a").exists()
    assert_like_flat(snapshots, local, tmp_path / "flat", untold=("usr/lib", "usr/lib/sub"))


def test_a_hard_link_to_a_file_of_a_lower_layer(snapshots: Snapshots, tmp_path: Path) -> None:
    local = image(snapshots, "app", base(), Archive().hard_link("etc/linked", "usr/lib/a").add("new", b"1"))
    with opened(snapshots.prepare(local)) as tree:
        assert (tree / "etc/linked").read_bytes() == b"a"
    assert_like_flat(snapshots, local, tmp_path / "flat")
    with pytest.raises(ImageError, match="'linked': a hard link to what is not in the layer"):
        snapshots.prepare(image(snapshots, "bad", Archive().hard_link("linked", "nowhere")))
    with pytest.raises(ImageError, match="a hard link to what is not in the layer"):
        snapshots.prepare(image(snapshots, "worse", base(), Archive().hard_link("linked", "nowhere")))


@pytest.mark.parametrize(
    "make",
    [
        # Gone and made anew by one layer: nothing of what was in it shows.
        lambda: Archive().add(".wh.gone").directory("gone").add("gone/new", b"1"),
        lambda: Archive().add(".wh.gone").add("gone/new", b"1"),
        lambda: Archive().add(".wh.gone").add("gone/sub/new", b"1"),
        lambda: Archive().add(".wh.gone").add("gone", b"a file"),
        lambda: Archive().add(".wh.gone").link("gone", "etc"),
        lambda: Archive().directory("gone").add("gone/.wh..wh..opq").add("gone/new", b"1").add("gone/.wh.new"),
        lambda: Archive().add("gone/.wh..wh..opq").directory("gone").add("gone/new", b"1"),
        lambda: Archive().add("etc/.wh.none").add("none/.wh.none").add(".wh.usr"),
        lambda: Archive().add("lib/.wh.a").add(".wh.lib"),
        lambda: Archive().add("gone", b"a file over a directory"),
        lambda: Archive().directory("file").add("file/below", b"1"),
    ],
)
def test_whiteouts_in_odd_forms(snapshots: Snapshots, tmp_path: Path, make: Callable[[], Archive]) -> None:
    local = image(snapshots, "app", base(), make())
    assert_like_flat(snapshots, local, tmp_path / "flat", untold=("gone", "gone/sub", "none", "usr/lib"))


def test_whiteouts_of_nothing_show_nowhere(snapshots: Snapshots) -> None:
    lowest = (
        Archive().add(".wh.none").directory("d").add("d/.wh.x").add("e/.wh..wh..opq").add("e/.wh.y").add("e/z", b"1")
    )
    for layers in ([lowest], [lowest, Archive().directory("d").directory("new").add("new/.wh.x").add("new/y", b"1")]):
        with opened(snapshots.prepare(image(snapshots, f"app{len(layers)}", *layers))) as tree:
            shown = {path: sorted(os.listdir(tree / path)) for path in (".", *sorted(os.listdir(tree)))}
        assert shown == {".": ["d", "e"], "d": [], "e": ["z"]} | (
            {".": ["d", "e", "new"], "new": ["y"]} if len(layers) == 2 else {}
        )


def test_what_overlayfs_believes_is_not_an_images_to_say(snapshots: Snapshots, tmp_path: Path) -> None:
    headers = {
        "SCHILY.xattr.trusted.overlay.opaque": "y",
        "SCHILY.xattr.trusted.overlay.redirect": "/usr/lib",
        "SCHILY.xattr.trusted.overlay.metacopy": "",
        "SCHILY.xattr.trusted.overlay.whiteout": "y",
        "SCHILY.xattr.user.overlay.opaque": "y",
        "SCHILY.xattr.user.overlay.redirect": "/usr/lib",
    }
    upper = Archive().directory("gone", pax_headers=headers).directory("renewed", pax_headers=headers)
    upper.add("etc/empty", b"", pax_headers=headers).add("gone/new", b"1", pax_headers=headers)
    local = image(snapshots, "app", base(), upper)
    assert_like_flat(snapshots, local, tmp_path / "flat")
    with opened(snapshots.prepare(local)) as tree:
        assert sorted(os.listdir(tree / "gone")) == ["new", "x"]
    white = Archive().add("gone", kind=tarfile.CHRTYPE, devmajor=0, devminor=0)
    with pytest.raises(ImageError, match="a device that overlayfs takes for a whiteout"):
        snapshots.prepare(image(snapshots, "bad", base(), white))


def test_a_layer_that_occurs_twice(snapshots: Snapshots, tmp_path: Path) -> None:
    again = Archive().add("file", b"again").directory("renewed").add("renewed/.wh..wh..opq").finish()
    between = Archive().add("file", b"between").add(".wh.etc").directory("renewed").add("renewed/mid", b"1").finish()
    local = add_image(snapshots.store, "test.example/twice:1", [base().finish(), again, between, again])
    assert len(snapshots.prepare(local).directories) == 3
    assert_like_flat(snapshots, local, tmp_path / "flat")


def test_a_layer_that_occurs_twice_and_depends_on_what_is_below(snapshots: Snapshots, tmp_path: Path) -> None:
    again = Archive().add("lib/x", b"x").add("etc/y", b"y").finish()
    between = Archive().add(".wh.etc").directory("etc", mode=0o711).finish()
    local = add_image(snapshots.store, "test.example/twice:1", [base().finish(), again, between, again])
    assert_like_flat(snapshots, local, tmp_path / "flat", untold=("usr/lib",))


def test_the_root_directory_is_what_the_uppermost_layer_says_that_has_it(snapshots: Snapshots) -> None:
    lower = Archive().directory(".", mode=0o750, uid=7, gid=8, mtime=5).add("a", b"1")
    stack = snapshots.prepare(image(snapshots, "app", lower, Archive().add("b", b"1")))
    status = os.stat(stack.root)
    assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o750, 7, 8)
    untold = snapshots.prepare(image(snapshots, "other", Archive().add("c", b"1")))
    assert (untold.root, stat.S_IMODE(os.stat(untold.directories[0]).st_mode)) == ("", 0o755)


def test_images_without_layers_and_with_many(snapshots: Snapshots) -> None:
    with opened(snapshots.prepare(image(snapshots, "none"))) as tree:
        assert os.listdir(tree) == []
    layers = [Archive().add(f"file{number}", b"1").add("last", str(number).encode()) for number in range(40)]
    with opened(snapshots.prepare(image(snapshots, "many", *layers))) as tree:
        assert len(os.listdir(tree)) == 41
        assert (tree / "last").read_text() == "39"


def test_a_layer_that_is_not_what_its_image_says_leaves_nothing(snapshots: Snapshots) -> None:
    layers = [base().finish(), Archive().add("x", b"1").finish(), Archive().add("y", b"1").finish()]
    told = [f"sha256:{number * 64}" for number in "123"]
    local = add_image(snapshots.store, "test.example/liar:1", layers, diff_ids=told)
    with pytest.raises(ImageError, match="its archive has the digest"):
        snapshots.prepare(local)
    assert os.listdir(snapshots.layers) == []


def test_threads_and_processes_share_the_work(snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[object] = []
    write = Unpacker.write

    def recorded(self: Unpacker, layer: object, directory: int, whiteouts: object) -> object:
        written.append(layer)
        return write(self, layer, directory, whiteouts)  # type: ignore[arg-type]

    monkeypatch.setattr(Unpacker, "write", recorded)
    # One stands alone, one needs to know what is below; the other image has them the other way round.
    one, two = Archive().add("lib/x", b"x").finish(), Archive().add("etc/y", b"y" * 100_000).finish()
    images = [
        add_image(snapshots.store, "test.example/a:1", [base().finish(), one, two]),
        add_image(snapshots.store, "test.example/b:1", [base().finish(), two, one]),
    ]
    results: list[Stack] = []

    def prepare(local: Local) -> None:
        with ImageStore(snapshots.store.root) as store:
            results.append(Snapshots(store).prepare(local))

    threads = [threading.Thread(target=prepare, args=(images[0],)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # The base, both layers, and the one that leads through a link once more over what is below.
    assert len(written) == 4 and len(set(results)) == 1
    threads = [threading.Thread(target=prepare, args=(images[number % 2],)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 12 and len(set(results)) == 2


def test_what_was_not_written_to_disk_counts_for_one_boot(
    snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = image(snapshots, "app", base())
    stack = snapshots.prepare(local)
    os.unlink(f"{stack.directories[0]}/file")
    later = Snapshots(snapshots.store)
    monkeypatch.setattr(later, "_boot", "another boot")
    assert later.find(local) is None
    # It is unpacked again, and then written out.
    assert later.prepare(local) == stack
    assert os.listdir(later.trash) == []
    assert Path(f"{stack.directories[0]}/file").read_bytes() == b"lower"
    later.settle()
    assert snapshots.find(local) == stack
    collect(snapshots)

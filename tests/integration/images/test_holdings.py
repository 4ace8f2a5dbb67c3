"""What containers hold: a tree of their own, layers that stay meanwhile, and nothing when they are gone."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from firkin.errors import ImageError, KernelError
from firkin.oci.snapshots.garbage import Removed, check, collect, living_holdings
from firkin.oci.snapshots.holding import Holding, read_holding
from firkin.oci.snapshots.overlay import mount, open_users
from firkin.oci.snapshots.store import Snapshots
from firkin.oci.snapshots.trees import Ids, remove_tree
from firkin.oci.store.images import ImageStore, Local
from tests.support.archives import Archive, described
from tests.support.local_image import add_image
from tests.support.overlays import overlay_place

pytestmark = pytest.mark.requires("root", "overlay")
IDS = Ids([(0, 100_000, 65536)], [(0, 200_000, 65536)])


@pytest.fixture
def snapshots(tmp_path: Path) -> Iterator[Snapshots]:
    with overlay_place(tmp_path / "images") as place, ImageStore(str(place)) as store:
        yield Snapshots(store)


@pytest.fixture
def nested(tmp_path: Path) -> Iterator[Snapshots]:
    """A store on an overlay, over which no other overlay can be mounted."""
    with overlay_place(tmp_path / "outer") as place:
        for name in ("l", "u", "w", "nested"):
            (place / name).mkdir()
        options = f"lowerdir={place}/l,upperdir={place}/u,workdir={place}/w"
        subprocess.run(["mount", "-t", "overlay", "-o", options, "overlay", place / "nested"], check=True)
        try:
            with ImageStore(str(place / "nested/images")) as store:
                yield Snapshots(store)
        finally:
            subprocess.run(["umount", "--lazy", place / "nested"], check=True)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", place], check=True)
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def base() -> Archive:
    archive = Archive().directory(".", mode=0o751, uid=5, gid=6).directory("d", mode=0o2750, uid=7, gid=8)
    return archive.add("d/f", b"data", uid=7, gid=8, mode=0o4755).link("l", "d").directory("gone").add("gone/x", b"1")


def image(snapshots: Snapshots, name: str = "app", *layers: Archive) -> Local:
    archives = layers or (
        base(),
        Archive().add(".wh.gone").directory("d", mode=0o2750, uid=7, gid=8).add("d/g", b"new"),
    )
    return add_image(snapshots.store, f"test.example/{name}:1", [layer.finish() for layer in archives])


@pytest.mark.guest
def test_a_root_is_the_image_and_can_be_written_to(snapshots: Snapshots, tmp_path: Path) -> None:
    with Holding(snapshots, str(tmp_path / "record"), "web") as holding:
        stack = holding.take(image(snapshots))
        root = holding.make_root(stack)
        assert root.overlay is not None and os.listdir(root.path) == []
        fd = mount(root.overlay)
        tree = Path(f"/proc/self/fd/{fd}")
        status = os.fstat(fd)
        assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o751, 5, 6)
        assert sorted(described(tree)) == ["d", "d/f", "d/g", "l"]
        (tree / "d/f").write_text("changed")
        (tree / "new").write_text("new")
        os.close(fd)
        assert (Path(stack.directories[-1]) / "d/f").read_text() == "data"
        assert (Path(holding.path) / "upper/d/f").read_text() == "changed"
    assert os.path.isdir(holding.path)


def test_an_exception_leaves_nothing(snapshots: Snapshots, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), Holding(snapshots, str(tmp_path / "record"), "web") as holding:
        holding.make_root(holding.take(image(snapshots)))
        raise RuntimeError
    assert os.listdir(snapshots.holdings) == []


@pytest.mark.guest
def test_ids_of_a_user_namespace(snapshots: Snapshots, tmp_path: Path) -> None:
    with Holding(snapshots, str(tmp_path / "record"), "web") as holding:
        stack = holding.take(image(snapshots))
        root = holding.make_root(stack, IDS)
        # A file system that maps no ids, as those in memory before Linux 6.3, has copies with other owners instead.
        assert (root.overlay is None) is bool(holding.why_copied(stack, IDS))
        users = open_users(b"0 100000 65536\n", b"0 200000 65536\n")
        fd = mount(root.overlay, users) if root.overlay else os.open(root.path, os.O_RDONLY)
        try:
            for path, owner in ((".", (100_005, 200_006)), ("d/f", (100_007, 200_008)), ("l", (100_000, 200_000))):
                status = os.stat(path, dir_fd=fd, follow_symlinks=False)
                assert (status.st_uid, status.st_gid) == owner
        finally:
            os.close(fd)
            os.close(users)


@pytest.mark.guest
def test_where_no_overlay_is_possible_it_is_a_copy(nested: Snapshots, tmp_path: Path) -> None:
    local = image(nested)
    with Holding(nested, str(tmp_path / "record"), "web") as holding:
        stack = holding.take(local)
        assert "make a whiteout" in holding.why_copied(stack)
        root = holding.make_root(stack)
        assert root.overlay is None
        assert sorted(described(Path(root.path))) == ["d", "d/f", "d/g", "l"]
        assert described(Path(root.path)) == described(Path(stack.directories[0]))
        status = os.stat(root.path)
        assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o751, 5, 6)
        (Path(root.path) / "d/f").write_text("changed")
        assert (Path(stack.directories[0]) / "d/f").read_text() == "data"
        with Holding(nested, str(tmp_path / "record"), "other") as second:
            copy = Path(second.make_root(second.take(local), IDS).path)
            status = (copy / "d/f").stat()
            assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (100_007, 200_008, 0o4755)
            assert (copy / "d/f").read_text() == "data"
        with (
            Holding(nested, str(tmp_path / "record"), "third") as third,
            pytest.raises(ImageError, match="map more ids"),
        ):
            third.make_root(third.take(local), Ids([(0, 100_000, 7)], [(0, 1, 10)]))
    assert list(check(nested)) == []


def test_volumes_begin_with_what_the_image_has(snapshots: Snapshots, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("the host's")
    hostile = (
        Archive()
        .link("up", "../../../../../.." + str(tmp_path))
        .link("abs", str(tmp_path))
        .directory("d")
        .add("d/f", b"1")
    )
    with Holding(snapshots, str(tmp_path / "record"), "web") as holding:
        tree = holding.take(image(snapshots, "app", hostile)).open()
        try:
            volumes = [holding.make_volume(tree, path) for path in ("/d", "/none", "/up", "/abs", "/d/../d/")]
            owned = holding.make_volume(tree, "/d", IDS)
        finally:
            os.close(tree)
        assert [os.listdir(volume) for volume in volumes] == [["f"], [], [], [], ["f"]]
        assert (os.stat(f"{owned}/f").st_uid, os.stat(owned).st_gid) == (100_000, 200_000)


def test_layers_stay_as_long_as_somebody_holds_them(snapshots: Snapshots, tmp_path: Path) -> None:
    local, record = image(snapshots), tmp_path / "record"
    other = image(snapshots, "other", Archive().add("x", b"1"))
    snapshots.prepare(other)
    holding = Holding(snapshots, str(record), "web")
    holding.make_root(holding.take(local))
    for name in ("app", "other"):
        snapshots.store.metadata.remove_image(f"test.example/{name}:1")
    # Locked, without a record: its maker is about to write that.
    assert collect(snapshots)[::2] == (1, 0)
    assert [held.container for held in living_holdings(snapshots)] == ["web"]
    # Unlocked, and named by the record.
    record.write_text(f'{{"holding": "{holding.path}"}}')
    holding.close()
    assert collect(snapshots) == Removed(0, 0, 0)
    (held,) = living_holdings(snapshots)
    assert held.images == (("test.example/app:1", local.manifest.config.digest),)
    assert snapshots.find(local) is not None
    # Another container of the same name is not this one.
    record.write_text('{"holding": "other"}')
    removed = collect(snapshots)
    assert (removed.layers, removed.holdings) == (2, 1) and removed.bytes > 0
    assert (os.listdir(snapshots.holdings), os.listdir(snapshots.layers), os.listdir(snapshots.trash)) == ([], [], [])


def test_a_holding_without_words_is_nobodys(snapshots: Snapshots, tmp_path: Path) -> None:
    for text in (None, "", "{", "[]", '{"holder": 1}', '{"holder": "/none", "images": [], "layers": []}'):
        place = Path(snapshots.holdings) / f"x{text}".replace("/", "")
        place.mkdir()
        if text is not None:
            (place / "holding.json").write_text(text)
        (place / "rootfs").mkdir()
    assert collect(snapshots).holdings == 6
    assert read_holding(str(tmp_path)) is None


def test_what_a_crash_leaves_is_removed(snapshots: Snapshots) -> None:
    local = image(snapshots)
    snapshots.prepare(local)
    for path in (
        "layers/layer-sha256-unrecorded/x",
        "new/layer-sha256-begun/fs",
        "new/private-1/work/work",
        "trash/1/2",
    ):
        os.makedirs(f"{snapshots.root}/{path}", 0)
    Path(f"{snapshots.root}/trash/file").touch()
    assert collect(snapshots) == Removed(0, 0, 0)
    assert len(os.listdir(snapshots.layers)) == 2
    assert os.listdir(snapshots.new) == os.listdir(snapshots.trash) == []


def test_fsck_tells_what_is_missing(snapshots: Snapshots) -> None:
    stack = snapshots.prepare(image(snapshots))
    os.unlink(f"{stack.directories[0]}/d/g")
    assert [line.partition(": ")[2] for line in check(snapshots)] == ["has 3 files and directories, 4 were written"]
    remove_tree(stack.directories[0])
    assert [line.partition(": ")[2] for line in check(snapshots)] == ["is missing"]
    # It is made again.
    assert snapshots.prepare(image(snapshots)) == stack
    assert list(check(snapshots)) == []


def test_a_full_disk_is_told_and_leaves_nothing(small: Path, tmp_path: Path) -> None:
    with ImageStore(str(small / "images")) as store:
        snapshots = Snapshots(store)
        noise = os.urandom(1 << 20)
        local = image(
            snapshots, "app", Archive().add("a", b"1"), Archive().add("b", noise).add("c", noise).add("d", noise)
        )
        with pytest.raises(KernelError) as caught:
            snapshots.prepare(local)
        assert caught.value.errno == errno.ENOSPC and "test.example/app:1" in str(caught.value)
        assert os.listdir(snapshots.new) == []
        assert list(check(snapshots)) == []
        with pytest.raises(KernelError), Holding(snapshots, str(tmp_path / "record"), "web") as holding:
            holding.take(local)
        assert os.listdir(snapshots.holdings) == []
    fd = os.open(small / "fill", os.O_CREAT | os.O_WRONLY)
    try:
        with pytest.raises(OSError, match="No space"):
            while os.write(fd, bytes(4096)):
                pass
    finally:
        os.close(fd)
    with pytest.raises(KernelError, match=r"metadata.db: No space left on device"):
        ImageStore(str(small / "images"))
    # With the room it takes it goes on.
    subprocess.run(["mount", "-o", "remount,size=20m", small], check=True)
    with ImageStore(str(small / "images")) as store:
        assert len(Snapshots(store).prepare(local).directories) == 2


UNPACK = """
import sys
from firkin.oci.image.reference import parse_reference
from firkin.oci.snapshots.holding import Holding
from firkin.oci.snapshots.store import Snapshots
from firkin.oci.store.images import ImageStore
with ImageStore(sys.argv[1]) as store:
    snapshots = Snapshots(store)
    local = store.find(parse_reference("test.example/app:1"))
    print("ready", flush=True)
    with Holding(snapshots, "/none", "web") as holding:
        holding.make_root(holding.take(local))
"""


def test_killed_at_any_moment_the_next_one_finishes(snapshots: Snapshots) -> None:
    layers = [Archive() for _ in range(4)]
    for number, layer in enumerate(layers):
        for name in range(200):
            layer.add(f"d{number}/f{name}", os.urandom(500))
    local = image(snapshots, "app", *layers)
    for seconds in (0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15):
        child = subprocess.Popen([sys.executable, "-P", "-c", UNPACK, snapshots.store.root], stdout=subprocess.PIPE)
        assert child.stdout and child.stdout.readline() == b"ready\n"
        time.sleep(seconds)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        assert list(check(snapshots)) == []
    stack = snapshots.prepare(local)
    assert len(stack.directories) == 4 and list(check(snapshots)) == []
    collect(snapshots)
    assert os.listdir(snapshots.new) == os.listdir(snapshots.holdings) == os.listdir(snapshots.trash) == []
    assert snapshots.find(local) == stack

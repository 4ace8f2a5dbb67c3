"""Destinations inside a volume that somebody changes while the container is being made (CVE-2021-30465 and its kin)."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.security.rename_exchange import Swapper
from tests.security.sentinel import SECRET, Sentinel
from tests.support.bundle import Bundle, Firkin
from tests.support.mountinfo import parse_mountinfo

pytestmark = pytest.mark.requires("root", "cgroup2")

_SECONDS = 0.6
_KINDS = ("tmpfs", "bind", "bind-file", "legacy", "device", "cwd", "mask", "readonly")


def _volume(bundle: Bundle, path: Path, target: str) -> tuple[Path, Path]:
    # `door` is a directory, `trap` a link; the attacker exchanges them.
    door, trap = path / "door", path / "trap"
    for name in ("directory", "etc", "made"):
        (door / name).mkdir(parents=True)
    for name in ("file", "passwd"):
        (door / name).touch()
    trap.symlink_to(target)
    bundle.mount("/volume", "bind", str(path), "bind")
    return door, trap


def _aim(bundle: Bundle, kind: str, tmp_path: Path) -> None:
    if kind == "tmpfs":
        bundle.mount("/volume/door/directory", "tmpfs", "tmpfs")
    elif kind == "legacy":
        bundle.mount("/volume/door/directory", "tmpfs", "tmpfs", f"mode={'0' * 300}755")
    elif kind == "bind":
        (tmp_path / "source").mkdir()
        bundle.mount("/volume/door/directory/new", "bind", str(tmp_path / "source"), "bind")
    elif kind == "bind-file":
        (tmp_path / "source").touch()
        bundle.mount("/volume/door/created", "bind", str(tmp_path / "source"), "bind")
    elif kind == "device":
        bundle.linux["devices"] = [{"path": "/volume/door/node", "type": "c", "major": 1, "minor": 3, "uid": 9}]
    elif kind == "cwd":
        bundle.process["cwd"] = "/volume/door/made/here"
    elif kind == "mask":
        bundle.linux["maskedPaths"] += ["/volume/door/file", "/volume/door/directory"]
    else:
        bundle.linux["readonlyPaths"] += ["/volume/door/directory", "/volume/door"]


@pytest.mark.parametrize(("kind", "lead"), list(zip(_KINDS, ["sentinel", "escape"] * 4, strict=True)))
def test_race_for_a_destination_never_reaches_the_host(
    firkin: Firkin, bundle: Bundle, sentinel: Sentinel, tmp_path: Path, kind: str, lead: str
) -> None:
    target = str(sentinel.path) if lead == "sentinel" else f"{'../' * 30}{str(sentinel.path)[1:]}"
    door, trap = _volume(bundle, tmp_path / "volume", target)
    _aim(bundle, kind, tmp_path)
    bundle.shell(f"cat file ./*/file /volume/*/file {sentinel.path}/file").save()
    deadline, runs = time.monotonic() + _SECONDS, 0
    with Swapper(door, trap) as swapper:
        while time.monotonic() < deadline:
            id = firkin.new_id()
            done = firkin("run", "-b", bundle.path, id, check=False)
            assert SECRET not in done.stdout
            assert firkin.leftovers(id) == []
            sentinel.check()
            runs += 1
    assert runs and swapper.count > 100 * runs


def test_race_for_the_whole_root_directory_of_a_volume(
    firkin: Firkin, bundle: Bundle, sentinel: Sentinel, tmp_path: Path
) -> None:
    door, trap = _volume(bundle, tmp_path / "volume", "/")
    bundle.mount("/volume/door/etc", "tmpfs", "tmpfs")
    bundle.mount("/volume/door/etc/deeper", "tmpfs", "tmpfs")
    bundle.shell("ls -d /volume/trap/* /volume/door/*").save()
    inside = {"directory", "etc", "made", "file", "passwd", *(path.name for path in bundle.rootfs.iterdir()), "volume"}
    deadline = time.monotonic() + _SECONDS
    with Swapper(door, trap):
        while time.monotonic() < deadline:
            done = firkin("run", "-b", bundle.path, firkin.new_id(), check=False)
            seen = {line.rpartition("/")[2] for line in done.stdout.splitlines()}
            assert seen <= inside | {"*"}


@pytest.mark.parametrize(("name", "kind"), [("proc", "proc"), ("sys", "sysfs")])
def test_race_for_proc_never_puts_it_elsewhere(
    firkin: Firkin, bundle: Bundle, sentinel: Sentinel, name: str, kind: str
) -> None:
    # Other mounts, such as that of the cgroup below /sys, may be led to any place in the root file system.
    place, trap = bundle.rootfs / name, bundle.rootfs / "trap"
    (bundle.rootfs / "fake").mkdir()
    trap.symlink_to("fake")
    bundle.shell("cat /proc/self/mountinfo || cat /fake/self/mountinfo").save()
    outcomes = set()
    deadline = time.monotonic() + _SECONDS
    with Swapper(place, trap):
        while time.monotonic() < deadline:
            done = firkin("run", "-b", bundle.path, firkin.new_id(), check=False)
            mounts = parse_mountinfo(done.stdout)
            assert [place for place, mount in mounts.items() if mount.type == kind and "fake" in place] == []
            outcomes.add(done.returncode)
    assert outcomes <= {0, 1}

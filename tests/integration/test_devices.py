"""Devices: those that every container has, and those of the document."""

from __future__ import annotations

import os
import stat

import pytest

from tests.support.bundle import Bundle, Firkin

pytestmark = pytest.mark.requires("root", "cgroup2")

_DEFAULT = {
    "/dev/null": "1:3",
    "/dev/zero": "1:5",
    "/dev/full": "1:7",
    "/dev/random": "1:8",
    "/dev/urandom": "1:9",
    "/dev/tty": "5:0",
}


def _stat(firkin: Firkin, bundle: Bundle, *paths: str) -> list[list[str]]:
    # Type, octal mode, owner, group and hexadecimal device number of each.
    script = f"stat -c '%F|%a|%u|%g|%t:%T' {' '.join(paths)}"
    return [line.split("|") for line in firkin.run(bundle.shell(script)).splitlines()]


def test_default_devices(firkin: Firkin, bundle: Bundle) -> None:
    found = _stat(firkin, bundle, *_DEFAULT)
    assert found == [["character special file", "666", "0", "0", number] for number in _DEFAULT.values()]


def test_default_devices_work(firkin: Firkin, bundle: Bundle) -> None:
    script = (
        "echo x > /dev/null; head -c 4 /dev/zero | od -An -tx1; head -c 16 /dev/urandom | wc -c;"
        "head -c 4 /dev/random | wc -c; echo x 2>&1 > /dev/full | head -n 1"
    )
    zeros, urandom, random, full = firkin.run(bundle.shell(script)).splitlines()
    assert (zeros.split(), urandom, random) == (["00"] * 4, "16", "4")
    assert full.endswith("No space left on device")


def test_default_links(firkin: Firkin, bundle: Bundle) -> None:
    names = ("fd", "stdin", "stdout", "stderr", "ptmx")
    script = "; ".join(f"readlink /dev/{name}" for name in names)
    assert firkin.run(bundle.shell(script)).split() == [
        "/proc/self/fd",
        "/proc/self/fd/0",
        "/proc/self/fd/1",
        "/proc/self/fd/2",
        "pts/ptmx",
    ]


def test_devices_of_the_document(firkin: Firkin, bundle: Bundle) -> None:
    bundle.linux["devices"] = [
        {"path": "/dev/one", "type": "c", "major": 10, "minor": 229, "fileMode": 0o640, "uid": 1, "gid": 2},
        {"path": "/dev/deep/two", "type": "b", "major": 259, "minor": 1000},
        {"path": "/dev/three", "type": "u", "major": 1, "minor": 3, "fileMode": 0o400},
        {"path": "/dev/four", "type": "p", "fileMode": 0o622},
    ]
    assert _stat(firkin, bundle, "/dev/one", "/dev/deep/two", "/dev/three", "/dev/four") == [
        ["character special file", "640", "1", "2", "a:e5"],
        ["block special file", "666", "0", "0", "103:3e8"],
        ["character special file", "400", "0", "0", "1:3"],
        ["fifo", "622", "0", "0", "0:0"],
    ]


def test_document_may_change_a_default_device(firkin: Firkin, bundle: Bundle) -> None:
    bundle.linux["devices"] = [{"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o600, "uid": 7}]
    assert _stat(firkin, bundle, "/dev/null") == [["character special file", "600", "7", "0", "1:3"]]


def test_devices_are_made_in_the_root_where_nothing_is_mounted_on_dev(firkin: Firkin, bundle: Bundle) -> None:
    bundle.without_mount("/dev", "/dev/pts", "/dev/shm", "/dev/mqueue")
    assert _stat(firkin, bundle, "/dev/null") == [["character special file", "666", "0", "0", "1:3"]]
    assert stat.S_ISCHR((bundle.rootfs / "dev/null").lstat().st_mode)
    assert firkin.run(bundle.shell("echo again")) == "again\n", "what is there already is taken"


def test_other_file_in_the_place_of_a_device_is_an_error(firkin: Firkin, bundle: Bundle) -> None:
    bundle.without_mount("/dev", "/dev/pts", "/dev/shm", "/dev/mqueue")
    (bundle.rootfs / "dev/null").write_text("")
    assert firkin.fails(bundle) == "linux.devices: mknod /dev/null: File exists"


def test_other_device_in_the_place_of_a_device_is_an_error(firkin: Firkin, bundle: Bundle) -> None:
    bundle.without_mount("/dev", "/dev/pts", "/dev/shm", "/dev/mqueue")
    os.mknod(bundle.rootfs / "dev/zero", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    assert firkin.fails(bundle) == "linux.devices: mknod /dev/zero: File exists"


def test_bound_dev_is_left_as_it_is(firkin: Firkin, bundle: Bundle) -> None:
    bundle.without_mount("/dev", "/dev/pts", "/dev/shm", "/dev/mqueue")
    bundle.mount("/dev", "bind", "/dev", "rbind")
    before = sorted(os.listdir("/dev"))
    assert firkin.run(bundle.shell("ls -A /dev")).split() == before
    assert sorted(os.listdir("/dev")) == before


@pytest.mark.requires("userns")
def test_devices_of_a_user_namespace_are_the_hosts(firkin: Firkin, bundle: Bundle) -> None:
    bundle.user_namespace()
    bundle.linux["devices"] = [
        {"path": "/dev/zero", "type": "c", "major": 1, "minor": 5},
        {"path": "/dev/pipe", "type": "p"},
    ]
    found = _stat(firkin, bundle, *_DEFAULT, "/dev/pipe")
    assert [(row[0], row[4]) for row in found[:-1]] == [("character special file", n) for n in _DEFAULT.values()]
    assert found[-1][0] == "fifo"
    assert firkin.run(bundle.shell("echo x > /dev/null; head -c 2 /dev/zero | wc -c")) == "2\n"


@pytest.mark.requires("userns")
def test_device_that_the_host_does_not_have_can_not_be_had_in_a_user_namespace(firkin: Firkin, bundle: Bundle) -> None:
    bundle.user_namespace().linux["devices"] = [{"path": "/dev/absent", "type": "c", "major": 1, "minor": 5}]
    assert firkin.fails(bundle) == "linux.devices[0]: /dev/absent: no such file or directory"


@pytest.mark.requires("userns")
def test_device_of_a_user_namespace_must_have_its_number(firkin: Firkin, bundle: Bundle) -> None:
    bundle.user_namespace().linux["devices"] = [{"path": "/dev/null", "type": "c", "major": 1, "minor": 5}]
    assert firkin.fails(bundle).startswith("linux.devices[0]: open device tree /dev/null: ")

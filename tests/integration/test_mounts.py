"""Mounts: every option as the kernel shows it inside, every kind of source and target."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bundle import Bundle, Firkin, make_rootfs
from tests.support.mountinfo import Mounted, parse_mountinfo

pytestmark = pytest.mark.requires("root", "cgroup2")

# Options of a new tmpfs -> what its mount shows beside "relatime", what its superblock shows.
_NEW = {
    "async": ({"rw"}, {"rw"}),
    "atime": ({"rw"}, {"rw"}),
    "defaults": ({"rw"}, {"rw"}),
    "dev": ({"rw"}, {"rw"}),
    "diratime": ({"rw"}, {"rw"}),
    "dirsync": ({"rw"}, {"rw", "dirsync"}),
    "exec": ({"rw"}, {"rw"}),
    "iversion": ({"rw"}, {"rw"}),
    "lazytime": ({"rw"}, {"rw", "lazytime"}),
    "loud": ({"rw"}, {"rw"}),
    "nodev": ({"rw", "nodev"}, {"rw"}),
    "nodiratime": ({"rw", "nodiratime"}, {"rw"}),
    "noexec": ({"rw", "noexec"}, {"rw"}),
    "noiversion": ({"rw"}, {"rw"}),
    "nolazytime": ({"rw"}, {"rw"}),
    "norelatime": ({"rw"}, {"rw"}),
    "nostrictatime": ({"rw"}, {"rw"}),
    "nosuid": ({"rw", "nosuid"}, {"rw"}),
    "nosymfollow": ({"rw", "nosymfollow"}, {"rw"}),
    "relatime": ({"rw"}, {"rw"}),
    "ro": ({"ro"}, {"rw"}),
    "rro": ({"ro"}, {"rw"}),
    "rnoexec": ({"rw", "noexec"}, {"rw"}),
    "rw": ({"rw"}, {"rw"}),
    "silent": ({"rw"}, {"rw"}),
    "suid": ({"rw"}, {"rw"}),
    "symfollow": ({"rw"}, {"rw"}),
    "sync": ({"rw"}, {"rw", "sync"}),
    "size=64k": ({"rw"}, {"rw", "size=64k"}),
    "mode=700,uid=1,gid=2": ({"rw"}, {"rw", "mode=700", "uid=1", "gid=2"}),
    "nosuid,nodev,noexec": ({"rw", "nosuid", "nodev", "noexec"}, {"rw"}),
    "ro,rw": ({"rw"}, {"rw"}),
    "rw,ro": ({"ro"}, {"rw"}),
    "noexec,exec": ({"rw"}, {"rw"}),
    "noatime,relatime": ({"rw"}, {"rw"}),
}
_TIMES = {
    "noatime": {"rw", "noatime"},
    "strictatime": {"rw"},
    "strictatime,noatime": {"rw", "noatime"},
    "noatime,strictatime": {"rw"},
    "noatime,nodiratime": {"rw", "noatime", "nodiratime"},
}
_PROPAGATION = ("private", "rprivate", "slave", "rslave", "shared", "rshared", "unbindable", "runbindable")
_BIND = {
    "": {"rw"},
    "ro": {"ro"},
    "rw": {"rw"},
    "nosuid,nodev,noexec": {"rw", "nosuid", "nodev", "noexec"},
    "noatime": {"rw", "noatime"},
    "nodiratime": {"rw", "nodiratime"},
    "nosymfollow": {"rw", "nosymfollow"},
    "strictatime": {"rw"},
    "ro,noexec,exec": {"ro"},
}


@pytest.fixture
def host_mount(tmp_path: Path) -> Iterator[Path]:
    """A tmpfs on the host with another one below it, both peers of nobody yet."""
    outer = tmp_path / "outer"
    outer.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "outer", outer], check=True)
    (outer / "inner").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "inner", outer / "inner"], check=True)
    subprocess.run(["mount", "--make-rprivate", outer], check=True)
    (outer / "file").write_text("outer\n")
    (outer / "inner/file").write_text("inner\n")
    yield outer
    subprocess.run(["umount", "--recursive", outer], check=True)


def _mounted(firkin: Firkin, bundle: Bundle) -> dict[str, Mounted]:
    return parse_mountinfo(firkin.run(bundle.shell("cat /proc/self/mountinfo")))


def test_options_of_new_mounts(firkin: Firkin, bundle: Bundle) -> None:
    for index, options in enumerate(_NEW):
        bundle.mount(f"/mnt/{index}", "tmpfs", "tmpfs", *options.split(","))
    mounted = _mounted(firkin, bundle)
    for index, (options, (attributes, superblock)) in enumerate(_NEW.items()):
        found = mounted[f"/mnt/{index}"]
        assert found.options == attributes | {"relatime"}, options
        assert found.super_options == superblock, options


def test_options_of_access_times(firkin: Firkin, bundle: Bundle) -> None:
    for index, options in enumerate(_TIMES):
        bundle.mount(f"/mnt/{index}", "tmpfs", "tmpfs", *options.split(","))
    mounted = _mounted(firkin, bundle)
    assert {options: mounted[f"/mnt/{index}"].options for index, options in enumerate(_TIMES)} == _TIMES


def test_propagation_of_new_mounts(firkin: Firkin, bundle: Bundle) -> None:
    for word in _PROPAGATION:
        bundle.mount(f"/mnt/{word}", "tmpfs", "tmpfs", word)
    mounted = _mounted(firkin, bundle)
    for word in _PROPAGATION:
        found = mounted[f"/mnt/{word}"]
        assert found.is_shared() == (word in ("shared", "rshared")), word
        assert ("unbindable" in found.tags) == (word in ("unbindable", "runbindable")), word


def test_options_of_bind_mounts(firkin: Firkin, bundle: Bundle, host_mount: Path) -> None:
    for index, options in enumerate(_BIND):
        bundle.mount(f"/mnt/{index}", "bind", str(host_mount), "bind", *options.split(","))
    mounted = _mounted(firkin, bundle)
    for index, (options, expected) in enumerate(_BIND.items()):
        atime = set() if "atime" in options and "diratime" not in options else {"relatime"}
        assert mounted[f"/mnt/{index}"].options == expected | atime, options


@pytest.mark.parametrize("options", [("bind",), ("rbind",), ()])
def test_bind_shows_the_source(firkin: Firkin, bundle: Bundle, host_mount: Path, options: tuple[str, ...]) -> None:
    # The type alone asks for a bind mount too.
    bundle.mount("/mnt", "bind", str(host_mount), *options)
    shown = firkin.run(bundle.shell("cat /mnt/file; cat /mnt/inner/file 2>/dev/null; true"))
    assert shown == ("outer\ninner\n" if options == ("rbind",) else "outer\n")


def test_option_alone_asks_for_a_bind_mount(firkin: Firkin, bundle: Bundle, host_mount: Path) -> None:
    bundle.mount("/mnt", "none", str(host_mount), "rbind")
    assert firkin.run(bundle.shell("cat /mnt/inner/file")) == "inner\n"


def test_plain_and_recursive_attributes_of_a_tree(firkin: Firkin, bundle: Bundle, host_mount: Path) -> None:
    bundle.mount("/mnt/ro", "bind", str(host_mount), "rbind", "ro")
    bundle.mount("/mnt/rro", "bind", str(host_mount), "rbind", "rro", "rnoexec")
    mounted = _mounted(firkin, bundle)
    shown = {place: mounted[place].options & {"ro", "rw", "noexec"} for place in mounted if place.startswith("/mnt")}
    assert shown == {
        "/mnt/ro": {"ro"},
        "/mnt/ro/inner": {"rw"},
        "/mnt/rro": {"ro", "noexec"},
        "/mnt/rro/inner": {"ro", "noexec"},
    }


def test_bind_leaves_the_source_as_it_is(firkin: Firkin, bundle: Bundle, host_mount: Path) -> None:
    before = parse_mountinfo(Path("/proc/self/mountinfo").read_text())
    bundle.mount("/mnt", "bind", str(host_mount), "rbind", "rro", "rnoexec", "rshared")
    firkin.run(bundle.shell("! touch /mnt/x 2>/dev/null"))
    assert parse_mountinfo(Path("/proc/self/mountinfo").read_text()) == before


def test_bind_of_a_file(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("10.0.0.1 example\n")
    (bundle.rootfs / "etc/hosts").write_text("own\n")
    bundle.mount("/etc/hosts", "bind", str(tmp_path / "hosts"), "bind", "ro")
    script = "cat /etc/hosts; echo changed 2>/dev/null > /etc/hosts || echo refused"
    assert firkin.run(bundle.shell(script)) == "10.0.0.1 example\nrefused\n"
    assert (bundle.rootfs / "etc/hosts").read_text() == "own\n"


def test_missing_targets_are_made(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("content\n")
    bundle.mount("/new/deep/directory", "tmpfs", "tmpfs")
    bundle.mount("/other/deep/file", "bind", str(tmp_path / "file"), "bind")
    assert firkin.run(bundle.shell("ls /new/deep; cat /other/deep/file")) == "directory\ncontent\n"
    assert (bundle.rootfs / "new/deep/directory").is_dir()
    assert (bundle.rootfs / "other/deep/file").read_text() == ""


def test_targets_are_made_inside_earlier_mounts(firkin: Firkin, bundle: Bundle) -> None:
    bundle.mount("/mnt", "tmpfs", "tmpfs")
    bundle.mount("/mnt/a/b", "tmpfs", "tmpfs")
    bundle.mount("/mnt/a/b/c", "tmpfs", "tmpfs")
    assert "/mnt/a/b/c" in _mounted(firkin, bundle)
    assert list((bundle.rootfs / "mnt").iterdir()) == []


def test_relative_source_starts_at_the_bundle(firkin: Firkin, bundle: Bundle) -> None:
    (bundle.path / "data").mkdir()
    (bundle.path / "data/file").write_text("here\n")
    bundle.mount("/mnt", "bind", "data", "bind")
    bundle.mount("/tmp", "bind", "./data/../data", "rbind")
    assert firkin.run(bundle.shell("cat /mnt/file /tmp/file")) == "here\nhere\n"


def test_relative_destination_starts_at_the_root(firkin: Firkin, bundle: Bundle) -> None:
    bundle.mount("mnt/below", "tmpfs", "tmpfs")
    bundle.mount("/mnt/../tmp/./x/", "tmpfs", "tmpfs")
    assert {"/mnt/below", "/tmp/x"} <= _mounted(firkin, bundle).keys()


def test_symbolic_link_in_a_destination_stays_in_the_root(firkin: Firkin, bundle: Bundle) -> None:
    (bundle.rootfs / "absolute").symlink_to("/mnt")
    (bundle.rootfs / "upwards").symlink_to("../../../../tmp")
    (bundle.rootfs / "dangling").symlink_to("/made/later")
    bundle.mount("/absolute/a", "tmpfs", "tmpfs")
    bundle.mount("/upwards/b", "tmpfs", "tmpfs")
    bundle.mount("/dangling", "tmpfs", "tmpfs")
    assert {"/mnt/a", "/tmp/b", "/made/later"} <= _mounted(firkin, bundle).keys()
    assert not Path("/mnt/a").exists() and not Path("/tmp/b").exists() and not Path("/made").exists()


def test_later_mount_hides_an_earlier_one(firkin: Firkin, bundle: Bundle) -> None:
    bundle.mount("/mnt", "tmpfs", "first", "mode=700")
    bundle.mount("/mnt", "tmpfs", "second", "mode=500")
    assert firkin.run(bundle.shell("stat -c %a /mnt")) == "500\n"


def test_tmpfs_has_its_size_and_mode(firkin: Firkin, bundle: Bundle) -> None:
    bundle.mount("/mnt", "tmpfs", "tmpfs", "size=128k", "mode=1750", "nr_inodes=10")
    script = (
        "stat -c %a /mnt; stat -f -c '%b %S %c' /mnt; dd if=/dev/zero of=/mnt/f bs=64k count=3 2>&1 | grep -c space"
    )
    mode, sizes, full = firkin.run(bundle.shell(script)).splitlines()
    blocks, size, inodes = map(int, sizes.split())
    assert (mode, blocks * size, inodes, full) == ("1750", 128 << 10, 10, "1")


def test_read_only_tmpfs_on_dev_still_gets_devices(firkin: Firkin, bundle: Bundle) -> None:
    next(mount for mount in bundle.config["mounts"] if mount["destination"] == "/dev")["options"].append("ro")
    shown = firkin.run(bundle.shell("echo x > /dev/null; ls /dev/pts/ptmx; touch /dev/new 2>&1; true"))
    assert shown == "/dev/pts/ptmx\ntouch: /dev/new: Read-only file system\n"


@pytest.mark.requires("overlay")
def test_overlay(firkin: Firkin, bundle: Bundle, host_mount: Path) -> None:
    for name in ("lower", "upper", "work"):
        (host_mount / name).mkdir()
    (host_mount / "lower/file").write_text("lower\n")
    options = [
        f"{key}={host_mount}/{name}"
        for key, name in (("lowerdir", "lower"), ("upperdir", "upper"), ("workdir", "work"))
    ]
    bundle.mount("/mnt", "overlay", "overlay", *options)
    assert firkin.run(bundle.shell("cat /mnt/file; echo upper > /mnt/file")) == "lower\n"
    assert (host_mount / "upper/file").read_text() == "upper\n"
    assert (host_mount / "lower/file").read_text() == "lower\n"


@pytest.mark.requires("overlay")
def test_overlay_with_options_of_any_length(firkin: Firkin, bundle: Bundle, host_mount: Path) -> None:
    layers = []
    for number in range(12):
        layer = host_mount / f"layer-with-a-long-name-{number:04}"
        layer.mkdir()
        (layer / f"file{number}").write_text("")
        layers.append(str(layer))
    assert sum(map(len, layers)) > 500
    bundle.mount("/mnt", "overlay", "overlay", f"lowerdir={':'.join(layers)}", "ro", "nodev")
    shown = firkin.run(bundle.shell("ls /mnt | wc -l; grep ' /mnt ' /proc/self/mountinfo"))
    count, line = shown.split("\n", 1)
    assert count == "12"
    assert {"ro", "nodev"} <= parse_mountinfo(line)["/mnt"].options


@pytest.mark.requires("mqueue")
def test_message_queues_are_those_of_the_ipc_namespace(firkin: Firkin, bundle: Bundle) -> None:
    assert bundle.has_mount("/dev/mqueue")
    assert firkin.run(bundle.shell("touch /dev/mqueue/queue; ls /dev/mqueue")) == "queue\n"
    assert firkin.run(bundle.shell("ls /dev/mqueue")) == ""


def test_cgroup_mount_shows_the_containers_cgroup(firkin: Firkin, bundle: Bundle) -> None:
    script = "cat /sys/fs/cgroup/cgroup.procs | head -n 1; mkdir /sys/fs/cgroup/x 2>&1"
    done = firkin("run", "-b", bundle.shell(script).save(), firkin.new_id(), check=False)
    assert done.stdout == "1\nmkdir: can't create directory '/sys/fs/cgroup/x': Read-only file system\n"


def test_cgroup_mount_may_be_writable(firkin: Firkin, bundle: Bundle) -> None:
    next(mount for mount in bundle.config["mounts"] if mount["type"] == "cgroup")["options"].remove("ro")
    assert firkin.run(bundle.shell("mkdir /sys/fs/cgroup/x; cat /sys/fs/cgroup/x/cgroup.type")) == "domain\n"


def test_default_file_systems(firkin: Firkin, bundle: Bundle) -> None:
    mounted = _mounted(firkin, bundle)
    types = {
        place: mounted[place].type for place in ("/proc", "/dev", "/dev/pts", "/dev/shm", "/sys", "/sys/fs/cgroup")
    }
    assert types == {
        "/proc": "proc",
        "/dev": "tmpfs",
        "/dev/pts": "devpts",
        "/dev/shm": "tmpfs",
        "/sys": "sysfs",
        "/sys/fs/cgroup": "cgroup2",
    }


def test_nothing_of_the_hosts_mounts_is_in_sight(firkin: Firkin, bundle: Bundle) -> None:
    asked = {mount["destination"] for mount in bundle.config["mounts"]}
    bundle.linux["maskedPaths"] = bundle.linux["readonlyPaths"] = []
    assert _mounted(firkin, bundle).keys() == asked | {"/"}


def test_remount_changes_an_earlier_mount(firkin: Firkin, bundle: Bundle) -> None:
    bundle.mount("/mnt", "tmpfs", "tmpfs", "nosuid")
    bundle.mount("/mnt", "", "", "remount", "ro", "noexec")
    assert _mounted(firkin, bundle)["/mnt"].options == {"ro", "nosuid", "noexec", "relatime"}


def test_remount_of_a_bind_mount(firkin: Firkin, bundle: Bundle, host_mount: Path) -> None:
    bundle.mount("/mnt", "bind", str(host_mount), "rbind")
    bundle.mount("/mnt", "bind", str(host_mount), "bind", "remount", "ro")
    mounted = _mounted(firkin, bundle)
    assert "ro" in mounted["/mnt"].options
    assert "rw" in mounted["/mnt/inner"].options


def test_remount_with_options_of_the_file_system_is_refused(firkin: Firkin, bundle: Bundle) -> None:
    bundle.mount("/mnt", "tmpfs", "tmpfs")
    bundle.mount("/mnt", "tmpfs", "tmpfs", "remount", "size=1m")
    index = len(bundle.config["mounts"]) - 1
    assert firkin.fails(bundle).startswith(f"config.json: mounts[{index}].options: ")


def test_host_mounts_appear_in_a_slave_only(firkin: Firkin, bundle: Bundle, host_mount: Path) -> None:
    subprocess.run(["mount", "--make-shared", host_mount], check=True)
    (host_mount / "later").mkdir()
    for word in ("rslave", "rprivate", "rshared"):
        bundle.mount(f"/mnt/{word}", "bind", str(host_mount), "rbind", word)
    bundle.mount("/mnt/unsaid", "bind", str(host_mount), "rbind")
    id = firkin.start(bundle.shell("sleep 1000"))
    subprocess.run(["mount", "-t", "tmpfs", "later", host_mount / "later"], check=True)
    mounted = parse_mountinfo(Path(f"/proc/{firkin.state(id)['pid']}/mountinfo").read_text())
    seen = {word: f"/mnt/{word}/later" in mounted for word in ("rslave", "rprivate", "rshared", "unsaid")}
    assert seen == {"rslave": True, "rprivate": False, "rshared": True, "unsaid": True}


def test_container_mounts_reach_the_host_from_a_shared_mount_only(
    firkin: Firkin, bundle: Bundle, host_mount: Path
) -> None:
    subprocess.run(["mount", "--make-shared", host_mount], check=True)
    bundle.process["capabilities"] = {name: ["CAP_SYS_ADMIN"] for name in ("bounding", "permitted", "effective")}
    words = ("rslave", "rprivate", "rshared")
    for word in words:
        (host_mount / word).mkdir()
        bundle.mount(f"/mnt/{word}", "bind", str(host_mount), "rbind", word)
    id = firkin.start(bundle.shell("sleep 1000"))
    for word in words:
        firkin("exec", id, "mount", "-t", "tmpfs", "inside", f"/mnt/{word}/{word}")
    points = parse_mountinfo(Path("/proc/self/mountinfo").read_text())
    assert [word for word in words if str(host_mount / word) in points] == ["rshared"]


def test_mount_made_by_the_runtime_never_reaches_a_shared_host_mount(
    firkin: Firkin, bundle: Bundle, host_mount: Path
) -> None:
    subprocess.run(["mount", "--make-rshared", host_mount], check=True)
    bundle.config["root"]["path"] = str(make_rootfs(host_mount / "rootfs"))
    before = Path("/proc/self/mountinfo").read_text()
    firkin.create(bundle)
    assert Path("/proc/self/mountinfo").read_text() == before


def test_source_may_be_a_symbolic_link_of_the_host(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/file").write_text("real\n")
    (tmp_path / "link").symlink_to("real")
    bundle.mount("/mnt", "bind", str(tmp_path / "link"), "bind")
    assert firkin.run(bundle.shell("cat /mnt/file")) == "real\n"


def test_sockets_and_fifos_can_be_bound(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    bundle.mount("/run/fifo", "bind", str(tmp_path / "fifo"), "bind")
    assert firkin.run(bundle.shell("test -p /run/fifo && echo fifo")) == "fifo\n"


@pytest.mark.requires("userns")
def test_mounts_in_a_user_namespace(firkin: Firkin, bundle: Bundle, host_mount: Path) -> None:
    bundle.user_namespace()
    bundle.mount("/mnt", "bind", str(host_mount), "rbind", "ro")
    bundle.mount("/tmp", "tmpfs", "tmpfs", "size=64k")
    mounted = _mounted(firkin, bundle)
    assert mounted["/tmp"].type == "tmpfs"
    assert "ro" in mounted["/mnt"].options
    assert {"/proc", "/sys", "/dev/mqueue", "/sys/fs/cgroup"} <= mounted.keys()


def test_two_hundred_mounts(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> None:
    for number in range(200):
        bundle.mount(f"/mnt/{number}", "bind", str(tmp_path), "bind", "ro")
    assert sum(place.startswith("/mnt/") for place in _mounted(firkin, bundle)) == 200


def test_option_that_can_not_be_honoured_is_an_error(firkin: Firkin, bundle: Bundle) -> None:
    bundle.mount("/mnt", "bind", "/etc", "bind", "copy-symlink").user_namespace()
    index = len(bundle.config["mounts"]) - 1
    assert firkin.fails(bundle) == f"config.json: mounts[{index}].options: copy-symlink is not supported"


def _owners(firkin: Firkin, bundle: Bundle) -> list[str]:
    return firkin.run(bundle.shell("stat -c %u:%g /mnt/file /mnt/below/file; touch /mnt/new || true")).split()


def test_ids_of_a_mount_are_mapped(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "below").mkdir(parents=True)
    source.chmod(0o777)
    subprocess.run(["mount", "-t", "tmpfs", "below", source / "below"], check=True)
    try:
        for file in (source / "file", source / "below/file"):
            file.touch()
            os.chown(file, 1000, 2000)
        mapping = {"containerID": 1000, "hostID": 7000, "size": 1}, {"containerID": 2000, "hostID": 8000, "size": 1}
        bundle.mount("/mnt", "bind", str(source), "rbind")
        entry = bundle.config["mounts"][-1]
        entry["uidMappings"], entry["gidMappings"] = [mapping[0]], [mapping[1]]
        assert _owners(firkin, bundle) == ["7000:8000", "1000:2000"]
        entry["options"] = ["rbind", "ridmap"]
        assert _owners(firkin, bundle) == ["7000:8000", "7000:8000"]
    finally:
        subprocess.run(["umount", source / "below"], check=True)
    # A user that is not mapped can not own a file there.
    assert not (source / "new").exists()


def test_files_of_a_mount_belong_to_the_users_of_the_container(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "file").touch()
    bundle.user_namespace().mount("/mnt", "bind", str(source), "bind", "idmap")
    assert firkin.run(bundle.shell("stat -c %u /mnt/file; touch /mnt/new")) == "0\n"
    assert (source / "new").stat().st_uid == 0


def test_only_bind_mounts_can_have_their_ids_mapped(firkin: Firkin, bundle: Bundle) -> None:
    bundle.mount("/mnt", "tmpfs", "tmpfs", "idmap").user_namespace()
    index = len(bundle.config["mounts"]) - 1
    assert (
        firkin.fails(bundle) == f"config.json: mounts[{index}].uidMappings: only bind mounts can have their ids mapped"
    )


def test_option_that_the_file_system_does_not_know_is_named(firkin: Firkin, bundle: Bundle) -> None:
    bundle.mount("/mnt", "tmpfs", "tmpfs", "colour=red")
    index = len(bundle.config["mounts"]) - 1
    line = firkin.fails(bundle)
    assert line.startswith(f"mounts[{index}]: mount new tmpfs: ")
    assert "colour" in line


def test_unknown_file_system_is_named(firkin: Firkin, bundle: Bundle) -> None:
    bundle.mount("/mnt", "nosuchfs", "none")
    index = len(bundle.config["mounts"]) - 1
    expected = f"mounts[{index}]: mount new nosuchfs: No such device (the kernel does not know this file system)"
    assert firkin.fails(bundle) == expected


def test_file_and_directory_can_not_be_mounted_on_each_other(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> None:
    index = len(bundle.config["mounts"])
    (tmp_path / "file").write_text("")
    bundle.mount("/mnt", "bind", str(tmp_path / "file"), "bind")
    assert firkin.fails(bundle) == f"mounts[{index}]: mount on /mnt: is a directory"
    bundle.without_mount("/mnt").mount("/etc/passwd", "tmpfs", "tmpfs")
    assert firkin.fails(bundle) == f"mounts[{index}]: mount on /etc/passwd: not a directory"

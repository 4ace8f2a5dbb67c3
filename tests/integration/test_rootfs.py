"""The root file system: read-only, hidden in parts, with its propagation."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.bundle import Bundle, Firkin
from tests.support.mountinfo import Mounted, parse_mountinfo

pytestmark = pytest.mark.requires("root", "cgroup2")


def _mounted(firkin: Firkin, bundle: Bundle) -> dict[str, Mounted]:
    return parse_mountinfo(firkin.run(bundle.shell("cat /proc/self/mountinfo")))


def test_writable_root_is_the_bundles(firkin: Firkin, bundle: Bundle) -> None:
    firkin.run(bundle.shell("echo written > /file"))
    assert (bundle.rootfs / "file").read_text() == "written\n"


def test_read_only_root(firkin: Firkin, bundle: Bundle) -> None:
    bundle.config["root"]["readonly"] = True
    script = "touch /file 2>&1; touch /dev/shm/file && echo mounts are writable"
    expected = "touch: /file: Read-only file system\nmounts are writable\n"
    assert firkin.run(bundle.shell(script)) == expected


def test_targets_are_made_in_a_read_only_root_too(firkin: Firkin, bundle: Bundle) -> None:
    bundle.config["root"]["readonly"] = True
    bundle.mount("/made/for/it", "tmpfs", "tmpfs")
    assert {"rw", "relatime"} == _mounted(firkin, bundle)["/made/for/it"].options


def test_root_of_the_host_stays_writable(firkin: Firkin, bundle: Bundle) -> None:
    bundle.config["root"]["readonly"] = True
    before = parse_mountinfo(Path("/proc/self/mountinfo").read_text())
    firkin.run(bundle)
    assert parse_mountinfo(Path("/proc/self/mountinfo").read_text()) == before
    (bundle.rootfs / "file").write_text("")


def test_masked_file_is_empty_and_swallows_writes(firkin: Firkin, bundle: Bundle) -> None:
    (bundle.rootfs / "secret").write_text("secret")
    bundle.linux["maskedPaths"] = ["/secret"]
    assert (
        firkin.run(bundle.shell("wc -c < /secret; echo x > /secret; test -c /secret && echo device")) == "0\ndevice\n"
    )
    assert (bundle.rootfs / "secret").read_text() == "secret"


def test_masked_directory_is_empty_and_read_only(firkin: Firkin, bundle: Bundle) -> None:
    for name in ("first", "second"):
        (bundle.rootfs / name).mkdir()
        (bundle.rootfs / name / "secret").write_text("secret")
    bundle.linux["maskedPaths"] = ["/first", "/second"]
    shown = firkin.run(bundle.shell("ls -A /first /second; touch /first/file 2>&1; cat /proc/self/mountinfo"))
    assert shown.startswith("/first:\n\n/second:\ntouch: /first/file: Read-only file system\n")
    mounted = parse_mountinfo(shown)
    assert {"ro", "nosuid", "nodev", "noexec"} <= mounted["/first"].options & mounted["/second"].options


def test_masked_path_that_is_absent_is_no_error(firkin: Firkin, bundle: Bundle) -> None:
    bundle.linux["maskedPaths"] = ["/absent", "/etc/passwd/below", "/proc/absent", "/sys/absent/deep"]
    assert firkin.run(bundle.shell("echo fine")) == "fine\n"
    assert not (bundle.rootfs / "absent").exists()


def test_masks_lie_over_mounts(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    bundle.mount("/mnt", "bind", str(tmp_path), "bind")
    bundle.linux["maskedPaths"] = ["/mnt/secret", "/proc/version", "/sys/firmware"]
    shown = firkin.run(bundle.shell("wc -c < /mnt/secret; wc -c < /proc/version; ls /sys/firmware | wc -l"))
    assert shown.split() == ["0", "0", "0"]


def test_masked_symbolic_link_hides_its_target(firkin: Firkin, bundle: Bundle) -> None:
    (bundle.rootfs / "secret").write_text("secret")
    (bundle.rootfs / "link").symlink_to("/secret")
    bundle.linux["maskedPaths"] = ["/link"]
    assert firkin.run(bundle.shell("wc -c < /secret")) == "0\n"


def test_read_only_paths(firkin: Firkin, bundle: Bundle) -> None:
    (bundle.rootfs / "fixed").mkdir()
    (bundle.rootfs / "fixed/file").write_text("content\n")
    bundle.linux["readonlyPaths"] = ["/fixed", "/absent", "/etc/passwd", "/proc/sys"]
    script = (
        "cat /fixed/file; for f in /fixed/new /etc/passwd /proc/sys/kernel/domainname; do echo x > $f; done 2>&1; true"
    )
    shown = firkin.run(bundle.shell(script)).splitlines()
    assert shown[0] == "content"
    assert [line.rpartition(": ")[2] for line in shown[1:]] == ["Read-only file system"] * 3


def test_read_only_path_covers_the_mounts_below_it(firkin: Firkin, bundle: Bundle) -> None:
    bundle.mount("/mnt/below", "tmpfs", "tmpfs")
    bundle.linux["readonlyPaths"] = ["/mnt"]
    assert firkin.run(bundle.shell("touch /mnt/below/x 2>&1; true")) == "touch: /mnt/below/x: Read-only file system\n"


def test_read_only_path_keeps_other_attributes(firkin: Firkin, bundle: Bundle) -> None:
    bundle.mount("/mnt", "tmpfs", "tmpfs", "nosuid", "noexec")
    bundle.linux["readonlyPaths"] = ["/mnt"]
    assert _mounted(firkin, bundle)["/mnt"].options == {"ro", "nosuid", "noexec", "relatime"}


@pytest.mark.parametrize(
    "word", ["shared", "rshared", "slave", "rslave", "private", "rprivate", "unbindable", "runbindable"]
)
def test_propagation_of_the_root(firkin: Firkin, bundle: Bundle, word: str) -> None:
    bundle.linux["rootfsPropagation"] = word
    mounted = _mounted(firkin, bundle)
    assert mounted["/"].is_shared() == word.endswith("shared")
    assert ("unbindable" in mounted["/"].tags) == word.endswith("unbindable")
    assert mounted["/proc"].is_shared() == (word == "rshared")


@pytest.mark.parametrize(("word", "follows"), [("rslave", True), ("rshared", True), ("rprivate", False), ("", True)])
def test_mounts_of_the_host_below_a_shared_root(
    firkin: Firkin, bundle: Bundle, tmp_path: Path, word: str, follows: bool
) -> None:
    subprocess.run(["mount", "--bind", bundle.rootfs, bundle.rootfs], check=True)
    subprocess.run(["mount", "--make-shared", bundle.rootfs], check=True)
    try:
        if word:
            bundle.linux["rootfsPropagation"] = word
        id = firkin.start(bundle.shell("sleep 1000"))
        subprocess.run(["mount", "-t", "tmpfs", "later", bundle.rootfs / "mnt"], check=True)
        mounted = parse_mountinfo(Path(f"/proc/{firkin.state(id)['pid']}/mountinfo").read_text())
        assert ("/mnt" in mounted) == follows
        assert mounted["/"].is_slave() == follows
    finally:
        subprocess.run(["umount", "--recursive", bundle.rootfs], check=True)


def test_unknown_propagation_is_named(firkin: Firkin, bundle: Bundle) -> None:
    bundle.linux["rootfsPropagation"] = "rboth"
    line = firkin.fails(bundle)
    assert line.startswith('config.json: linux.rootfsPropagation: unknown mount propagation "rboth"')


def test_old_root_is_out_of_reach(firkin: Firkin, bundle: Bundle) -> None:
    outside = firkin.root.parent / "outside"
    outside.write_text("outside")
    script = (
        f"cd /; for i in 1 2 3 4 5 6 7 8 9; do cd ..; done; ls .{outside} 2>/dev/null; test -e bin/busybox && echo root"
    )
    assert firkin.run(bundle.shell(script)) == "root\n"


def test_chroot_of_a_container_without_pivot_can_not_be_left_through_its_proc(firkin: Firkin, bundle: Bundle) -> None:
    (bundle.rootfs / "mark").write_text("inside\n")
    assert firkin.run(bundle.shell("cat /proc/1/root/mark"), "--no-pivot") == "inside\n"

"""What masks hide stays hidden, whatever the image puts in the place of what masks are made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.security.sentinel import SECRET, Sentinel
from tests.support.bundle import Bundle, Firkin

pytestmark = pytest.mark.requires("root", "cgroup2")

_TARGETS = ("/proc/sys/kernel/core_pattern", "/etc/evil", "/proc/sysrq-trigger", "../../../../../../etc/passwd")
_ALL = [f"CAP_{name}" for name in ("SYS_ADMIN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "MKNOD", "SYS_CHROOT", "SYS_PTRACE")]


def _capabilities(bundle: Bundle, *names: str) -> Bundle:
    bundle.process["capabilities"] = {kind: list(names) for kind in ("bounding", "effective", "permitted")}
    return bundle


def _secret(bundle: Bundle) -> Bundle:
    (bundle.rootfs / "etc/secret").write_text(SECRET)
    (bundle.rootfs / "srv/private").mkdir(parents=True)
    (bundle.rootfs / "srv/private/secret").write_text(SECRET)
    bundle.linux["maskedPaths"] += ["/etc/secret", "/srv"]
    return bundle


def test_masked_file_and_directory_have_no_content(firkin: Firkin, bundle: Bundle) -> None:
    script = "cat /etc/secret; ls -A /srv; cat /srv/private/secret 2>&1; stat -c %t:%T /etc/secret"
    assert firkin.run(_secret(bundle).shell(script)) == (
        "cat: can't open '/srv/private/secret': No such file or directory\n1:3\n"
    )


def test_masked_directory_takes_no_files(firkin: Firkin, bundle: Bundle) -> None:
    _capabilities(_secret(bundle), "CAP_DAC_OVERRIDE").shell("touch /srv/new 2>&1; true")
    assert "Read-only file system" in firkin.run(bundle)


def test_masks_of_masks_hide_the_same(firkin: Firkin, bundle: Bundle) -> None:
    _secret(bundle).linux["maskedPaths"] += ["/srv/private", "/srv", "/etc/secret"]
    assert firkin.run(bundle.shell("cat /etc/secret; ls -A /srv")) == ""


@pytest.mark.parametrize("target", _TARGETS)
def test_null_device_of_the_image_is_not_what_masks_are_made_of(firkin: Firkin, bundle: Bundle, target: str) -> None:
    bundle.without_mount("/dev", "/dev/pts", "/dev/shm", "/dev/mqueue")
    (bundle.rootfs / "dev/null").symlink_to(target)
    pattern = Path("/proc/sys/kernel/core_pattern").read_text()
    _capabilities(_secret(bundle), *_ALL).shell("cat /etc/secret; echo evil > /etc/secret; cat /proc/keys")
    done = firkin("run", "-b", bundle.save(), firkin.new_id(), check=False)
    assert done.stdout == ""
    # The image's link is in the way of the device that every container has, and stays what it is.
    assert (bundle.rootfs / "dev/null").is_symlink()
    assert "dev/null" in done.stderr
    assert Path("/proc/sys/kernel/core_pattern").read_text() == pattern


def test_null_device_of_a_mounted_dev_is_not_what_masks_are_made_of(
    firkin: Firkin, bundle: Bundle, tmp_path: Path
) -> None:
    # A /dev that is bound is left as it is, so here the container's own null is the attacker's all the way.
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/null").symlink_to("/proc/sys/kernel/core_pattern")
    bundle.without_mount("/dev", "/dev/pts", "/dev/shm", "/dev/mqueue")
    bundle.mount("/dev", "bind", str(tmp_path / "dev"), "bind")
    _secret(bundle).shell("stat -c %t:%T /etc/secret /proc/keys; readlink /dev/null")
    assert firkin.run(bundle) == "1:3\n1:3\n/proc/sys/kernel/core_pattern\n"


def test_masked_path_that_is_a_link_hides_what_it_leads_to(firkin: Firkin, bundle: Bundle) -> None:
    (bundle.rootfs / "etc/real").write_text(SECRET)
    (bundle.rootfs / "etc/link").symlink_to("real")
    bundle.linux["maskedPaths"] += ["/etc/link"]
    assert firkin.run(bundle.shell("cat /etc/real /etc/link")) == ""


def test_missing_masked_and_readonly_paths_are_not_made(firkin: Firkin, bundle: Bundle) -> None:
    bundle.linux["maskedPaths"] += ["/absent", "/etc/passwd/absent"]
    bundle.linux["readonlyPaths"] += ["/missing"]
    assert firkin.run(bundle.shell("ls -d /absent /missing 2>/dev/null; true")) == ""


@pytest.mark.parametrize("way", ["umount /etc/secret", "umount -l /etc/secret", "umount -l /srv", "umount -l /proc"])
def test_masks_can_not_be_unmounted_without_sys_admin(firkin: Firkin, bundle: Bundle, way: str) -> None:
    _capabilities(_secret(bundle), "CAP_DAC_OVERRIDE", "CAP_MKNOD", "CAP_SYS_CHROOT")
    bundle.shell(f"{way} 2>/dev/null && echo unmounted; cat /etc/secret; ls -A /srv; cat /proc/keys")
    assert firkin.run(bundle) == ""


def test_user_namespace_of_its_own_does_not_unmask(firkin: Firkin, bundle: Bundle) -> None:
    # A new mount namespace with a less privileged owner gets locked mounts.
    script = "umount /etc/secret; umount /srv; cat /etc/secret; ls -A /srv"
    _secret(bundle).shell(f"unshare -U -r -m /bin/sh -c '{script}' 2>&1; true")
    out = firkin.run(bundle)
    assert SECRET not in out and "private" not in out
    assert "umount" in out or "unshare" in out


@pytest.mark.parametrize(
    ("path", "write"),
    [
        ("/proc/sys", "echo core > /proc/sys/kernel/core_pattern"),
        ("/proc/sysrq-trigger", "echo h > /proc/sysrq-trigger"),
        ("/proc/irq", "echo 1 > /proc/irq/default_smp_affinity"),
        ("/sys", "echo x > /sys/kernel/uevent_helper"),
        ("/data", "touch /data/new"),
        ("/data", "touch /data/below/new"),
        ("/etc/passwd", "echo x > /etc/passwd"),
    ],
)
def test_readonly_paths_are_not_writable_even_with_all_rights(
    firkin: Firkin, bundle: Bundle, path: str, write: str
) -> None:
    (bundle.rootfs / "data/below").mkdir(parents=True)
    bundle.mount("/data/below", "tmpfs", "tmpfs")
    bundle.linux["readonlyPaths"] += [path]
    script = f"({write}) 2>&1 && echo written"
    _capabilities(bundle, "CAP_DAC_OVERRIDE", "CAP_SYS_PTRACE").shell(f"{script}; true")
    out = firkin.run(bundle)
    assert "written" not in out
    assert "Read-only file system" in out or "nonexistent" in out


def test_readonly_paths_can_not_be_remounted_without_sys_admin(firkin: Firkin, bundle: Bundle) -> None:
    _capabilities(bundle, "CAP_DAC_OVERRIDE")
    bundle.shell("mount -o remount,bind,rw /proc/sys && echo remounted; echo x > /proc/sys/kernel/core_pattern")
    done = firkin("run", "-b", bundle.save(), firkin.new_id(), check=False)
    assert (done.returncode, done.stdout) == (1, "")


def test_masks_of_proc_hold_when_something_else_lies_on_proc(
    firkin: Firkin, bundle: Bundle, sentinel: Sentinel
) -> None:
    (bundle.rootfs / "proc").rmdir()
    (bundle.rootfs / "proc").symlink_to(str(sentinel.path))
    assert "/proc" in firkin.fails(bundle)

"""Mounts over /proc and inside it, which could feign what labels, masks and sysctls rely on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.bundle import Bundle, Firkin

pytestmark = pytest.mark.requires("root", "cgroup2")

_ALLOWED = ("cpuinfo", "diskstats", "meminfo", "stat", "swaps", "uptime", "loadavg")
_REFUSED = (
    "/proc/self/attr/current",
    "/proc/self/attr",
    "/proc/self",
    "/proc/1/attr",
    "/proc/sys",
    "/proc/sys/kernel/core_pattern",
    "/proc/sysrq-trigger",
    "/proc/version",
    "/proc//version",
    "/proc/./version",
    "/tmp/../proc/version",
    "/proc/cpuinfo/../version",
    "proc/version",
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A directory of the host with a file."""
    place = tmp_path / "source"
    place.mkdir()
    (place / "file").write_text("feigned\n")
    return place


@pytest.mark.parametrize("destination", ["/proc", "/proc/", "proc", "//proc", "/tmp/../proc"])
@pytest.mark.parametrize("kind", ["bind", "rbind", "tmpfs", "sysfs"])
@pytest.mark.parametrize("with_proc", [True, False])
def test_only_a_procfs_may_be_proc(
    firkin: Firkin, bundle: Bundle, source: Path, kind: str, destination: str, with_proc: bool
) -> None:
    if not with_proc:
        bundle.without_mount("/proc")
    if kind in ("bind", "rbind"):
        bundle.mount(destination, "bind", str(source), kind)
    else:
        bundle.mount(destination, kind, kind)
    message = firkin.fails(bundle)
    assert message.startswith("mounts[") and "/proc" in message


def test_tmpfs_with_options_for_mount_2_is_no_proc(firkin: Firkin, bundle: Bundle) -> None:
    bundle.mount("/proc", "tmpfs", "tmpfs", f"mode={'0' * 300}755")
    assert "/proc" in firkin.fails(bundle)


@pytest.mark.parametrize("destination", _REFUSED)
def test_nothing_is_mounted_inside_proc(firkin: Firkin, bundle: Bundle, source: Path, destination: str) -> None:
    bundle.mount(destination, "bind", str(source / "file"), "bind")
    assert "/proc" in firkin.fails(bundle)


@pytest.mark.parametrize("name", _ALLOWED)
def test_what_describes_the_machine_may_be_replaced(firkin: Firkin, bundle: Bundle, source: Path, name: str) -> None:
    bundle.mount(f"/proc/{name}", "bind", str(source / "file"), "bind", "ro")
    assert firkin.run(bundle.shell(f"cat /proc/{name}")) == "feigned\n"


@pytest.mark.parametrize("target", ["/proc/version", "../proc/sys/kernel/core_pattern", "/proc/self/attr/current"])
def test_link_of_the_image_is_no_way_into_proc(firkin: Firkin, bundle: Bundle, source: Path, target: str) -> None:
    (bundle.rootfs / "tmp/link").symlink_to(target)
    bundle.mount("/tmp/link", "bind", str(source / "file"), "bind")
    assert "lies on a procfs" in firkin.fails(bundle)


@pytest.mark.parametrize("kind", ["bind", "tmpfs", "legacy"])
def test_link_to_proc_itself_is_no_way_over_it(firkin: Firkin, bundle: Bundle, source: Path, kind: str) -> None:
    (bundle.rootfs / "tmp/link").symlink_to("/proc")
    if kind == "bind":
        bundle.mount("/tmp/link", "bind", str(source), "bind")
    else:
        bundle.mount("/tmp/link", "tmpfs", "tmpfs", *([f"mode={'0' * 300}755"] if kind == "legacy" else []))
    firkin.fails(bundle)


def test_link_into_a_process_directory_is_no_way_to_the_host(firkin: Firkin, bundle: Bundle, source: Path) -> None:
    (bundle.rootfs / "tmp/link").symlink_to("/proc/self/root/mnt")
    bundle.mount("/tmp/link", "bind", str(source), "bind")
    firkin.fails(bundle)


def test_second_procfs_elsewhere_is_masked_too_only_where_asked(firkin: Firkin, bundle: Bundle) -> None:
    bundle.mount("/mnt/proc", "proc", "proc", "nosuid", "noexec", "nodev")
    bundle.linux["maskedPaths"] += ["/mnt/proc/keys"]
    bundle.linux["readonlyPaths"] += ["/mnt/proc/sys"]
    script = "cat /mnt/proc/keys; (echo x > /mnt/proc/sys/kernel/core_pattern) 2>&1; cat /proc/keys"
    assert "Read-only file system" in firkin.run(bundle.shell(script))

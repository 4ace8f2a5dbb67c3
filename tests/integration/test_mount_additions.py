"""Mount options beyond the specification's: what other runtimes have, too."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.bundle import Bundle, Firkin

pytestmark = pytest.mark.requires("root", "cgroup2")


def test_tmpfs_gets_a_copy_of_what_it_hides(firkin: Firkin, bundle: Bundle) -> None:
    source = bundle.rootfs / "srv"
    (source / "deep/er").mkdir(parents=True)
    (source / "deep/er/file").write_bytes(b"x" * 70000)
    (source / "deep").chmod(0o2750)
    (source / "link").symlink_to("/etc/passwd")
    os.mkfifo(source / "fifo")
    os.chown(source / "link", 7, 8, follow_symlinks=False)
    os.chown(source / "deep/er/file", 1000, 1001)
    os.utime(source / "deep/er", (1000, 2000))
    bundle.mount("/srv", "tmpfs", "tmpfs", "tmpcopyup", "mode=711")
    script = "stat -f -c %T /srv; stat -c %a /srv /srv/deep; stat -c '%u:%g %s' /srv/deep/er/file; readlink /srv/link; "
    script += "stat -c %u:%g /srv/link; stat -c %F /srv/fifo; stat -c %Y /srv/deep/er; touch /srv/new"
    shown = firkin.run(bundle.shell(script)).splitlines()
    assert shown == ["tmpfs", "711", "2750", "1000:1001 70000", "/etc/passwd", "7:8", "fifo", "2000"]
    assert not (source / "new").exists()


@pytest.mark.requires("userns")
def test_tmpfs_gets_a_copy_in_a_user_namespace(firkin: Firkin, bundle: Bundle) -> None:
    (bundle.rootfs / "srv").mkdir()
    (bundle.rootfs / "srv/file").write_text("text")
    bundle.mount("/srv", "tmpfs", "tmpfs", "tmpcopyup").user_namespace()
    assert firkin.run(bundle.shell("stat -c %u:%g /srv/file; cat /srv/file")) == "0:0\ntext"


def test_copy_is_for_a_new_tmpfs(firkin: Firkin, bundle: Bundle) -> None:
    bundle.mount("/mnt", "bind", "/etc", "bind", "tmpcopyup")
    index = len(bundle.config["mounts"]) - 1
    assert firkin.fails(bundle) == f"config.json: mounts[{index}].options: tmpcopyup is for a new tmpfs only"


def test_links_at_the_source_and_the_destination_are_not_followed(
    firkin: Firkin, bundle: Bundle, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to("nowhere/at/all")
    (bundle.rootfs / "here").symlink_to("/etc/passwd")
    bundle.mount("/here", "bind", str(tmp_path / "link"), "bind", "src-nofollow", "dest-nofollow")
    assert firkin.run(bundle.shell("readlink /here; head -c 4 /etc/passwd")) == "nowhere/at/all\nroot"


def test_tmpfs_has_the_mode_of_what_it_hides(firkin: Firkin, bundle: Bundle) -> None:
    (bundle.rootfs / "srv").mkdir()
    (bundle.rootfs / "srv").chmod(0o2710)
    bundle.mount("/srv", "tmpfs", "tmpfs").mount("/srv/new", "tmpfs", "tmpfs").mount(
        "/opt", "tmpfs", "tmpfs", "mode=1500"
    )
    assert firkin.run(bundle.shell("stat -c %a /srv /srv/new /opt")).split() == ["2710", "1777", "1500"]


def test_path_that_is_masked_twice_is_masked_once(firkin: Firkin, bundle: Bundle) -> None:
    bundle.linux["maskedPaths"] = ["/tmp", "/etc/passwd", "/tmp", "/etc/passwd"]
    mounted = firkin.run(bundle.shell("cat /proc/self/mountinfo"))
    places = [line.split()[4] for line in mounted.splitlines()]
    assert (places.count("/tmp"), places.count("/etc/passwd")) == (1, 1)

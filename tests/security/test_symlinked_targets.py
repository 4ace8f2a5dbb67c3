"""Root file systems in which the places that a runtime fills are symbolic links that lead to the host."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.security.sentinel import SECRET, Sentinel
from tests.support.bundle import Bundle, Firkin
from tests.support.mountinfo import parse_mountinfo

pytestmark = pytest.mark.requires("root", "cgroup2")

_FORMS = ("absolute", "relative", "escaping", "root")


def _target(form: str, link: Path, host: Path) -> str:
    # From inside the root file system all of these but "root" name the host's place, if one follows them there.
    return {
        "absolute": str(host),
        "relative": os.path.relpath(host, link.parent),
        "escaping": f"{'../' * 30}{str(host)[1:]}",
        "root": "/",
    }[form]


def _replace(bundle: Bundle, path: str, form: str, host: Path) -> None:
    link = bundle.rootfs / path
    if link.is_dir() and not link.is_symlink():
        shutil.rmtree(link)
    link.unlink(missing_ok=True)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(_target(form, link, host))


def _attempt(firkin: Firkin, bundle: Bundle) -> bool:
    # Either the container runs, or there is one line that says why not; in both cases nothing stays behind.
    id = firkin.new_id()
    done = firkin("run", "-b", bundle.save(), id, check=False)
    assert SECRET not in done.stdout
    if done.returncode:
        lines = done.stderr.splitlines()
        assert len(lines) == 1 and lines[0].startswith("firkin: error: "), done.stderr
    assert firkin.leftovers(id) == []
    return not done.returncode


@pytest.mark.parametrize("form", _FORMS)
@pytest.mark.parametrize("place", ["proc", "sys"])
def test_kernel_file_system_is_never_put_at_the_end_of_a_link(
    firkin: Firkin, bundle: Bundle, sentinel: Sentinel, place: str, form: str
) -> None:
    _replace(bundle, place, form, sentinel.path)
    assert "is a symbolic link" in firkin.fails(bundle)


@pytest.mark.parametrize("place", ["proc", "sys"])
def test_link_to_a_directory_of_the_image_is_no_place_for_a_kernel_file_system(
    firkin: Firkin, bundle: Bundle, place: str
) -> None:
    (bundle.rootfs / "fake").mkdir()
    (bundle.rootfs / place).rmdir()
    (bundle.rootfs / place).symlink_to("fake")
    assert "is a symbolic link" in firkin.fails(bundle)
    assert list((bundle.rootfs / "fake").iterdir()) == []


@pytest.mark.parametrize("form", _FORMS)
def test_dev_as_a_link_stays_inside(firkin: Firkin, bundle: Bundle, sentinel: Sentinel, form: str) -> None:
    _replace(bundle, "dev", form, sentinel.path)
    _attempt(firkin, bundle.shell(f"cat {sentinel.path}/file /dev/file; true"))


@pytest.mark.parametrize("form", _FORMS)
def test_devices_are_not_made_behind_a_link_without_a_dev_mount(
    firkin: Firkin, bundle: Bundle, sentinel: Sentinel, form: str
) -> None:
    bundle.without_mount("/dev", "/dev/pts", "/dev/shm", "/dev/mqueue")
    _replace(bundle, "dev", form, sentinel.path)
    before = set(os.listdir("/"))
    _attempt(firkin, bundle.shell("true"))
    assert set(os.listdir("/")) == before


@pytest.mark.parametrize("form", _FORMS)
@pytest.mark.parametrize("node", ["null", "zero", "fd", "ptmx", "console", "asked"])
def test_links_in_place_of_nodes_are_not_followed(
    firkin: Firkin, bundle: Bundle, sentinel: Sentinel, node: str, form: str
) -> None:
    bundle.without_mount("/dev", "/dev/pts", "/dev/shm", "/dev/mqueue")
    bundle.linux["devices"] = [{"path": "/dev/asked", "type": "c", "major": 1, "minor": 3, "uid": 7, "gid": 7}]
    _replace(bundle, f"dev/{node}", form, sentinel.path / "file")
    _attempt(firkin, bundle.shell("true"))


@pytest.mark.parametrize("form", _FORMS)
@pytest.mark.parametrize("directory", ["pts", "shm", "mqueue"])
def test_directories_of_dev_as_links_stay_inside(
    firkin: Firkin, bundle: Bundle, sentinel: Sentinel, directory: str, form: str
) -> None:
    bundle.without_mount("/dev")
    _replace(bundle, f"dev/{directory}", form, sentinel.path / "directory")
    _attempt(firkin, bundle.shell("true"))


@pytest.mark.parametrize("form", ["absolute", "relative", "escaping"])
def test_console_as_a_link_is_not_followed(firkin: Firkin, bundle: Bundle, sentinel: Sentinel, form: str) -> None:
    bundle.without_mount("/dev")
    for name in ("pts", "shm", "mqueue"):
        (bundle.rootfs / "dev" / name).mkdir()
    _replace(bundle, "dev/console", form, sentinel.path / "file")
    bundle.process["terminal"] = True
    _attempt(firkin, bundle.shell("true"))


@pytest.mark.parametrize("form", ["absolute", "relative", "escaping"])
@pytest.mark.parametrize("kind", ["tmpfs", "bind", "legacy", "bind-file"])
def test_mount_through_a_link_stays_inside(
    firkin: Firkin, bundle: Bundle, sentinel: Sentinel, tmp_path: Path, kind: str, form: str
) -> None:
    (tmp_path / "volume").mkdir()
    (tmp_path / "volume/mark").write_text("mark")
    _replace(bundle, "tmp/target", form, sentinel.path / ("file" if kind == "bind-file" else "directory"))
    if kind == "tmpfs":
        bundle.mount("/tmp/target", "tmpfs", "tmpfs")
    elif kind == "legacy":
        bundle.mount("/tmp/target", "tmpfs", "tmpfs", "size=64k", f"mode={'0' * 300}755")
    else:
        source = tmp_path / "volume" / ("mark" if kind == "bind-file" else "")
        bundle.mount("/tmp/target", "bind", str(source), "bind")
    _attempt(firkin, bundle.shell(f"cat {sentinel.path}/file; cat /proc/self/mountinfo"))


def test_mount_through_an_absolute_link_is_where_the_container_sees_it(
    firkin: Firkin, bundle: Bundle, sentinel: Sentinel
) -> None:
    _replace(bundle, "tmp/target", "absolute", sentinel.path / "directory")
    bundle.mount("/tmp/target", "tmpfs", "inside")
    mounts = parse_mountinfo(firkin.run(bundle.shell("cat /proc/self/mountinfo")))
    assert mounts[str(sentinel.path / "directory")].source == "inside"


@pytest.mark.parametrize("form", ["absolute", "relative", "escaping"])
def test_working_directory_is_made_inside(firkin: Firkin, bundle: Bundle, sentinel: Sentinel, form: str) -> None:
    _replace(bundle, "tmp/target", form, sentinel.path)
    bundle.process["cwd"] = "/tmp/target/made"
    _attempt(firkin, bundle.shell(f"touch here; cat {sentinel.path}/file; true"))


@pytest.mark.parametrize("form", ["absolute", "relative", "escaping"])
def test_destination_with_dots_stays_inside(firkin: Firkin, bundle: Bundle, sentinel: Sentinel, form: str) -> None:
    destination = _target(form, bundle.rootfs / "tmp/target", sentinel.path / "directory")
    bundle.mount(destination if destination[0] == "/" else f"/tmp/{destination}", "tmpfs", "tmpfs")
    assert _attempt(firkin, bundle)


def test_root_path_behind_a_link_of_the_root_file_system_is_not_left(
    firkin: Firkin, bundle: Bundle, sentinel: Sentinel
) -> None:
    (bundle.rootfs / "up").symlink_to("../" * 30)
    out = firkin.run(bundle.shell(f"cat /up{sentinel.path}/file 2>&1; ls /up; true"))
    assert SECRET not in out
    assert "bin" in out.split()


def test_masked_and_readonly_paths_behind_links_change_nothing_outside(
    firkin: Firkin, bundle: Bundle, sentinel: Sentinel
) -> None:
    _replace(bundle, "tmp/target", "escaping", sentinel.path)
    bundle.linux["maskedPaths"] = ["/tmp/target/file", "/tmp/target/directory", str(sentinel.path)]
    bundle.linux["readonlyPaths"] = ["/tmp/target", str(sentinel.path)]
    assert _attempt(firkin, bundle)

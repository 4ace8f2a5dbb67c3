"""Names that become parts of paths of the host: container ids, cgroups, files of cgroups."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from firkin.cgroupfs.hierarchy import find_hierarchy
from firkin.errors import UsageError
from firkin.runtime.store import check_id
from tests.support.bundle import Bundle, Firkin

pytestmark = pytest.mark.requires("root", "cgroup2")

_BAD = (
    "",
    ".",
    "..",
    ".hidden",
    "a/b",
    "/a",
    "../a",
    "a/../../b",
    "a b",
    "a\nb",
    "ä",
    "a:b",
    "a\\b",
    "a*",
    "a%2fb",
    "x" * 1025,
)


@pytest.mark.parametrize("id", [*_BAD, "a\0b", "\0"])
def test_id_that_is_no_name_is_refused(id: str) -> None:
    with pytest.raises(UsageError):
        check_id(id)


@pytest.mark.parametrize("id", _BAD)
def test_no_command_takes_such_an_id(firkin: Firkin, bundle: Bundle, id: str) -> None:
    done = firkin("run", "-b", bundle.save(), "--", id, check=False)
    assert done.returncode not in (0, 125) or done.stderr.startswith("firkin: error: ")
    assert done.returncode and done.stdout == ""
    assert len(done.stderr.splitlines()) <= 2 and "Traceback" not in done.stderr
    assert not firkin.root.exists() or list(firkin.root.iterdir()) == []


@pytest.mark.parametrize("command", ["state", "start", "kill", "delete"])
def test_other_commands_do_not_leave_the_state_root(firkin: Firkin, tmp_path: Path, command: str) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "state.json").write_text('{"pid": 1, "startTime": 0}')
    firkin.root.mkdir(mode=0o700)
    for id in ("../other", ".", ".."):
        done = firkin(command, id, *(["KILL"] if command == "kill" else []), check=False)
        assert done.returncode and "invalid container id" in done.stderr
    assert (other / "state.json").exists()


def test_link_in_the_state_root_is_no_container(firkin: Firkin, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "state.json").write_text("{}")
    firkin.root.mkdir(mode=0o700)
    (firkin.root / "link").symlink_to(other)
    assert firkin("delete", "link", check=False).returncode
    assert (other / "state.json").exists()


def test_longest_id_ends_in_one_line_or_works(firkin: Firkin, bundle: Bundle) -> None:
    done = firkin("run", "-b", bundle.save(), "x" * 300, check=False)
    assert done.returncode and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("path", ["..", "../a", "/a/../../b", "a/..", "/..", "a/../b", "a\nb", "a\0b"])
def test_cgroup_does_not_leave_the_hierarchy(firkin: Firkin, bundle: Bundle, path: str) -> None:
    bundle.linux["cgroupsPath"] = path
    assert "linux.cgroupsPath" in firkin.fails(bundle)


@pytest.mark.parametrize("path", ["/", ".", "//", "./."])
def test_root_of_the_hierarchy_is_nobodys_cgroup(firkin: Firkin, bundle: Bundle, path: str) -> None:
    bundle.linux["cgroupsPath"] = path
    bundle.without_mount("/sys/fs/cgroup").namespaces("pid", "mount", "uts", "ipc", "network")
    out = firkin.run(bundle.shell("cat /proc/self/cgroup"))
    assert f"0::/firkin-{firkin.ids[-1]}\n" in out


def test_cgroup_that_others_use_is_not_taken(firkin: Firkin, bundle: Bundle) -> None:
    bundle.linux["cgroupsPath"] = "/firkin-taken-by-another"
    firkin.start(bundle.shell("sleep 1000"))
    assert "linux.cgroupsPath" in firkin.fails(bundle)
    assert firkin.state(firkin.ids[0])["status"] == "running"


@pytest.mark.parametrize("name", ["", ".", "..", "../cgroup.procs", "a/b", "/cgroup.procs", "a\0b"])
def test_unified_key_is_a_file_of_the_cgroup(firkin: Firkin, bundle: Bundle, name: str) -> None:
    bundle.linux["resources"]["unified"] = {name: "1"}
    assert "linux.resources.unified" in firkin.fails(bundle)


def test_unified_key_makes_no_file(firkin: Firkin, bundle: Bundle) -> None:
    bundle.linux["resources"]["unified"] = {"no.such.file": "1"}
    assert "no.such.file" in firkin.fails(bundle)
    assert list(Path(find_hierarchy().mount).glob("**/no.such.file")) == []


def test_record_is_for_its_owner_alone(firkin: Firkin, bundle: Bundle) -> None:
    before = os.umask(0)
    try:
        id = firkin.create(bundle)
    finally:
        os.umask(before)
    modes = {place: stat.S_IMODE(place.lstat().st_mode) for place in (firkin.root, firkin.root / id)}
    assert set(modes.values()) == {0o700}
    files = {place.name: stat.S_IMODE(place.lstat().st_mode) for place in (firkin.root / id).iterdir()}
    assert files and set(files.values()) == {0o600}, files

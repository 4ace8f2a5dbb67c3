"""Bad input: one clear line that names the place or the object, the right exit code, nothing left behind."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from firkin.cgroupfs.hierarchy import find_hierarchy
from tests.support.bundle import Bundle, Firkin

pytestmark = pytest.mark.requires("root", "cgroup2")


def refused(firkin: Firkin, *words: str | Path, code: int = 1) -> str:
    """A command that must fail with one line; returns the line."""
    done = firkin(*words, check=False)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr


def test_no_bundle(firkin: Firkin, tmp_path: Path) -> None:
    assert f"bundle {tmp_path}/absent: no such directory" in refused(firkin, "run", "-b", tmp_path / "absent", "x")


def test_no_configuration(firkin: Firkin, tmp_path: Path) -> None:
    assert f"read {tmp_path}/config.json: No such file" in refused(firkin, "run", "-b", tmp_path, "x")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "config.json: line 1 column 2"),
        ('{"ociVersion": 1}', "ociVersion: expected a string, got 1"),
        ('{"ociVersion": "1.0.0", "process": {"args": [1]}}', "process.args[0]: expected a string"),
        ('{"ociVersion": "9.0.0", "root": {"path": "r"}}', "ociVersion"),
    ],
)
def test_broken_configuration(firkin: Firkin, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "config.json").write_text(text)
    assert message in refused(firkin, "run", "-b", tmp_path, "x")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"root": {"path": "absent"}}, "root.path: "),
        (
            {"mounts": [{"destination": "/m", "type": "bind", "source": "/absent", "options": ["bind"]}]},
            "mounts[0].source",
        ),
        ({"mounts": [{"destination": "/m", "type": "absentfs"}]}, "mounts[0]: mount new absentfs"),
        ({"hooks": {"createRuntime": [{"path": "/bin/false"}]}}, "hooks.createRuntime[0]: /bin/false: exit status 1"),
        ({"hooks": {"prestart": [{"path": "/absent"}]}}, "hooks.prestart[0]: /absent: No such file"),
    ],
)
def test_what_the_host_does_not_have(firkin: Firkin, bundle: Bundle, change: dict[str, Any], message: str) -> None:
    bundle.config |= change
    assert message in firkin.fails(bundle)


def test_unknown_type_of_namespace(firkin: Firkin, bundle: Bundle) -> None:
    bundle.namespaces("mount", "moon")
    assert "linux.namespaces[1].type" in firkin.fails(bundle)


def test_program_that_does_not_exist(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["args"] = ["absent"]
    assert 'exec: "absent": executable file not found in $PATH' in firkin.fails(bundle, code=127)
    bundle.process["args"] = ["/bin/absent"]
    assert "stat /bin/absent: no such file or directory" in firkin.fails(bundle, code=127)


def test_program_that_is_not_executable(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["args"] = ["/etc/passwd"]
    assert "permission denied" in firkin.fails(bundle, code=126)


def test_id_that_is_taken(firkin: Firkin, bundle: Bundle) -> None:
    id = firkin.create(bundle)
    assert f"container with id {id} already exists" in refused(firkin, "run", "-b", bundle.path, id)
    assert firkin.state(id)["status"] == "created"


@pytest.mark.parametrize("id", ["", "a/b", "../x", ".x", "a b"])
def test_id_that_is_malformed(firkin: Firkin, bundle: Bundle, id: str) -> None:
    assert "invalid container id" in refused(firkin, "run", "-b", bundle.save(), "--", id)


@pytest.mark.parametrize("command", ["state", "start", "kill", "delete", "pause", "resume", "ps"])
def test_id_that_is_unknown(firkin: Firkin, command: str) -> None:
    assert 'container "unknown" does not exist' in refused(firkin, command, "unknown")


def test_limit_without_its_controller(firkin: Firkin, bundle: Bundle) -> None:
    available = find_hierarchy().controllers
    missing = next((name for name in ("rdma", "memory", "pids") if name not in available), None)
    if missing is None:
        pytest.fail("this host has every controller that the test knows")
    limits = {"rdma": {"rdma": {"mlx5_1": {"hcaHandles": 1}}}, "memory": {"memory": {"limit": 1 << 30}}}
    bundle.linux["resources"] = limits.get(missing, {"pids": {"limit": 5}})
    assert f"the {missing} controller is" in firkin.fails(bundle)


def test_user_without_permission(bundle: Bundle, tmp_path: Path) -> None:
    bundle.save()
    for directory in (bundle.path, *bundle.path.parents):
        if directory.stat().st_uid == os.getuid() and directory != Path("/"):
            directory.chmod(directory.stat().st_mode | 0o055)
    firkin = Firkin(Path("/run/firkin-not-mine"))
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    done = subprocess.run(
        [*command, *firkin.command("run", "-b", bundle.path, "x")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1 and "Permission denied" in done.stderr, done.stderr
    assert not Path("/run/firkin-not-mine").exists()

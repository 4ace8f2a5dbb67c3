"""Pidfds that are sent to whoever asks for them, the cgroup of an exec, and groups that are kept."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from firkin.cgroupfs.hierarchy import find_hierarchy
from tests.support.bundle import Bundle, Firkin
from tests.support.pidfds import PidfdTaker

pytestmark = pytest.mark.requires("root", "cgroup2")


def test_pidfd_of_a_container_is_sent(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> None:
    with PidfdTaker(tmp_path / "socket") as taker:
        id = firkin.create(bundle.shell("exec sleep 1000"), "--pidfd-socket", taker.path)
    assert taker.pid() == firkin.state(id)["pid"]
    signal.pidfd_send_signal(taker.fd, signal.SIGKILL)
    os.close(taker.fd)


def test_pidfd_of_an_exec_is_sent(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> None:
    id = firkin.start(bundle.shell("exec sleep 1000"))
    pid_file = tmp_path / "pid"
    with PidfdTaker(tmp_path / "socket") as taker:
        words = ("--detach", "--pidfd-socket", taker.path, "--pid-file", pid_file, id, "sleep", "1000")
        with open("/dev/null", "r+b") as null:
            subprocess.run(firkin.command("exec", *words), stdin=null, stdout=null, stderr=null, check=True)
    assert taker.pid() == int(pid_file.read_text())
    os.close(taker.fd)


def test_socket_that_is_not_there_is_an_error(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> None:
    line = firkin.fails(bundle, "--pidfd-socket", tmp_path / "none")
    assert line == f"--pidfd-socket: connect {tmp_path}/none: No such file or directory"


def test_exec_in_a_cgroup_below_the_containers(firkin: Firkin, bundle: Bundle) -> None:
    id = firkin.start(bundle.shell("exec sleep 1000"))
    group = Path(find_hierarchy().mount) / f"firkin-{id}"
    (group / "below").mkdir()
    shown = firkin("exec", "--cgroup", "/below", id, "grep", "^0:", "/proc/self/cgroup").stdout
    assert shown == "0::/below\n"
    assert firkin("exec", "--cgroup", "/", id, "grep", "^0:", "/proc/self/cgroup").stdout == "0::/\n"
    (group / "below").rmdir()


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/nowhere", "--cgroup: open "),
        ("../other", "leads out of the container's cgroup"),
        ("memory:/x", "names controllers"),
    ],
)
def test_cgroup_of_an_exec_that_can_not_be(firkin: Firkin, bundle: Bundle, path: str, words: str) -> None:
    id = firkin.start(bundle.shell("exec sleep 1000"))
    done = firkin("exec", "--cgroup", path, id, "true", check=False)
    assert done.returncode == 1
    assert words in done.stderr


@pytest.mark.parametrize(("value", "kept"), [("1", True), ("0", False)])
def test_groups_of_the_caller_may_be_kept(firkin: Firkin, bundle: Bundle, value: str, kept: bool) -> None:
    bundle.config["annotations"] = {"run.oci.keep_original_groups": value}
    bundle.shell("grep ^Groups: /proc/self/status")
    done = firkin("run", "-b", bundle.save(), firkin.new_id(), extra_groups=[7, 8])
    assert done.stdout.split() == ["Groups:", *(["7", "8"] if kept else [])]

"""Starting containers under monitors: what runs, what is told of a failure, what is left then."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from firkin.errors import ExecutableError, FirkinError, KernelError, StateError
from firkin.runtime.monitor.client import STDIN, Client
from firkin.runtime.monitor.launch import Order
from firkin.runtime.monitor.record import read_end
from tests.support.bundle import Bundle, Firkin
from tests.support.monitors import Monitors
from tests.support.waiting import eventually

pytestmark = pytest.mark.requires("root", "cgroup2")


def test_container_runs_and_its_end_is_recorded(monitors: Monitors, bundle: Bundle) -> None:
    watched, end = monitors.run(bundle.shell("echo out; echo err >&2; printf rest; exit 7"))
    assert sorted(watched.lines()) == ["stderr F err", "stdout F out", "stdout P rest"]
    assert (end.pid, end.start_time) == (watched.running.pid, watched.running.start_time)
    assert (end.code, end.signal, end.exit_code, end.lost_records) == (7, 0, 7, 0)
    assert end.started_ns == watched.running.started_ns < end.exited_ns
    assert {path.name: path.stat().st_mode & 0o7777 for path in watched.log.parent.iterdir()} == {
        "exit": 0o600,
        "log": 0o640,
    }


def test_commands_know_the_container(monitors: Monitors, bundle: Bundle, firkin: Firkin) -> None:
    watched = monitors.start(bundle.shell("sleep 1000"))
    state = firkin.state(watched.id)
    assert (state["status"], state["pid"]) == ("running", watched.running.pid)
    assert firkin("exec", watched.id, "hostname").stdout == "firkin\n"
    firkin("kill", watched.id, "TERM")
    firkin("kill", watched.id, "KILL")
    end = watched.end()
    assert (end.signal, end.exit_code) == (9, 137)
    assert firkin.state(watched.id)["status"] == "stopped"
    firkin("delete", watched.id)


def test_created_container_waits_for_start(monitors: Monitors, bundle: Bundle, firkin: Firkin) -> None:
    watched = monitors.start(bundle.shell("echo started; exit 3"), run=False)
    assert firkin.state(watched.id)["status"] == "created"
    assert watched.lines() == []
    firkin("start", watched.id)
    assert watched.end().code == 3
    assert watched.lines() == ["stdout F started"]


def test_failure_is_told_in_the_words_of_the_document(monitors: Monitors, bundle: Bundle, firkin: Firkin) -> None:
    bundle.process["args"] = ["/nowhere"]
    watched = monitors.begin(bundle)
    assert watched.pending is not None
    with pytest.raises(ExecutableError, match="/nowhere: no such file or directory"):
        watched.pending.finish()
    assert firkin.leftovers(watched.id) == []
    assert [path.name for path in watched.log.parent.iterdir()] == ["log"]
    with pytest.raises(StateError, match="no monitor"):
        Client(watched.directory)


def test_failed_hook_is_told_in_its_own_words(monitors: Monitors, bundle: Bundle) -> None:
    hook = {"path": "/bin/sh", "args": ["sh", "-c", "echo no network, umask $(umask); exit 5"]}
    bundle.config["hooks"] = {"createRuntime": [hook]}
    watched = monitors.begin(bundle)
    assert watched.pending is not None
    with pytest.raises(FirkinError, match=r"hooks\.createRuntime\[0\]: /bin/sh: exit status 5: no network, umask 0022"):
        watched.pending.finish()


@pytest.mark.parametrize(("make", "reason"), [("mkdir", "Is a directory"), ("mkfifo", "No such device"), ("", "")])
def test_log_that_is_no_file_is_told(
    monitors: Monitors, bundle: Bundle, tmp_path: Path, firkin: Firkin, make: str, reason: str
) -> None:
    log = tmp_path / "somewhere"
    if make:
        getattr(os, make)(log)
    else:
        log.symlink_to("/etc/passwd")
    watched = monitors.begin(bundle, log=str(log))
    assert watched.pending is not None
    with pytest.raises(KernelError, match=f"open the log {log}: .*{reason}"):
        watched.pending.finish()
    assert firkin.leftovers(watched.id) == []


def test_log_directory_that_is_missing_is_told(monitors: Monitors, bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(KernelError, match=f"open the log's directory {tmp_path}/no: No such file"):
        monitors.begin(bundle, log=f"{tmp_path}/no/log")


def test_monitor_that_is_killed_early_leaves_nothing_that_delete_does_not_remove(
    monitors: Monitors, bundle: Bundle, firkin: Firkin
) -> None:
    hook = {"path": "/bin/sh", "args": ["sh", "-c", "kill -9 $PPID"]}
    bundle.config["hooks"] = {"prestart": [hook]}
    watched = monitors.begin(bundle)
    assert watched.pending is not None
    with pytest.raises(FirkinError, match="its monitor was ended by signal 9 before it answered"):
        watched.pending.finish()
    assert read_end(watched.directory) is None
    firkin("delete", "--force", watched.id)
    assert firkin.leftovers(watched.id) == []


def test_container_has_one_monitor(monitors: Monitors, bundle: Bundle, firkin: Firkin) -> None:
    watched = monitors.start(bundle.shell("read line; exit 6"), stdin=True, stdin_once=True)
    plan = monitors.plan(bundle, firkin.new_id())
    with pytest.raises(KernelError, match=r"Device or resource busy .*the container has one that lives"):
        monitors.launcher.start(plan, watched.directory, Order())
    watched.attach(STDIN).close()
    assert watched.end().code == 6


def test_user_of_the_container_can_open_its_streams(monitors: Monitors, bundle: Bundle) -> None:
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    watched, end = monitors.run(bundle.shell("echo again > /dev/stdout; echo bad > /proc/self/fd/2"))
    assert end.code == 0
    assert sorted(watched.lines()) == ["stderr F bad", "stdout F again"]


def test_nothing_of_the_caller_is_in_the_container(monitors: Monitors, bundle: Bundle) -> None:
    opened = os.open("/etc/passwd", os.O_RDONLY)
    os.set_inheritable(opened, True)
    try:
        watched, _ = monitors.run(bundle.shell("ls -l /proc/self/fd; env"))
    finally:
        os.close(opened)
    text = "\n".join(watched.lines())
    assert "passwd" not in text and "memfd" not in text and "socket" not in text
    assert text.count(" -> ") == 3


def test_monitor_has_little_of_its_caller(monitors: Monitors, bundle: Bundle) -> None:
    watched = monitors.start(bundle.shell("sleep 1000"))
    process = Path(f"/proc/{watched.running.monitor}")
    assert (process / "environ").read_bytes() == b""
    assert os.readlink(process / "cwd") == "/"
    kinds = descriptors(process)
    own = [str(watched.log.parent), str(watched.log.parent), str(watched.log), f"{watched.log.parent}/.exit"]
    cgroup = next(kind for kind in kinds if kind.startswith("/sys/fs/cgroup"))
    expected = sorted([*["/dev/null"] * 3, *["pipe"] * 2, "socket", "anon_inode", cgroup, *own])
    # It may be at a step that has something open for a moment.
    eventually(lambda: descriptors(process), lambda kinds: kinds == expected)


def descriptors(process: Path) -> list[str]:
    """What the descriptors of a process are."""
    found = []
    for fd in (process / "fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(fd).split(":")[0])
    return sorted(found)

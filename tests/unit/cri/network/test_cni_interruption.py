"""Plug-ins whose caller was killed: ended before the next call, while what they left on purpose lives on."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from firkin.cri.network.cni.interruption import uninterrupted
from firkin.cri.network.cni.plugin import Call, run_plugin
from tests.support.cni_plugins import write_program


def call(path: Path, script: str, lock: int) -> bytes:
    program = write_program(path / "plugin", f"#!/bin/sh\n{script}\n")
    return run_plugin(Call(str(program), "x", dict(os.environ), b"", 60, lock))


def interrupted(path: Path, lock_file: str) -> int:
    """A child of this process calls a plug-in and is killed by it: the plug-in's process, which goes on."""
    script = f"echo $$ > {path}/pid; kill -KILL $PPID; sleep 1000"
    child = os.fork()
    if child == 0:
        with uninterrupted(lock_file) as lock:
            call(path, script, lock)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    return int((path / "pid").read_text())


def test_a_plugin_whose_caller_was_killed_is_ended_by_the_next_call(tmp_path: Path) -> None:
    lock_file = f"{tmp_path}/calls/box"
    orphan = interrupted(tmp_path, lock_file)
    process = os.pidfd_open(orphan)
    with uninterrupted(lock_file) as lock:
        assert call(tmp_path, "echo hello", lock) == b"hello\n"
    # It is a zombie, or is reaped already.
    try:
        assert Path(f"/proc/{orphan}/stat").read_text().split(") ")[1][0] == "Z"
    except FileNotFoundError:
        pass
    os.close(process)
    assert list((tmp_path / "calls").iterdir()) == []


def test_a_file_of_a_call_whose_plugin_ended_too_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "box").write_text("")
    with uninterrupted(f"{tmp_path}/box") as lock:
        assert call(tmp_path, "echo hello", lock) == b"hello\n"


def test_what_a_plugin_leaves_running_lives_on(tmp_path: Path) -> None:
    lock_file = f"{tmp_path}/calls/box"
    with uninterrupted(lock_file) as lock:
        call(tmp_path, f"sleep 1000 >/dev/null 2>&1 & echo $! > {tmp_path}/pid", lock)
    daemon = int((tmp_path / "pid").read_text())
    try:
        with uninterrupted(lock_file) as lock:
            call(tmp_path, "true", lock)
        assert subprocess.run(["kill", "-0", str(daemon)], check=False).returncode == 0
        assert Path(f"/proc/{daemon}/comm").read_text() == "sleep\n"
    finally:
        os.kill(daemon, signal.SIGKILL)

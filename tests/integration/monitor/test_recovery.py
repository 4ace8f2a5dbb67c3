"""Whatever is killed, and whenever: a server that looks afterwards finds out what became of the container."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import firkin.runtime.spawn
from firkin.errors import FirkinError, StateError
from firkin.runtime._monitor import ffi
from firkin.runtime.monitor.client import STDIN, End
from firkin.runtime.monitor.record import Status, read_end, write_end
from firkin.runtime.monitor.recovery import ABANDONED, ATTENDED, ENDED, look, settle
from tests.support.bundle import Bundle, Firkin
from tests.support.monitors import Monitors, Watched, next_event, wait_readable
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.requires("root", "cgroup2")

# What the launcher does for a start, and what the monitor does in its life, outside of their own memory.
LAUNCHER_CALLS = "socket,socketpair,fchmod,bind,listen,clone3,sendmsg,recvmsg"
MONITOR_CALLS = (
    "setsid,recvmsg,sendmsg,openat,fallocate,pipe2,mkdirat,mknodat,renameat2,clone3,open_tree,bpf,flock,write,writev,"
    "waitid,ftruncate,unlinkat"
)


def test_container_is_attended_then_ended(monitors: Monitors, bundle: Bundle) -> None:
    watched = monitors.start(bundle.shell("read line"), stdin=True)
    assert look(watched.directory) == ATTENDED
    assert read_end(watched.directory) is None
    with pytest.raises(StateError, match="has a monitor"):
        settle(watched.directory, str(monitors.firkin.root), watched.id)
    with watched.attach(STDIN) as client:
        client.close_stdin()
    end = watched.end()
    assert look(watched.directory) == ENDED
    assert settle(watched.directory, str(monitors.firkin.root), watched.id).exited_ns == end.exited_ns


def test_container_of_a_killed_monitor_is_settled(monitors: Monitors, bundle: Bundle, firkin: Firkin) -> None:
    watched = monitors.start(bundle.shell("trap '' TERM PIPE; while :; do sleep 1000; done"))
    with watched.client() as client:
        os.kill(watched.running.monitor, signal.SIGKILL)
        event = next_event(client)
        assert isinstance(event, End) and event.status is None
    assert look(watched.directory) == ABANDONED
    assert firkin.state(watched.id)["status"] == "running"
    for _ in range(2):
        end = settle(watched.directory, str(firkin.root), watched.id)
        assert (end.code, end.abandoned, end.pid) == (255, 1, watched.running.pid)
        # From the start time in clock ticks.
        assert abs(end.started_ns - watched.running.started_ns) < 60 * 10**9
    assert look(watched.directory) == ENDED
    assert firkin.state(watched.id)["status"] == "stopped"
    firkin("delete", watched.id)


def test_directory_in_which_nothing_was_started_is_abandoned(monitors: Monitors) -> None:
    watched = monitors.prepare()
    assert look(watched.directory) == ABANDONED
    end = settle(watched.directory, str(monitors.firkin.root), watched.id)
    assert (end.code, end.pid, end.abandoned) == (255, 0, 1)


def test_record_is_read_as_it_was_written(monitors: Monitors) -> None:
    watched = monitors.prepare()
    status = Status(pid=1, start_time=2, started_ns=3, exited_ns=4, code=5, signal=6, oom_kills=7, lost_bytes=8)
    write_end(watched.directory, status)
    assert repr(read_end(watched.directory)) == repr(status)


@pytest.mark.parametrize("text", [b"", b"pid\n", b"pid one\n", b"pid 1\nstart_time 2\n", b"\xff\xff 3\n"])
def test_malformed_record_is_told(monitors: Monitors, text: bytes) -> None:
    watched = monitors.prepare()
    (watched.log.parent / "exit").write_bytes(text)
    with pytest.raises(FirkinError, match="record of a container's end is malformed"):
        read_end(watched.directory)


def steps(trace: str) -> list[tuple[str, int]]:
    """Each call of a trace with its number among its like."""
    counts: dict[str, int] = {}
    found = []
    for name in re.findall(r"^(\w+)\(", trace, re.MULTILINE):
        counts[name] = counts.get(name, 0) + 1
        found.append((name, counts[name]))
    return found


def strace(output: Path, calls: str, inject: str = "") -> list[str]:
    program = shutil.which("strace")
    assert program
    return [program, "-o", str(output), "-e", f"trace={calls}", *(["-e", inject] if inject else [])]


def outlives(watched: Watched) -> bool:
    """Whether a container runs, once a monitor whose launcher is dead has come to the end of its start."""
    try:
        with watched.client() as client:
            client.status()
    except StateError:
        return False
    return True


@pytest.mark.requires("strace")
def test_launcher_that_is_killed_at_any_step_leaves_a_container_or_nothing(
    monitors: Monitors, bundle: Bundle, firkin: Firkin, tmp_path: Path
) -> None:
    bundle.process["args"] = ["sleep", "1000"]
    output, plan = tmp_path / "trace", tmp_path / "plan"
    null = subprocess.DEVNULL

    def launch(inject: str = "") -> Watched:
        watched = monitors.prepare()
        plan.write_bytes(monitors.plan(bundle, watched.id))
        argv = [*strace(output, LAUNCHER_CALLS, inject), sys.executable, str(Path(__file__).with_name("launcher.py"))]
        argv += [str(plan), str(watched.log.parent), str(watched.log)]
        subprocess.run(argv, stdin=null, stdout=null, stderr=null, check=False, timeout=SECONDS)
        return watched

    assert outlives(launch())
    found = steps(output.read_text())
    assert {"bind", "listen", "clone3", "sendmsg", "recvmsg"} <= {name for name, _ in found}
    lives = []
    for call, number in found:
        watched = launch(f"inject={call}:signal=SIGKILL:when={number}")
        lives.append(outlives(watched))
        assert look(watched.directory) == (ATTENDED if lives[-1] else ABANDONED)
        assert bool(firkin.leftovers(watched.id)) is lives[-1], f"killed at {call} {number}"
        if lives[-1]:
            assert firkin.state(watched.id)["status"] == "running"
    assert True in lives and False in lives


def traced_monitor(monitors: Monitors, tmp_path: Path, inject: str = "") -> Path:
    """From now on monitors run under strace; returns where the trace goes."""
    program = Path(str(firkin.runtime.spawn.__file__)).with_name("firkin-monitor")
    wrapper, output = tmp_path / "wrapper", tmp_path / "trace"
    wrapper.write_text(f"#!/bin/sh\nexec {' '.join(strace(output, MONITOR_CALLS, inject))} {program}\n")
    wrapper.chmod(0o755)
    monitors.launcher._program = ffi.new("char[]", bytes(wrapper))
    return output


def start_or_fail(monitors: Monitors, bundle: Bundle) -> Watched:
    watched = monitors.begin(bundle)
    assert watched.pending is not None
    try:
        watched.started = watched.pending.finish()
    except FirkinError:
        return watched
    # strace ends as its program did.
    wait_readable(watched.started.monitor_pidfd, "the monitor did not end")
    return watched


@pytest.mark.requires("strace")
def test_monitor_that_is_killed_at_any_step_is_seen_and_cleaned_up_after(
    monitors: Monitors, bundle: Bundle, firkin: Firkin, tmp_path: Path
) -> None:
    bundle.shell("echo text; exit 3")
    output = traced_monitor(monitors, tmp_path)
    whole = start_or_fail(monitors, bundle)
    assert read_end(whole.directory)
    found = steps(output.read_text())
    assert len(found) > 40 and len({name for name, _ in found}) > 12
    states = []
    for call, number in found:
        traced_monitor(monitors, tmp_path, f"inject={call}:signal=SIGKILL:when={number}")
        watched = start_or_fail(monitors, bundle)
        states.append(look(watched.directory))
        end = settle(watched.directory, str(firkin.root), watched.id)
        assert (end.code, end.abandoned) == ((255, 1) if states[-1] == ABANDONED else (3, 0)), f"{call} {number}"
        firkin("delete", "--force", watched.id)
        assert firkin.leftovers(watched.id) == [], f"killed at {call} {number}"
    assert ABANDONED in states and ENDED in states

"""The end of a container: what is recorded, what is not waited for, what is killed."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from firkin.runtime.monitor.client import STDIN, STDOUT
from tests.support.bundle import Bundle, Firkin
from tests.support.monitors import Monitors, read_until

pytestmark = pytest.mark.requires("root", "cgroup2")


@pytest.mark.parametrize("code", [0, 1, 42, 137, 255])
def test_exit_code_is_recorded(monitors: Monitors, bundle: Bundle, code: int) -> None:
    _, end = monitors.run(bundle.shell(f"exit {code}"))
    assert (end.code, end.signal, end.exit_code) == (code, 0, code)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV])
def test_signal_is_recorded(monitors: Monitors, bundle: Bundle, number: signal.Signals) -> None:
    # The first process of a pid namespace gets no signal from inside that it does not handle.
    bundle.namespaces("mount", "ipc", "uts", "network")
    _, end = monitors.run(bundle.shell(f"kill -{int(number)} $$; sleep 1000"))
    assert (end.code, end.signal, end.exit_code) == (0, number, 128 + number)


def test_times_are_those_of_the_process(monitors: Monitors, bundle: Bundle) -> None:
    before = time.time_ns()
    watched, end = monitors.run(bundle.shell("true"))
    assert before <= end.started_ns <= end.exited_ns <= time.time_ns()
    assert watched.running.started_ns == end.started_ns


def test_rest_of_a_container_in_a_shared_pid_namespace_is_killed(
    monitors: Monitors, bundle: Bundle, firkin: Firkin
) -> None:
    bundle.namespaces("mount", "ipc", "uts", "network")
    script = "sleep 1000 & (setsid sh -c 'trap \"\" TERM HUP; while :; do sleep 1000; done' &) ; echo begin; exit 3"
    watched, end = monitors.run(bundle.shell(script))
    assert end.code == 3
    assert watched.lines() == ["stdout F begin"]
    assert firkin("ps", "--format", "json", watched.id).stdout == "[]\n"
    firkin("delete", watched.id)


def test_what_was_written_last_is_in_the_log(monitors: Monitors, bundle: Bundle) -> None:
    bundle.namespaces("mount", "ipc", "uts", "network")
    # More than the monitor reads at once is in the pipe when the process ends.
    watched, end = monitors.run(bundle.shell("head -c 60000 /dev/zero | tr '\\0' x; kill -9 $$"))
    assert end.signal == signal.SIGKILL
    assert sum(len(line.split(" ", 2)[2]) for line in watched.lines()) == 60000


def test_orphans_of_the_hosts_pid_namespace_do_not_become_zombies(monitors: Monitors, bundle: Bundle) -> None:
    bundle.namespaces("mount", "ipc", "uts", "network")
    script = "(true & echo orphan $!); while read line; do echo $line; done"
    watched = monitors.start(bundle.shell(script), stdin=True)
    children = Path(f"/proc/{watched.running.monitor}/task/{watched.running.monitor}/children")
    with watched.attach(STDIN | STDOUT) as client, watched.client() as other:
        # One answer for each turn of the monitor's loop, in one of which it has reaped.
        while children.read_text().split() != [str(watched.running.pid)] or not watched.lines():
            other.status()
        client.close_stdin()
        _, end = read_until(client)
    assert end is not None and end.code == 0


@pytest.mark.requires("memory")
def test_lack_of_memory_is_recorded(monitors: Monitors, bundle: Bundle) -> None:
    bundle.linux["resources"] = {"memory": {"limit": 16 << 20, "swap": 16 << 20}}
    _, end = monitors.run(bundle.shell("x=0123456789; while :; do x=$x$x; done"))
    assert end.signal == signal.SIGKILL and end.oom_kills >= 1


@pytest.mark.requires("memory")
def test_enough_memory_is_recorded_too(monitors: Monitors, bundle: Bundle) -> None:
    _, end = monitors.run(bundle.shell("exit 1"))
    assert end.oom_kills == 0

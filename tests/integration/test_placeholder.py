"""The process that holds a place in a scope, and scopes where there is no systemd to make them."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import firkin as package
from firkin.runtime.placeholder import Placeholder
from firkin.runtime.store import start_time
from tests.support.bundle import Bundle, Firkin
from tests.support.waiting import SECONDS

MAKER = """
import signal
from firkin.runtime.placeholder import Placeholder
placeholder = Placeholder()
print(placeholder.pid, flush=True)
signal.pause()
"""


def has_ended(pidfd: int, seconds: float) -> bool:
    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    return bool(poller.poll(seconds * 1000))


@pytest.fixture
def maker() -> Iterator[subprocess.Popen[str]]:
    packages = str(Path(str(package.__file__)).parents[1])
    argv = [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {packages!r}){MAKER}"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_it_ends_with_its_maker_even_if_that_is_killed(maker: subprocess.Popen[str]) -> None:
    assert maker.stdout is not None
    pidfd = os.pidfd_open(int(maker.stdout.readline()))
    try:
        assert not has_ended(pidfd, 0.05)
        maker.kill()
        assert has_ended(pidfd, SECONDS)
    finally:
        os.close(pidfd)


def test_it_lives_until_it_is_closed() -> None:
    with Placeholder() as placeholder:
        assert start_time(placeholder.pid) == placeholder.started > 0
        assert os.getpgid(placeholder.pid) == placeholder.pid
        assert os.readlink(f"/proc/{placeholder.pid}/exe").endswith("/firkin-init")
        assert Path(f"/proc/{placeholder.pid}/environ").read_bytes() == b""
    assert start_time(placeholder.pid) == -1
    placeholder.close()


def test_it_holds_nothing_of_its_maker() -> None:
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    with Placeholder() as placeholder:
        os.close(writer)
        # The end of the file comes when nobody has the other end any more.
        assert has_ended(reader, SECONDS) and os.read(reader, 1) == b""
        assert start_time(placeholder.pid) == placeholder.started
    os.close(reader)


def test_somebody_else_may_have_ended_it() -> None:
    with Placeholder() as placeholder:
        os.kill(placeholder.pid, signal.SIGKILL)
        os.waitpid(placeholder.pid, 0)
    assert start_time(placeholder.pid) == -1


@pytest.mark.requires("root", "cgroup2")
@pytest.mark.parametrize("manager", ["--systemd-cgroup", "--cgroup-manager=systemd"])
@pytest.mark.parametrize("command", ["create", "run"])
def test_without_systemd_a_scope_is_refused_in_one_line(
    firkin: Firkin, bundle: Bundle, tmp_path: Path, manager: str, command: str
) -> None:
    id = firkin.new_id()
    environment = os.environ | {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={tmp_path}/bus"}
    done = firkin(manager, command, "-b", bundle.save(), id, check=False, env=environment)
    assert done.returncode == 1
    expected = f"firkin: error: connect to systemd: {tmp_path}/bus: No such file or directory (is systemd running here"
    assert done.stderr.startswith(expected) and done.stderr.count("\n") == 1
    assert firkin.leftovers(id) == []
    assert not (firkin.root / id).exists()


def test_explain_shows_a_scope_without_systemd(firkin: Firkin, bundle: Bundle) -> None:
    plan = firkin("--systemd-cgroup", "explain", bundle.save()).stdout
    assert "cgroup-of" in plan and "end-process" in plan
    assert "cgroup-make" not in plan
    bundle.linux["cgroupsPath"] = "/a/b"
    refused = firkin("--systemd-cgroup", "explain", bundle.save(), check=False)
    assert refused.returncode == 1
    assert "linux.cgroupsPath: '/a/b' is not of the form slice:prefix:name" in refused.stderr

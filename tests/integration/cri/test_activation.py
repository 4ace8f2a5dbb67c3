"""A server that a service manager starts when somebody connects to its socket."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.bundle import FIRKIN
from tests.support.cri_client import CriClient
from tests.support.cri_server import CriServer
from tests.support.netns import World
from tests.support.systemd import show, systemctl
from tests.support.waiting import SECONDS, eventually

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge")

HOST_NETWORK = {"security_context": {"namespace_options": {"network": 2, "pid": 1}}}
EXAMPLES = Path(__file__).parents[3] / "examples"
LAUNCH = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], sys.argv[2:])
"""


class ActivatedServer(CriServer):
    """A server that is handed a listening socket, which is this process's."""

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.socket))
        self.listener.listen()
        self.listener.setblocking(False)

    def launch(self) -> None:
        """Start it."""
        command = [sys.executable, "-c", LAUNCH, str(self.listener.fileno())]
        command += [str(FIRKIN), "cri", "--config", str(self.place / "config.toml")]
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[self.listener.fileno()]
            )

    def relayed(self) -> tuple[int, int]:
        """How many connections were relayed, and how many are no more."""
        log = self.log()
        return log.count("socket is relayed"), log.count("relayed no more")


@pytest.fixture
def server(here: World, tmp_path: Path) -> Iterator[ActivatedServer]:
    server = ActivatedServer(tmp_path / "cri")
    yield server
    server.clean_up()
    server.listener.close()


def test_who_came_first_is_answered_and_goes_over(server: ActivatedServer) -> None:
    calling, watching = CriClient(str(server.socket), is_patient=True), CriClient(str(server.socket), is_patient=True)
    with ThreadPoolExecutor(2) as threads:
        version = threads.submit(calling, "Version", SECONDS)
        events = watching.stream("GetContainerEvents", SECONDS)
        # Both connections are in the queue of a socket that nobody accepts from.
        eventually(lambda: _queue(server) >= 2)
        server.start()
        assert version.result().runtime_name == "firkin"
        # A stream goes on where it began, a second call of its client does not go there.
        assert watching("Version").runtime_name == "firkin"
        pod = server.pod(linux=HOST_NETWORK)
        assert next(events).container_id == pod
    # With its stream the relayed connection ends.
    watching.close()
    eventually(lambda: server.relayed(), lambda counts: counts[0] == counts[1] >= 2)
    before = server.relayed()
    assert calling("PodSandboxStatus", pod_sandbox_id=pod).status.id == pod
    assert server.relayed() == before
    calling.close()


def _queue(server: ActivatedServer) -> int:
    lines = subprocess.run(["ss", "-Hxl"], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    return sum(int(line.split()[2]) for line in lines if line.split()[4] == str(server.socket))


def test_a_server_that_was_killed_and_one_that_was_stopped(server: ActivatedServer) -> None:
    server.start()
    pod = server.pod(linux=HOST_NETWORK)
    client = CriClient(str(server.socket), is_patient=True)
    assert client("Version").runtime_name == "firkin"
    server.kill()
    server.start()
    client.wait_ready(SECONDS)
    assert client("PodSandboxStatus", pod_sandbox_id=pod).status.id == pod
    server.stop()
    # Whoever comes now waits for the next server.
    with ThreadPoolExecutor(1) as thread:
        answer = thread.submit(client, "Version", SECONDS)
        eventually(lambda: _queue(server) >= 1)
        server.start()
        assert answer.result().runtime_name == "firkin"
    client.close()


@pytest.fixture
def units(here: World, tmp_path: Path) -> Iterator[CriServer]:
    """The units of the examples, with a server's own paths in them."""
    server = CriServer(tmp_path / "cri")
    directory = Path("/run/systemd/system")
    for kind in ("socket", "service"):
        text = (EXAMPLES / f"firkin-cri.{kind}").read_text()
        text = text.replace("%t/firkin", str(server.place)).replace("/run/firkin", str(server.place))
        text = text.replace("/usr/local/bin/firkin cri", f"{FIRKIN} cri --config {server.place}/config.toml")
        (directory / f"firkin-cri.{kind}").write_text(text)
    systemctl("daemon-reload")
    systemctl("start", "firkin-cri.socket")
    yield server
    systemctl("stop", "firkin-cri.socket", "firkin-cri.service")
    for kind in ("socket", "service"):
        (directory / f"firkin-cri.{kind}").unlink()
    systemctl("daemon-reload")
    assert not server.socket.exists()
    server.start()
    server.clean_up()


@pytest.mark.requires("systemd")
def test_systemd_starts_it_for_who_connects(units: CriServer) -> None:
    def state() -> str:
        return show("firkin-cri.service", "ActiveState")["ActiveState"]

    assert state() == "inactive"
    client = CriClient(str(units.socket), is_patient=True)
    for begin in ("first", "stopped", "killed"):
        if begin == "stopped":
            systemctl("stop", "firkin-cri.service")
            assert state() == "inactive"
        elif begin == "killed":
            os.kill(int(show("firkin-cri.service", "MainPID")["MainPID"]), signal.SIGKILL)
        client.wait_ready(SECONDS)
        assert client("Version", SECONDS).runtime_name == "firkin"
        eventually(state, lambda found: found == "active")
    client.close()

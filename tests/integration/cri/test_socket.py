"""The server's socket: who can connect to it, and whose it must be."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bundle import FIRKIN
from tests.support.cri_server import CriServer
from tests.support.netns import World
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge")

USER, GROUP, OTHER = 31001, 31002, 31003

CONNECT = """
import socket, sys
with socket.socket(socket.AF_UNIX) as client:
    try:
        client.connect(sys.argv[1])
        print("connected")
    except OSError as error:
        print(error.strerror)
"""


def connect(path: Path, user: int, group: int) -> str:
    """What becomes of a connection that a user of a group makes."""
    # The threads of this process's own client make it unwise to fork here with anything but an execution in mind.
    # The interpreter itself: the environment's link to it may lie where only root gets.
    python = [os.path.realpath(sys.executable), "-I", "-S", "-c", CONNECT, str(path)]
    command = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", *python]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def public() -> Iterator[Path]:
    """A directory that everybody can get to; those of pytest are root's."""
    with tempfile.TemporaryDirectory() as path:
        os.chmod(path, 0o755)
        yield Path(path)


def test_those_who_are_named_can_connect_and_nobody_else(here: World, tmp_path: Path, public: Path) -> None:
    path = public / "inner" / "cri.sock"
    settings = f'[cri]\nsocket = "{path}"\n'
    server = CriServer(tmp_path / "cri", f'{settings}socket_users = ["{USER}"]\nsocket_group = "{GROUP}"\n')
    server.socket = path
    server.start()
    assert path.stat().st_gid == GROUP
    outcomes = [connect(path, *who) for who in ((USER, OTHER), (OTHER, GROUP), (OTHER, OTHER))]
    assert outcomes == ["connected", "connected", "Permission denied"]
    assert (path.parent.stat().st_mode & 0o007, path.stat().st_mode & 0o007) == (0, 0)
    server.stop()
    server.configure(settings)
    server.start()
    assert path.stat().st_mode & 0o777 == 0o600
    assert {connect(path, *who) for who in ((USER, OTHER), (OTHER, GROUP))} == {"Permission denied"}
    server.clean_up()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ('socket_users = ["nobody at all"]', "cri.socket_users[0]: there is no user 'nobody at all'"),
        (f'socket = "/{"x" * 120}"', f"listen on /{'x' * 120}: "),
    ],
)
def test_a_socket_that_can_not_be_had_is_an_error(here: World, tmp_path: Path, settings: str, said: str) -> None:
    server = CriServer(tmp_path / "cri", f"[cri]\n{settings}\n")
    command = [str(FIRKIN), "cri", "--config", str(server.place / "config.toml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert done.returncode == 1
    assert said in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
